/* SPDX-License-Identifier: Apache-2.0
 *
 * window.h: from the values of a scan (Hounsfield units and the like) to the brightness of a screen: DICOM's
 * three window functions (PS3.3 C.11.2.1.2), lookup tables, and the named windows that radiologists use.
 */
#ifndef HG_IMAGE_WINDOW_H
#define HG_IMAGE_WINDOW_H

#include "base/error.h"

#include <healthgpt/image.h>

#include <stdint.h>

/* A lookup table of a file: entry i stands for the value first + i; values outside take the nearest entry. */
typedef struct hg_lut {
    uint16_t *entries; /* owned by who made it; NULL: no table */
    size_t n;
    int first;
    int bits; /* of an entry: the largest is 2^bits - 1 */
} hg_lut;

/* Entry for a value, which is rounded down. */
uint16_t hg_lut_get(const hg_lut *lut, double value);

/* A value's brightness, 0..1. The width of LINEAR is at least 1, that of the others above 0. */
double hg_window_apply(hg_window_function function, double centre, double width, double value);

/* HG_STATUS_INPUT when the width is too small for the function or a number is not finite. */
hg_status hg_window_check(hg_window_function function, double centre, double width,
                          hg_error *err) HG_MUST_CHECK;

/* "C,W", or the name of a preset, which then also stands in window->name. HG_STATUS_USAGE for other texts. */
hg_status hg_window_parse(hg_image_window *window, const char *text, hg_error *err) HG_MUST_CHECK;

#endif
