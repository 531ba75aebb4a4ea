/* SPDX-License-Identifier: Apache-2.0
 *
 * nifti_reader.c: slices of a volume. The file is read plane by plane in its own order, from the front, so
 * that packed files need no more memory than a plane and the slices, however many are wanted; planes that
 * hold nothing of them are passed over.
 */
#include "image/nifti_reader.h"

#include "base/checked.h"
#include "base/memory.h"
#include "image/gzip_stream.h"
#include "image/nifti_header.h"

#include <stdio.h>
#include <string.h>

typedef struct nifti_state {
    hg_nifti_header header;
    const uint8_t *samples; /* the file that holds them */
    size_t n;
    size_t voxel;       /* bytes */
    size_t plane;       /* bytes of dim[0] * dim[1] voxels */
    uint64_t one_frame; /* bytes of dim[0] * dim[1] * dim[2] */
} nifti_state;

static bool nifti_probe_file(const uint8_t *bytes, size_t n)
{
    return hg_gzip_probe(bytes, n) || hg_nifti_probe(bytes, n);
}

static bool nifti_is_pair(const uint8_t *bytes, size_t n)
{
    hg_nifti_header header;
    return !hg_gzip_probe(bytes, n) && hg_nifti_parse(&header, bytes, n, NULL) == HG_STATUS_OK && header.pair;
}

static hg_status nifti_sizes(nifti_state *state, const hg_image_limits *limits, hg_error *err)
{
    const hg_nifti_header *h = &state->header;
    size_t total;
    hg_status status = hg_image_check_size(limits, (uint64_t)h->dim[0], (uint64_t)h->dim[1], err);
    if (status != HG_STATUS_OK)
        return status;
    state->voxel = hg_sample_bytes(h->type) * (size_t)h->channels;
    state->plane = state->voxel * (size_t)h->dim[0] * (size_t)h->dim[1];
    bool ok = hg_checked_mul(state->plane, (size_t)h->dim[2], &total);
    state->one_frame = total;
    for (int i = 3; ok && i < 7; i++)
        ok = hg_checked_mul(total, (size_t)h->dim[i], &total);
    if (!ok)
        return hg_error_set(err, HG_STATUS_INPUT, "the size of the NIfTI volume overflows");
    return HG_STATUS_OK;
}

static hg_status nifti_describe(hg_scan *scan, const nifti_state *state, hg_error *err)
{
    static const char letters[3][2] = {{'L', 'R'}, {'P', 'A'}, {'I', 'S'}};
    const hg_nifti_header *h = &state->header;
    hg_image_source *source = &scan->source;
    int64_t n_frames = 1;
    for (int i = 3; i < 7; i++) {
        n_frames *= h->dim[i];
        if (n_frames > INT32_MAX)
            return hg_error_set(err, HG_STATUS_INPUT, "a NIfTI volume of %lld and more frames",
                                (long long)n_frames);
    }
    source->n_frames = (int)n_frames;
    source->bits_stored = 8 * (int)hg_sample_bytes(h->type);
    source->is_signed = hg_sample_is_signed(h->type);
    source->is_float = hg_sample_is_float(h->type);
    scan->default_axis = HG_IMAGE_AXIS_AXIAL;
    for (int a = 0; a < 3; a++) {
        scan->n_slices[HG_IMAGE_AXIS_SAGITTAL + a] = (int)h->grid.dim[h->grid.stored[a]];
        source->orientation[h->grid.stored[a]] = letters[a][h->grid.reversed[a] ? 0 : 1];
    }
    if (h->cal_max > h->cal_min) {
        source->n_windows = 1;
        source->windows[0] = (hg_image_window){.centre = (h->cal_min + h->cal_max) / 2,
                                               .width = h->cal_max - h->cal_min,
                                               .name = "cal_min to cal_max"};
    }
    return HG_STATUS_OK;
}

static hg_status nifti_open(hg_scan *scan, const hg_image_file *bytes, hg_error *err)
{
    uint8_t head[HG_NIFTI_HEADER_MAX];
    size_t got = 0;
    hg_gzip_stream stream;
    nifti_state *state = hg_mem_array(1, sizeof *state);
    if (state == NULL)
        return hg_error_memory(err, sizeof *state, "a NIfTI file");
    scan->state = state;
    hg_status status = hg_gzip_stream_init(&stream, bytes->data, bytes->n, err);
    if (status != HG_STATUS_OK)
        return status;
    status = hg_gzip_stream_read(&stream, head, sizeof head, &got, err);
    hg_gzip_stream_deinit(&stream);
    if (status == HG_STATUS_OK)
        status = hg_nifti_parse(&state->header, head, got, err);
    if (status == HG_STATUS_OK)
        status = nifti_sizes(state, &scan->limits, err);
    if (status == HG_STATUS_OK)
        status = nifti_describe(scan, state, err);
    if (status == HG_STATUS_OK && state->header.pair && bytes->pair == NULL)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "the header's samples lie in another file, which is not here");
    state->samples = state->header.pair ? bytes->pair : bytes->data;
    state->n = state->header.pair ? bytes->n_pair : bytes->n;
    return status;
}

