/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_slice.h: one slice through a patient: all contrasts at once, from the same points, so they are
 * registered by construction.
 */
#ifndef HG_DATA_PHANTOM_SLICE_H
#define HG_DATA_PHANTOM_SLICE_H

#include "data/phantom_body.h"
#include "data/phantom_organ.h"

#include <healthgpt/image.h>

#define HG_PHANTOM_MAX_SIZE 512
#define HG_PHANTOM_CELLS 8 /* a picture's side in cells of which it is known what lies there */

/* What was met in a cell, in points. */
typedef struct hg_phantom_cell {
    uint32_t organs[HG_ORGAN_COUNT]; /* HG_ORGAN_NONE: other tissue */
    uint32_t lesion, body, all;
} hg_phantom_cell;

/* Where a slice lies: the middle of its first pixel, the steps to the next pixel and the next row, and the
 * direction across, in mm of the scanner's frame. */
typedef struct hg_slice_place {
    hg_image_axis axis; /* axial, coronal or sagittal */
    int size;           /* pixels on a side */
    float pixel_mm, thick_mm;
    hg_vec3 origin, right, down, across;
} hg_slice_place;

typedef struct hg_phantom_slice {
    hg_slice_place place;
    float *values[HG_CONTRAST_COUNT]; /* (size, size) each: HU, or the signal without noise */
    float organ_mm2[HG_ORGAN_COUNT];  /* area of each organ in the slice */
    float lesion_mm2;
    float body_mm2;
    hg_phantom_cell cells[HG_PHANTOM_CELLS * HG_PHANTOM_CELLS]; /* row by row */
} hg_phantom_slice;

/* A slice across `axis` at `at` mm, `field_mm` wide, as radiologists look at it: axial and coronal with the
 * patient's right on the left; the head or the front is up. */
hg_slice_place hg_slice_place_make(hg_image_axis axis, float at, float field_mm, int size, float thick_mm);

/* `values` of the slice point to the caller's memory. `samples`: points along each side of a pixel and
 * through the slice; their mean is the pixel's value (partial volume). */
void hg_phantom_slice_render(hg_phantom_slice *slice, const hg_phantom_patient *patient,
                             const hg_slice_place *place, int samples);

/* Measured slices: CT gets normal noise of `hu` Hounsfield units; MRI a smooth bias field (up to `bias`, 0.2
 * is 20 %) and Rician noise whose deviation is `noise` of full signal. `key` makes the noise. */
void hg_phantom_measure_ct(float *out, const float *in, int size, float hu, uint64_t key);
void hg_phantom_measure_mr(float *out, const float *in, int size, float bias, float noise, uint64_t key);

/* `in`, (size, size), at a quarter of the resolution: what a scanner with four times larger pixels sees, with
 * a Gaussian point spread as wide as such a pixel. out: (size / 4, size / 4). */
void hg_phantom_lower(float *out, const float *in, int size);

#endif
