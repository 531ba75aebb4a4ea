/* SPDX-License-Identifier: Apache-2.0
 *
 * display.h: from stored samples to the 8-bit picture: modality rescale or table, window, inversion, palette
 * and colour. What was chosen is written down in the image's source.
 */
#ifndef HG_IMAGE_DISPLAY_H
#define HG_IMAGE_DISPLAY_H

#include "image/frame.h"
#include "image/pixels.h"
#include "image/window.h"

typedef enum hg_display_colour {
    HG_DISPLAY_COLOUR_GREY,
    HG_DISPLAY_COLOUR_RGB,
    HG_DISPLAY_COLOUR_YBR,    /* full range, as in JPEG */
    HG_DISPLAY_COLOUR_PALETTE /* one sample, an index into three tables */
} hg_display_colour;

/* What to do with grey values when neither the caller nor the file names a window. */
typedef enum hg_display_rest {
    HG_DISPLAY_REST_RANGE,      /* smallest to largest value */
    HG_DISPLAY_REST_PERCENTILE, /* 1 to 99 percent of the values, for MR */
    HG_DISPLAY_REST_STORED, /* the full range of the stored bits: the file is a picture, not a measurement */
    HG_DISPLAY_REST_UNIT    /* 0..1 */
} hg_display_rest;

/* How a frame is to be shown. */
typedef struct hg_display {
    hg_display_colour colour;
    hg_display_rest rest;
    int bits_stored;  /* of integer samples: higher bits are cut off, signed ones sign-extended */
    int high_bit;     /* the highest of them */
    double slope;     /* of the modality rescale, for files without a table */
    double intercept; /* the same */
    hg_lut modality;  /* the tables belong to whoever filled this */
    hg_lut voi;
    hg_lut palette[3];
    bool has_padding; /* stored values from padding_low to padding_high are not part of the picture */
    double padding_low;
    double padding_high;
    bool inverted;
    hg_window_function function; /* of the file's windows */
    bool pooled;                 /* the range below takes the place of the picture's own */
    double pool_low;
    double pool_high;
    hg_window_origin pool_origin;
} hg_display;

/* Slope 1, no window, all bits of the type count. */
hg_display hg_display_default(hg_sample_type type);

/* Frees the tables. */
void hg_display_deinit(hg_display *display);

/* Gives n displays one range, of the values of all their frames, when each would take a range of its own.
 * Displays with a table, of colours, or of pictures that are shown as stored are left alone, all of them. */
hg_status hg_display_pool(hg_display *const *displays, const hg_frame *const *frames, size_t n,
                          hg_error *err) HG_MUST_CHECK;

/* The measured values of the frame's samples, as floats: hg_frame_count of them into `out`. */
void hg_display_measure(const hg_frame *frame, const hg_display *display, float *out);

/* `out` is empty and becomes 8-bit grey or RGB (16-bit colour keeps its high byte). `window` is the caller's,
 * or NULL. `source` holds the file's windows and receives the choice. HG_STATUS_USAGE when a window is wanted
 * for a picture that has none. */
hg_status hg_display_apply(hg_image *out, const hg_frame *frame, const hg_display *display,
                           const char *window, hg_image_source *source, hg_error *err) HG_MUST_CHECK;

#endif
