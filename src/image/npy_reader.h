/* SPDX-License-Identifier: Apache-2.0
 *
 * npy_reader.h: NumPy arrays as pictures: (H, W), volumes (D, H, W), and (T, D, H, W) of integers or floats.
 */
#ifndef HG_IMAGE_NPY_READER_H
#define HG_IMAGE_NPY_READER_H

#include "image/image_reader.h"

/* Rows and columns are shown as they lie. Slices are cut across the first axis of the volume; --axis x, y and
 * z name its last, middle and first. Floats between 0 and 1 keep that range. */
extern const hg_image_format hg_npy_format;

#endif
