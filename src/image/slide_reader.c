/* SPDX-License-Identifier: Apache-2.0
 *
 * slide_reader.c: OpenSlide reads by path alone. The child's only path is that of the slide's own descriptor,
 * which it may open again for reading (sandbox.h); formats of several files are refused by that. Levels count
 * from 0, the largest. Pictures are read in strips, so that a level costs little more than its pixels.
 */
#include "image/slide_reader.h"

#include "base/memory.h"
#include "image/slide_probe.h"

#include <math.h>
#include <openslide.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From afar: the smallest level whose longer side has this many pixels. */
#define SLIDE_AFAR 1024
#define SLIDE_STRIP 256

typedef struct slide_state {
    openslide_t *slide;
    int level;
    int64_t size[2];   /* of the level */
    int64_t region[4]; /* x, y, width, height in pixels of the level */
    double downsample; /* of the level */
} slide_state;

static hg_status slide_check(const slide_state *state, hg_error *err)
{
    const char *text = state->slide == NULL ? "not a whole slide" : openslide_get_error(state->slide);
    return text == NULL ? HG_STATUS_OK : hg_error_set(err, HG_STATUS_INPUT, "damaged whole slide: %s", text);
}

static int64_t slide_longer_side(const slide_state *state, int level)
{
    int64_t w = 0, h = 0;
    openslide_get_level_dimensions(state->slide, level, &w, &h);
    return w > h ? w : h;
}

static hg_status slide_choose_level(slide_state *state, const hg_image_view *view, int n_levels,
                                    hg_error *err)
{
    bool whole = view->region[2] == 0;
    if (view->level >= n_levels)
        return hg_error_set(err, HG_STATUS_USAGE, "there is no level %d; the slide has 0..%d", view->level,
                            n_levels - 1);
    state->level = view->level >= 0 ? view->level : 0;
    for (int level = 1; view->level < 0 && whole && level < n_levels; level++) {
        if (slide_longer_side(state, level) >= SLIDE_AFAR)
            state->level = level;
    }
    openslide_get_level_dimensions(state->slide, state->level, &state->size[0], &state->size[1]);
    state->downsample = openslide_get_level_downsample(state->slide, state->level);
    if (state->size[0] < 1 || state->size[1] < 1 || !(state->downsample >= 1))
        return hg_error_set(err, HG_STATUS_INPUT, "level %d of the slide is damaged", state->level);
    return HG_STATUS_OK;
}

static hg_status slide_choose_region(slide_state *state, const hg_image_view *view,
                                     const hg_image_limits *limits, hg_error *err)
{
    for (int i = 0; i < 4; i++)
        state->region[i] = view->region[2] > 0 ? view->region[i] : i < 2 ? 0 : state->size[i - 2];
    for (int i = 0; i < 2; i++) {
        if (state->region[i] < 0 || state->region[2 + i] < 1 ||
            state->region[i] > state->size[i] - state->region[2 + i])
            return hg_error_set(err, HG_STATUS_USAGE,
                                "region %d,%d,%d,%d does not lie inside level %d of %lld x %lld pixels",
                                view->region[0], view->region[1], view->region[2], view->region[3],
                                state->level, (long long)state->size[0], (long long)state->size[1]);
    }
    hg_status status =
        hg_image_check_size(limits, (uint64_t)state->region[2], (uint64_t)state->region[3], err);
    if (status != HG_STATUS_OK)
        return hg_error_prefix(err, status, "level %d of the slide, of which a region may be taken",
                               state->level);
    return HG_STATUS_OK;
}

static double slide_property(const slide_state *state, const char *name)
{
    const char *text = openslide_get_property_value(state->slide, name);
    double value = text != NULL ? strtod(text, NULL) : 0;
    return isfinite(value) && value > 0 ? value : 0;
}

static void slide_describe(hg_image_source *source, const slide_state *state, int n_levels)
{
    source->n_levels = n_levels;
    source->level = state->level;
    source->bits_stored = 8;
    snprintf(source->photometric, sizeof source->photometric, "RGB");
    source->spacing[0] = slide_property(state, OPENSLIDE_PROPERTY_NAME_MPP_X) * state->downsample / 1000;
    source->spacing[1] = slide_property(state, OPENSLIDE_PROPERTY_NAME_MPP_Y) * state->downsample / 1000;
    hg_scan_note(source, "whole slide, level %d of %d, %lld x %lld pixels", state->level, n_levels,
                 (long long)state->size[0], (long long)state->size[1]);
}

