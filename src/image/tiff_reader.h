/* SPDX-License-Identifier: Apache-2.0
 *
 * tiff_reader.h: TIFF files behind the reader interface.
 */
#ifndef HG_IMAGE_TIFF_READER_H
#define HG_IMAGE_TIFF_READER_H

#include "image/image_reader.h"

/* Every page is a frame. Grey of 8, 16, 32 and 64 bits, integer or float, keeps its values, and RGB of 8 and
 * 16 bits too; palettes, YCbCr, bits and the rest become 8-bit RGB by libtiff. */
extern const hg_image_format hg_tiff_format;

#endif
