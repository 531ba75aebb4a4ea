/* SPDX-License-Identifier: Apache-2.0
 *
 * resize.h: antialiased resampling that gives the same bytes as Pillow's Image.resize, which the image
 * encoder was trained with.
 */
#ifndef HG_IMAGE_RESIZE_H
#define HG_IMAGE_RESIZE_H

#include "base/error.h"

#include <stdint.h>

typedef enum hg_resize_filter {
    HG_RESIZE_FILTER_BILINEAR, /* triangle, radius 1 */
    HG_RESIZE_FILTER_BICUBIC,  /* Keys' cubic with a = -0.5, radius 2 */
    HG_RESIZE_FILTER_LANCZOS   /* windowed sinc, radius 3 */
} hg_resize_filter;

#define HG_RESIZE_MAX_CHANNELS 4

/* A picture lying on a larger canvas of one colour. Nothing of the canvas is stored. */
typedef struct hg_resize_canvas {
    const uint8_t *pixels; /* (height, width, channels) */
    int width;
    int height;
    int channels;      /* 1..4, each resampled on its own */
    int canvas_width;  /* at least left + width */
    int canvas_height; /* at least top + height */
    int left;
    int top;
    uint8_t colour[HG_RESIZE_MAX_CHANNELS]; /* of the canvas around the picture */
} hg_resize_canvas;

/* out, (out_height, out_width, channels), becomes the whole canvas at another size. All sizes are at least 1.
 * HG_STATUS_USAGE on sizes that are not, HG_STATUS_FAILED when memory is short: it needs
 * height * out_width * channels bytes. */
hg_status hg_resize_canvas_u8(uint8_t *out, int out_width, int out_height, const hg_resize_canvas *in,
                              hg_resize_filter filter, hg_error *err) HG_MUST_CHECK;

/* The same for a picture (height, width, channels) without a canvas around it. */
hg_status hg_resize_u8(uint8_t *out, int out_width, int out_height, const uint8_t *in, int width, int height,
                       int channels, hg_resize_filter filter, hg_error *err) HG_MUST_CHECK;

#endif
