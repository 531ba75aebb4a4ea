/* SPDX-License-Identifier: Apache-2.0
 *
 * jpeg_reader.h: JPEG files through libjpeg-turbo: 8 bits, baseline, progressive and arithmetic.
 */
#ifndef HG_IMAGE_JPEG_READER_H
#define HG_IMAGE_JPEG_READER_H

#include "image/image_reader.h"

/* One component is grey, three are RGB; four (CMYK, YCCK; stored inverted, as Adobe's programs do and Pillow
 * assumes for every file) become RGB. */
extern const hg_image_format hg_jpeg_format;

#endif
