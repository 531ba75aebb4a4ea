/* SPDX-License-Identifier: Apache-2.0
 *
 * png_reader.h: PNG files through libpng: every colour type, depth and interlacing.
 */
#ifndef HG_IMAGE_PNG_READER_H
#define HG_IMAGE_PNG_READER_H

#include "image/image_reader.h"

/* Palettes become RGB, grey of 1, 2 and 4 bits becomes 8 bits, transparent colours become alpha; 16 bits are
 * kept. Gamma and colour profiles are not applied (Pillow does not either). */
extern const hg_image_format hg_png_format;

#endif