/* What a run through the file fills: one frame for each cut. */
typedef struct nifti_job {
    const nifti_state *state;
    hg_scan_shot *shots;
    size_t n;
    hg_volume_cut cuts[HG_IMAGE_MAX_PICTURES];
} nifti_job;

/* Planes from the first to the last that some cut needs, each read once; those that none needs are passed
 * over. */
static hg_status nifti_read_planes(const nifti_job *job, hg_gzip_stream *stream, uint8_t *plane,
                                   hg_error *err)
{
    const nifti_state *state = job->state;
    const hg_volume_grid *grid = &state->header.grid;
    uint64_t behind = 0; /* bytes to be passed over before the next plane that is needed */
    hg_status status = HG_STATUS_OK;
    for (int64_t k = 0; status == HG_STATUS_OK && k < grid->dim[2]; k++) {
        bool read = false;
        for (size_t i = 0; status == HG_STATUS_OK && i < job->n; i++) {
            if (!hg_volume_cut_meets(grid, job->cuts[i], k))
                continue;
            if (!read)
                status = hg_gzip_stream_skip(stream, behind, err);
            if (!read && status == HG_STATUS_OK)
                status = hg_gzip_stream_take(stream, plane, state->plane, err);
            read = true;
            behind = 0;
            if (status == HG_STATUS_OK)
                hg_volume_cut_copy(&job->shots[i].frame, grid, job->cuts[i], state->voxel, plane, k);
        }
        behind += read ? 0 : state->plane;
    }
    return status;
}

static hg_status nifti_run(const nifti_job *job, int index, hg_error *err)
{
    const nifti_state *state = job->state;
    hg_gzip_stream stream;
    uint8_t *plane = hg_mem_alloc(state->plane);
    if (plane == NULL)
        return hg_error_memory(err, state->plane, "a plane");
    hg_status status = hg_gzip_stream_init(&stream, state->samples, state->n, err);
    if (status == HG_STATUS_OK) {
        status = hg_gzip_stream_skip(&stream, state->header.offset, err);
        if (status == HG_STATUS_OK)
            status = hg_gzip_stream_skip(&stream, state->one_frame * (uint64_t)index, err);
        if (status == HG_STATUS_OK)
            status = nifti_read_planes(job, &stream, plane, err);
        hg_gzip_stream_deinit(&stream);
    }
    hg_mem_free(plane);
    return status;
}

static void nifti_fill_display(hg_scan_shot *shot, const hg_nifti_header *h, hg_volume_cut cut)
{
    shot->display = hg_display_default(h->type);
    shot->display.rest = HG_DISPLAY_REST_PERCENTILE;
    shot->display.slope = h->slope;
    shot->display.intercept = h->intercept;
    shot->display.function = HG_WINDOW_FUNCTION_LINEAR_EXACT;
    if (h->channels > 1)
        shot->display.colour = HG_DISPLAY_COLOUR_RGB;
    hg_volume_cut_spacing(&h->grid, cut, shot->source.spacing);
}

static hg_status nifti_read(hg_scan *scan, hg_scan_shot *shots, size_t n, hg_error *err)
{
    nifti_job job = {.state = scan->state, .shots = shots, .n = n};
    const hg_nifti_header *h = &job.state->header;
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < n; i++) {
        hg_volume_cut cut = job.cuts[i] =
            hg_volume_cut_get(&h->grid, shots[i].source.axis, shots[i].source.slice);
        int64_t width = hg_volume_cut_width(&h->grid, cut), height = hg_volume_cut_height(&h->grid, cut);
        status = hg_scan_check_pictures(scan, (uint64_t)width, (uint64_t)height, n, err);
        if (status == HG_STATUS_OK)
            status = hg_frame_alloc(&shots[i].frame, (int)width, (int)height, h->channels, h->type, err);
        nifti_fill_display(&shots[i], h, cut);
    }
    if (status == HG_STATUS_OK)
        status = nifti_run(&job, shots[0].source.frame, err);
    for (size_t i = 0; status == HG_STATUS_OK && h->swapped && i < n; i++) {
        hg_frame *frame = &shots[i].frame;
        hg_samples_swap(frame->samples, hg_frame_count(frame), hg_sample_bytes(h->type));
    }
    return status;
}

static void nifti_close(hg_scan *scan)
{
    hg_mem_free(scan->state);
    scan->state = NULL;
}

static const hg_scan_format nifti_scan = {.open = nifti_open, .read_shots = nifti_read, .close = nifti_close};

const hg_image_format hg_nifti_format = {
    .name = "nifti", .probe = nifti_probe_file, .scan = &nifti_scan, .is_pair = nifti_is_pair};
