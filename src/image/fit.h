/* SPDX-License-Identifier: Apache-2.0
 *
 * fit.h: a picture in another size, as pictures are compared and shown.
 */
#ifndef HG_IMAGE_FIT_H
#define HG_IMAGE_FIT_H

#include "image/pixels.h"

/* `out` (empty) becomes the picture in 8 bits without alpha, width x height pixels: bicubic and antialiased
 * where its size is another; then nothing is known any more of the scan that it came from. Its mark stays.
 * HG_STATUS_USAGE on a size no image can have. */
hg_status hg_image_fit(hg_image *out, const hg_image *in, int width, int height, hg_error *err) HG_MUST_CHECK;

#endif
