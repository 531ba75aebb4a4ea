/* SPDX-License-Identifier: Apache-2.0
 *
 * nifti_reader.c: slices of a volume. The file is read plane by plane in its own order, from the front, so
 * that packed files need no more memory than a plane and the slice; planes that hold nothing of the slice are
 * passed over.
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

/* Where a slice's pixels come from. World axes: h across the picture, v down, s the one that is cut. */
typedef struct nifti_cut {
    int h, v, s;
    int64_t index; /* stored, on stored axis of s */
} nifti_cut;

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
        scan->n_slices[HG_IMAGE_AXIS_SAGITTAL + a] = (int)h->dim[h->stored[a]];
        source->orientation[h->stored[a]] = letters[a][h->reversed[a] ? 0 : 1];
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

static nifti_cut nifti_choose(const hg_scan *scan, const hg_nifti_header *h)
{
    nifti_cut cut = {.s = (int)scan->source.axis - HG_IMAGE_AXIS_SAGITTAL};
    cut.h = cut.s == 0 ? 1 : 0;
    cut.v = cut.s == 2 ? 1 : 2;
    int64_t n = h->dim[h->stored[cut.s]];
    cut.index = h->reversed[cut.s] ? n - 1 - scan->source.slice : scan->source.slice;
    return cut;
}

/* Column or row of stored index q on world axis a: rising towards left, back and foot. */
static int64_t nifti_place(const hg_nifti_header *h, int a, int64_t q)
{
    return h->reversed[a] ? q : h->dim[h->stored[a]] - 1 - q;
}

/* The voxels of stored plane k that belong to the slice. */
static void nifti_copy_plane(hg_frame *frame, const nifti_state *state, nifti_cut cut, const uint8_t *plane,
                             int64_t k)
{
    const hg_nifti_header *h = &state->header;
    int64_t from[2] = {0, 0}, to[2] = {h->dim[0], h->dim[1]};
    if (h->stored[cut.s] < 2) {
        from[h->stored[cut.s]] = cut.index;
        to[h->stored[cut.s]] = cut.index + 1;
    }
    uint8_t *out = frame->samples;
    for (int64_t j = from[1]; j < to[1]; j++) {
        for (int64_t i = from[0]; i < to[0]; i++) {
            const int64_t q[3] = {i, j, k};
            int64_t x = nifti_place(h, cut.h, q[h->stored[cut.h]]);
            int64_t y = nifti_place(h, cut.v, q[h->stored[cut.v]]);
            memcpy(out + (size_t)(y * frame->width + x) * state->voxel,
                   plane + (size_t)(j * h->dim[0] + i) * state->voxel, state->voxel);
        }
    }
}

static hg_status nifti_copy(hg_frame *frame, const nifti_state *state, nifti_cut cut, hg_gzip_stream *stream,
                            uint8_t *plane, hg_error *err)
{
    const hg_nifti_header *h = &state->header;
    bool one_plane = h->stored[cut.s] == 2;
    int64_t first = one_plane ? cut.index : 0, end = one_plane ? cut.index + 1 : h->dim[2];
    hg_status status = hg_gzip_stream_skip(stream, (uint64_t)first * state->plane, err);
    for (int64_t k = first; status == HG_STATUS_OK && k < end; k++) {
        status = hg_gzip_stream_take(stream, plane, state->plane, err);
        if (status == HG_STATUS_OK)
            nifti_copy_plane(frame, state, cut, plane, k);
    }
    return status;
}

static hg_status nifti_read_slice(hg_frame *frame, const nifti_state *state, nifti_cut cut, int index,
                                  hg_error *err)
{
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
            status = nifti_copy(frame, state, cut, &stream, plane, err);
        hg_gzip_stream_deinit(&stream);
    }
    hg_mem_free(plane);
    return status;
}

static void nifti_fill_display(hg_scan *scan, const hg_nifti_header *h, nifti_cut cut)
{
    scan->display = hg_display_default(h->type);
    scan->display.rest = HG_DISPLAY_REST_PERCENTILE;
    scan->display.slope = h->slope;
    scan->display.intercept = h->intercept;
    scan->display.function = HG_WINDOW_FUNCTION_LINEAR_EXACT;
    if (h->channels > 1)
        scan->display.colour = HG_DISPLAY_COLOUR_RGB;
    const int axes[3] = {cut.h, cut.v, cut.s};
    for (int i = 0; i < 3; i++)
        scan->source.spacing[i] = h->spacing[h->stored[axes[i]]];
}

static hg_status nifti_read(hg_scan *scan, hg_frame *frame, hg_error *err)
{
    const nifti_state *state = scan->state;
    const hg_nifti_header *h = &state->header;
    nifti_cut cut = nifti_choose(scan, h);
    int64_t width = h->dim[h->stored[cut.h]], height = h->dim[h->stored[cut.v]];
    hg_status status = hg_image_check_size(&scan->limits, (uint64_t)width, (uint64_t)height, err);
    if (status == HG_STATUS_OK)
        status = hg_frame_alloc(frame, (int)width, (int)height, h->channels, h->type, err);
    if (status == HG_STATUS_OK)
        status = nifti_read_slice(frame, state, cut, scan->source.frame, err);
    if (status != HG_STATUS_OK)
        return status;
    if (h->swapped)
        hg_samples_swap(frame->samples, hg_frame_count(frame), hg_sample_bytes(h->type));
    nifti_fill_display(scan, h, cut);
    return HG_STATUS_OK;
}

static void nifti_close(hg_scan *scan)
{
    hg_mem_free(scan->state);
    scan->state = NULL;
}

static const hg_scan_format nifti_scan = {.open = nifti_open, .read = nifti_read, .close = nifti_close};

const hg_image_format hg_nifti_format = {
    .name = "nifti", .probe = nifti_probe_file, .scan = &nifti_scan, .is_pair = nifti_is_pair};