static hg_status slide_open(hg_scan *scan, const hg_image_file *bytes, hg_error *err)
{
    char path[40];
    slide_state *state = hg_mem_array(1, sizeof *state);
    if (state == NULL)
        return hg_error_memory(err, sizeof *state, "a slide");
    scan->state = state;
    if (bytes->fd <= 0)
        return hg_error_set(err, HG_STATUS_FAILED, "whole slides are read from files");
    snprintf(path, sizeof path, "/proc/self/fd/%d", bytes->fd);
    state->slide = openslide_open(path);
    hg_status status = slide_check(state, err);
    if (status != HG_STATUS_OK)
        return status;
    int n_levels = openslide_get_level_count(state->slide);
    if (n_levels < 1)
        return hg_error_set(err, HG_STATUS_INPUT, "the slide has no picture");
    status = slide_choose_level(state, scan->view, n_levels, err);
    if (status == HG_STATUS_OK)
        status = slide_choose_region(state, scan->view, &scan->limits, err);
    if (status == HG_STATUS_OK)
        slide_describe(&scan->source, state, n_levels);
    return status;
}

/* Premultiplied ARGB over white, the colour of glass. */
static void slide_flatten(uint8_t *rgb, const uint32_t *argb, size_t n)
{
    for (size_t i = 0; i < n; i++, rgb += 3) {
        uint32_t rest = 255 - (argb[i] >> 24);
        for (int c = 0; c < 3; c++) {
            uint32_t value = (argb[i] >> (16 - 8 * c) & 255) + rest;
            rgb[c] = (uint8_t)(value < 255 ? value : 255);
        }
    }
}

static hg_status slide_read_strips(hg_frame *frame, const slide_state *state, uint32_t *strip, hg_error *err)
{
    const int64_t *region = state->region;
    hg_status status = HG_STATUS_OK;
    for (int y = 0; status == HG_STATUS_OK && y < frame->height; y += SLIDE_STRIP) {
        int rows = frame->height - y < SLIDE_STRIP ? frame->height - y : SLIDE_STRIP;
        /* The place counts in pixels of level 0. */
        int64_t left = llround((double)region[0] * state->downsample);
        int64_t top = llround((double)(region[1] + y) * state->downsample);
        openslide_read_region(state->slide, strip, left, top, state->level, frame->width, rows);
        status = slide_check(state, err);
        size_t n = (size_t)frame->width * (size_t)rows;
        if (status == HG_STATUS_OK)
            slide_flatten((uint8_t *)frame->samples + 3 * (size_t)y * (size_t)frame->width, strip, n);
    }
    return status;
}

static hg_status slide_read(hg_scan *scan, hg_frame *frame, hg_error *err)
{
    const slide_state *state = scan->state;
    int width = (int)state->region[2], height = (int)state->region[3];
    hg_status status = hg_frame_alloc(frame, width, height, 3, HG_SAMPLE_TYPE_U8, err);
    if (status != HG_STATUS_OK)
        return status;
    uint32_t *strip = hg_mem_array((size_t)width * SLIDE_STRIP, sizeof *strip);
    if (strip == NULL)
        return hg_error_memory(err, (size_t)width * SLIDE_STRIP * sizeof *strip, "a slide");
    status = slide_read_strips(frame, state, strip, err);
    hg_mem_free(strip);
    scan->display = hg_display_default(HG_SAMPLE_TYPE_U8);
    scan->display.colour = HG_DISPLAY_COLOUR_RGB;
    return status;
}

static void slide_close(hg_scan *scan)
{
    slide_state *state = scan->state;
    if (state != NULL && state->slide != NULL)
        openslide_close(state->slide);
    hg_mem_free(state);
    scan->state = NULL;
}

static const hg_scan_format slide_scan = {.open = slide_open, .read = slide_read, .close = slide_close};

const hg_image_format hg_slide_format = {
    .name = "slide", .probe = hg_slide_probe, .scan = &slide_scan, .needs_descriptor = true};
