/* SPDX-License-Identifier: Apache-2.0
 *
 * series_reader.c: a series as a scan. Headers are read when it is opened, pixels only of the slices that are
 * wanted, one file at a time, so that memory is that of a slice and of the pictures asked for. Slices as they
 * were taken keep their own rescale and window; a cut across them is made of measured values, because every
 * file may have a rescale of its own.
 */
#include "image/series_reader.h"

#include "base/memory.h"
#include "image/dicom_file.h"
#include "image/dicom_reader.h"
#include "image/dicom_series.h"
#include "image/volume_grid.h"

#include <stdio.h>
#include <string.h>

#define SERIES_MAX_SLICES 100000

typedef struct series_slices {
    hg_dicom_slice *items;
    size_t n;
} series_slices;

typedef struct series_state {
    const hg_image_file *members;
    size_t n_members;
    series_slices slices;
    hg_dicom_set set;
    hg_dicom_stack stack;
    hg_volume_grid grid;
    hg_image_axis taken;       /* the axis across which the slices were taken */
    const hg_image_file *open; /* the member that `one` reads; NULL: none */
    hg_scan one;
    hg_image_source plain; /* what `one` said of itself before any frame was read */
} series_state;

/* Room for `more` slices behind those that there are. */
static hg_status series_grow(series_slices *slices, size_t more, hg_error *err)
{
    if (more > SERIES_MAX_SLICES - slices->n)
        return hg_error_set(err, HG_STATUS_INPUT, "more than %d slices", SERIES_MAX_SLICES);
    hg_dicom_slice *items = hg_mem_resize(slices->items, slices->n + more, sizeof *items);
    if (items == NULL)
        return hg_error_memory(err, (slices->n + more) * sizeof *items, "a series");
    slices->items = items;
    return HG_STATUS_OK;
}

/* A file is one slice, or as many as it has frames with places. */
static hg_status series_read_slices(series_slices *slices, const hg_image_file *bytes, hg_error *err)
{
    hg_status status = series_grow(slices, bytes->n_members, err);
    for (size_t i = 0; status == HG_STATUS_OK && i < bytes->n_members; i++) {
        const hg_image_file *member = &bytes->members[i];
        hg_dicom_slice first;
        hg_dicom_slice_read(&first, member->data, member->n);
        first.member = i;
        size_t n = first.picture && first.n_frames > 1 && !first.aside ? (size_t)first.n_frames : 1;
        status = series_grow(slices, n + bytes->n_members - i, err);
        if (status != HG_STATUS_OK)
            return status;
        if (n == 1 ||
            !hg_dicom_slice_read_frames(slices->items + slices->n, &first, member->data, member->n)) {
            slices->items[slices->n] = first;
            n = 1;
        }
        slices->n += n;
    }
    return status;
}

/* Directions of the stored axes, turned from DICOM's (left, back, head) to (right, front, head). */
static void series_orient(series_state *state, const hg_dicom_slice *first)
{
    double m[3][3];
    for (int i = 0; i < 3; i++) {
        double sign = i < 2 ? -1 : 1;
        m[i][0] = sign * first->row[i];
        m[i][1] = sign * first->column[i];
        m[i][2] = sign * state->stack.normal[i];
    }
    state->grid = (hg_volume_grid){.dim = {first->width, first->height, state->stack.n_places},
                                   .spacing = {first->spacing[0], first->spacing[1], state->stack.gap}};
    hg_volume_grid_orient(&state->grid, m);
    state->taken = hg_volume_grid_axis(&state->grid, 2);
}

static void series_note(hg_image_source *source, const series_state *state, size_t series)
{
    const hg_dicom_stack *stack = &state->stack;
    size_t n_localisers, n_others;
    hg_dicom_set_count_apart(&state->set, series, &n_localisers, &n_others);
    if (state->set.n_series > 1)
        hg_scan_note(source, "series %zu of %zu%s", series, state->set.n_series,
                     series == 0 ? ", the one with most pictures" : "");
    if (n_localisers > 0)
        hg_scan_note(source, "%zu localiser%s set apart", n_localisers, n_localisers == 1 ? "" : "s");
    if (n_others > 0)
        hg_scan_note(source, "%zu of another orientation or size set apart", n_others);
    if (stack->n_repeated > 0)
        hg_scan_note(source, "%zu left out because their place was taken", stack->n_repeated);
    if (state->set.n_damaged > 0)
        hg_scan_note(source, "%zu damaged file%s left out", state->set.n_damaged,
                     state->set.n_damaged == 1 ? "" : "s");
    if (stack->volume && stack->largest_gap > 1.05 * stack->least_gap + 0.02)
        hg_scan_note(source, "slices are not evenly spaced: %.3g to %.3g mm", stack->least_gap,
                     stack->largest_gap);
}

