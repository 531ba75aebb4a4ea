/* SPDX-License-Identifier: Apache-2.0
 *
 * roi.h: regions of interest marked in a picture (visual prompts), as MedVP (arXiv 2501.02385) does: an
 * outline blended into the pixels before the image encoder sees them, and named in the question.
 */
#ifndef HEALTHGPT_ROI_H
#define HEALTHGPT_ROI_H

#include <healthgpt/image.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hg_roi_shape {
    HG_ROI_SHAPE_BOX,     /* the region's outline */
    HG_ROI_SHAPE_ELLIPSE, /* the one that fits into it */
    HG_ROI_SHAPE_ARROW    /* pointing at its middle, from the side of the picture's middle */
} hg_roi_shape;

/* In pixels of the opened picture, upright and windowed, before any resizing; x to the right, y down, from 0.
 */
typedef struct hg_roi {
    int x;
    int y;
    int width;
    int height;
    hg_roi_shape shape;
} hg_roi;

/* Regions of a picture, at most: each has a colour of its own, red, green, blue, yellow, magenta, cyan. */
#define HG_ROI_MAX 6

/* Bytes that always hold hg_roi_describe's text. */
#define HG_ROI_TEXT_BYTES 400

/* "x,y,w,h" or "x,y,w,h,box|ellipse|arrow". HG_STATUS_USAGE for other texts. */
HG_API hg_status hg_roi_parse(hg_roi *roi, const char *text, hg_error *err) HG_MUST_CHECK;

/* A new picture (8 bits, RGB) with n regions marked, numbered in their order: lines of 3 pixels where the
 * longer side has 336, 69 % of the colour and 31 % of the picture. HG_STATUS_USAGE when a region is not all
 * inside the picture, or n is not 1..HG_ROI_MAX. */
HG_API hg_status hg_roi_draw(hg_image **marked, const hg_image *image, const hg_roi *rois, size_t n,
                             hg_error *err) HG_MUST_CHECK;

/* The sentences that name the regions, to stand in front of a question: "Region 1 is within the red box.
 * Region 2 is pointed to by the green arrow." */
HG_API void hg_roi_describe(char text[HG_ROI_TEXT_BYTES], const hg_roi *rois, size_t n);

#ifdef __cplusplus
}
#endif

#endif