static const hg_dicom_slice *series_slice(const series_state *state, int time, int place)
{
    const hg_dicom_stack *stack = &state->stack;
    size_t at = stack->frames ? 0 : (size_t)time * (size_t)stack->n_places + (size_t)place;
    return &state->slices.items[stack->order[at]];
}

/* Names the member, when it is one of several. */
static hg_status series_blame(const hg_image_file *member, hg_status status, hg_error *err)
{
    if (status == HG_STATUS_OK || member->name == NULL)
        return status;
    return hg_error_prefix(err, status, "%s", member->name);
}

static void series_close_member(series_state *state)
{
    if (state->open != NULL)
        hg_scan_close(&state->one);
    state->open = NULL;
}

/* Opens the slice's file, which stays open until another is wanted: it may have the next frames, too. */
static hg_status series_open_member(series_state *state, const hg_dicom_slice *slice,
                                    const hg_image_limits *limits, hg_error *err)
{
    const hg_image_file *member = &state->members[slice->member];
    if (state->open != member) {
        series_close_member(state);
        hg_status status = hg_scan_open(&state->one, hg_dicom_format.scan, member, NULL, limits, err);
        if (status != HG_STATUS_OK)
            return series_blame(member, status, err);
        state->open = member;
        state->plain = state->one.source;
    }
    state->one.source = state->plain;
    return HG_STATUS_OK;
}

/* What the middle slice's file says of itself, without decoding it, then what the series adds to it. */
static hg_status series_describe(hg_scan *scan, series_state *state, size_t series, hg_error *err)
{
    const hg_dicom_stack *stack = &state->stack;
    const hg_dicom_slice *middle = series_slice(state, 0, stack->n_places / 2);
    bool one_file = state->members[middle->member].name == NULL;
    hg_status status = series_open_member(state, middle, &scan->limits, err);
    if (status != HG_STATUS_OK)
        return status;
    scan->source = state->plain;
    hg_image_source *source = &scan->source;
    source->n_frames = stack->n_times;
    if (!one_file) {
        source->instance_uid[0] = 0; /* known of a slice as it was taken */
        source->n_series = (int)state->set.n_series;
        source->series = (int)series;
        source->n_files = (int)state->n_members;
        snprintf(source->series_uid, sizeof source->series_uid, "%s", middle->series);
    }
    if (stack->volume) {
        scan->default_axis = (int)state->taken;
        for (int a = 0; a < 3; a++)
            scan->n_slices[HG_IMAGE_AXIS_SAGITTAL + a] = (int)state->grid.dim[state->grid.stored[a]];
    }
    series_note(source, state, series);
    return HG_STATUS_OK;
}

static hg_status series_open(hg_scan *scan, const hg_image_file *bytes, hg_error *err)
{
    size_t series;
    series_state *state = hg_mem_array(1, sizeof *state);
    if (state == NULL)
        return hg_error_memory(err, sizeof *state, "a series");
    scan->state = state;
    state->members = bytes->members;
    state->n_members = bytes->n_members;
    hg_status status = series_read_slices(&state->slices, bytes, err);
    if (status == HG_STATUS_OK)
        status = hg_dicom_set_init(&state->set, state->slices.items, state->slices.n, err);
    if (status == HG_STATUS_OK)
        status = hg_dicom_set_find(&state->set, scan->view->series, &series, err);
    if (status == HG_STATUS_OK)
        status = hg_dicom_stack_init(&state->stack, &state->set, series, err);
    if (status != HG_STATUS_OK)
        return status;
    if (state->stack.volume)
        series_orient(state, series_slice(state, 0, 0));
    return series_describe(scan, state, series, err);
}

/* What a file says of itself, behind what is known of the series. */
static void series_merge_source(hg_image_source *known, const hg_image_source *file)
{
    hg_image_source source = *file;
    source.n_frames = known->n_frames;
    source.frame = known->frame;
    source.n_slices = known->n_slices;
    source.slice = known->slice;
    source.axis = known->axis;
    source.n_series = known->n_series;
    source.series = known->series;
    source.n_files = known->n_files;
    memcpy(source.series_uid, known->series_uid, sizeof source.series_uid);
    memcpy(source.note, known->note, sizeof source.note);
    if (file->note[0] != 0)
        hg_scan_note(&source, "%s", file->note);
    *known = source;
}

/* Reads the frame of a place. */
static hg_status series_read_file(const hg_scan *scan, hg_scan_shot *shot, int time, int place, hg_error *err)
{
    series_state *state = scan->state;
    const hg_dicom_slice *slice = series_slice(state, time, place);
    hg_image_view view = hg_image_view_default();
    view.frame = state->stack.frames ? time : slice->frame;
    hg_status status = series_open_member(state, slice, &scan->limits, err);
    if (status != HG_STATUS_OK)
        return status;
    status = hg_scan_read(&state->one, &view, &shot->frame, err);
    shot->display = state->one.display; /* its tables change hands */
    state->one.display = (hg_display){0};
    series_merge_source(&shot->source, &state->one.source);
    return series_blame(&state->members[slice->member], status, err);
}

/* Turns the frame as the cut wants it; most need nothing. */
static hg_status series_turn(hg_scan_shot *shot, const hg_volume_grid *grid, hg_volume_cut cut, hg_error *err)
{
    const hg_frame *in = &shot->frame;
    bool as_stored = grid->stored[cut.h] == 0 && grid->reversed[cut.h] && grid->reversed[cut.v];
    if (in->width != grid->dim[0] || in->height != grid->dim[1])
        return hg_error_set(err, HG_STATUS_INPUT, "a slice has not the size that its header says");
    if (as_stored)
        return HG_STATUS_OK;
    hg_frame out = {0};
    hg_status status = hg_frame_alloc(&out, (int)hg_volume_cut_width(grid, cut),
                                      (int)hg_volume_cut_height(grid, cut), in->channels, in->type, err);
    if (status != HG_STATUS_OK)
        return status;
    size_t voxel = hg_sample_bytes(in->type) * (size_t)in->channels;
    hg_volume_cut_copy(&out, grid, cut, voxel, in->samples, cut.index);
    hg_frame_deinit(&shot->frame);
    shot->frame = out;
    return HG_STATUS_OK;
}

/* A slice as it was taken, or a frame of what is no volume. */
static hg_status series_read_taken(const hg_scan *scan, hg_scan_shot *shot, hg_error *err)
{
    const series_state *state = scan->state;
    if (!state->stack.volume)
        return series_read_file(scan, shot, shot->source.frame, 0, err);
    hg_volume_cut cut = hg_volume_cut_get(&state->grid, shot->source.axis, shot->source.slice);
    hg_status status = series_read_file(scan, shot, shot->source.frame, (int)cut.index, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_volume_cut_spacing(&state->grid, cut, shot->source.spacing);
    return series_turn(shot, &state->grid, cut, err);
}

/* How cuts across the slices are shown: measured values, with the middle slice's windows. */
static void series_cut_display(hg_display *out, hg_display *middle, hg_scan_shot *shot)
{
    *out = hg_display_default(HG_SAMPLE_TYPE_F32);
    out->rest = middle->rest == HG_DISPLAY_REST_STORED ? HG_DISPLAY_REST_RANGE : middle->rest;
    out->function = middle->function;
    out->inverted = middle->inverted;
    out->pooled = middle->rest == HG_DISPLAY_REST_STORED;
    out->pool_high = (double)(((uint64_t)1 << (middle->bits_stored & 31)) - 1);
    out->pool_origin = HG_WINDOW_ORIGIN_NONE;
    out->has_padding = middle->has_padding && middle->modality.entries == NULL && middle->slope > 0;
    out->padding_low = middle->slope * middle->padding_low + middle->intercept;
    out->padding_high = middle->slope * middle->padding_high + middle->intercept;
    if (middle->voi.entries != NULL && shot->source.n_windows == 0)
        hg_scan_note(&shot->source, "the VOI table is not used across slices");
}

/* Puts one slice's measured values where the cuts meet it. `plane`: room for a slice. */
static hg_status series_cut_slice(const hg_scan *scan, hg_scan_shot *shots, size_t n, int place, float *plane,
                                  hg_error *err)
{
    const series_state *state = scan->state;
    const hg_volume_grid *grid = &state->grid;
    hg_scan_shot one = {.source = shots[0].source};
    hg_status status = series_read_file(scan, &one, shots[0].source.frame, place, err);
    if (status == HG_STATUS_OK && one.display.colour != HG_DISPLAY_COLOUR_GREY)
        status = hg_error_set(err, HG_STATUS_USAGE, "volumes of colours are only shown as they were taken");
    if (status == HG_STATUS_OK && (one.frame.width != grid->dim[0] || one.frame.height != grid->dim[1]))
        status = hg_error_set(err, HG_STATUS_INPUT, "a slice has not the size that its header says");
    if (status == HG_STATUS_OK) {
        hg_display_measure(&one.frame, &one.display, plane);
        for (size_t i = 0; i < n; i++) {
            hg_volume_cut cut = hg_volume_cut_get(grid, shots[i].source.axis, shots[i].source.slice);
            hg_volume_cut_copy(&shots[i].frame, grid, cut, sizeof *plane, plane, place);
            if (place == state->stack.n_places / 2) {
                memcpy(shots[i].source.note, one.source.note, sizeof one.source.note);
                shots[i].source.n_windows = one.source.n_windows;
                memcpy(shots[i].source.windows, one.source.windows, sizeof one.source.windows);
                series_cut_display(&shots[i].display, &one.display, &shots[i]);
                hg_volume_cut_spacing(grid, cut, shots[i].source.spacing);
            }
        }
    }
    hg_frame_deinit(&one.frame);
    hg_display_deinit(&one.display);
    return status;
}

static hg_status series_read_across(const hg_scan *scan, hg_scan_shot *shots, size_t n, hg_error *err)
{
    const series_state *state = scan->state;
    const hg_volume_grid *grid = &state->grid;
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < n; i++) {
        hg_volume_cut cut = hg_volume_cut_get(grid, shots[i].source.axis, shots[i].source.slice);
        int64_t width = hg_volume_cut_width(grid, cut), height = hg_volume_cut_height(grid, cut);
        status = hg_scan_check_pictures(scan, (uint64_t)width, (uint64_t)height, n, err);
        if (status == HG_STATUS_OK)
            status = hg_frame_alloc(&shots[i].frame, (int)width, (int)height, 1, HG_SAMPLE_TYPE_F32, err);
    }
    if (status != HG_STATUS_OK)
        return status;
    size_t voxels = (size_t)grid->dim[0] * (size_t)grid->dim[1];
    float *plane = hg_mem_array(voxels, sizeof *plane);
    if (plane == NULL)
        return hg_error_memory(err, voxels * sizeof *plane, "a slice");
    for (int k = 0; status == HG_STATUS_OK && k < state->stack.n_places; k++)
        status = series_cut_slice(scan, shots, n, k, plane, err);
    hg_mem_free(plane);
    return status;
}

static hg_status series_read(hg_scan *scan, hg_scan_shot *shots, size_t n, hg_error *err)
{
    const series_state *state = scan->state;
    if (state->stack.volume && shots[0].source.axis != state->taken)
        return series_read_across(scan, shots, n, err);
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < n; i++) {
        status = series_read_taken(scan, &shots[i], err);
        if (status == HG_STATUS_OK)
            status = hg_scan_check_pictures(scan, (uint64_t)shots[i].frame.width,
                                            (uint64_t)shots[i].frame.height, n, err);
    }
    return status;
}

static void series_close(hg_scan *scan)
{
    series_state *state = scan->state;
    if (state == NULL)
        return;
    series_close_member(state);
    hg_dicom_stack_deinit(&state->stack);
    hg_dicom_set_deinit(&state->set);
    hg_mem_free(state->slices.items);
    hg_mem_free(state);
    scan->state = NULL;
}

bool hg_series_is_stack(const hg_image_file *file)
{
    const hg_image_file series = {.members = file, .n_members = 1};
    series_slices slices = {.items = NULL};
    hg_dicom_set set = {.n = 0};
    hg_dicom_stack stack = {.order = NULL};
    bool is_stack = series_read_slices(&slices, &series, NULL) == HG_STATUS_OK && slices.n > 1 &&
                    hg_dicom_set_init(&set, slices.items, slices.n, NULL) == HG_STATUS_OK &&
                    set.n_groups == 1 && hg_dicom_stack_init(&stack, &set, 0, NULL) == HG_STATUS_OK &&
                    stack.volume && stack.n_repeated == 0; /* else some frames could not be reached */
    hg_dicom_stack_deinit(&stack);
    hg_dicom_set_deinit(&set);
    hg_mem_free(slices.items);
    return is_stack;
}

hg_status hg_series_list(hg_image_series *series, size_t max, size_t *n, const hg_image_file *bytes,
                         hg_error *err)
{
    hg_dicom_set set = {.n = 0};
    series_slices slices = {.items = NULL};
    hg_status status = series_read_slices(&slices, bytes, err);
    if (status == HG_STATUS_OK)
        status = hg_dicom_set_init(&set, slices.items, slices.n, err);
    *n = status == HG_STATUS_OK ? set.n_series : 0;
    for (size_t i = 0; i < *n && i < max; i++) {
        const hg_dicom_group *group = &set.groups[set.series[i]];
        const hg_dicom_slice *first = &slices.items[group->first];
        series[i] = (hg_image_series){
            .width = first->width, .height = first->height, .n_pictures = (int)group->n_pictures};
        memcpy(series[i].uid, first->series, sizeof series[i].uid);
        memcpy(series[i].modality, first->modality, sizeof series[i].modality);
    }
    hg_dicom_set_deinit(&set);
    hg_mem_free(slices.items);
    return status;
}

static bool series_probe(const uint8_t *bytes, size_t n)
{
    (void)bytes;
    (void)n;
    return false;
}

static const hg_scan_format series_scan = {
    .open = series_open, .read_shots = series_read, .close = series_close};

const hg_image_format hg_series_format = {
    .name = "dicom", .probe = series_probe, .scan = &series_scan, .prepare = hg_dicom_prepare};
