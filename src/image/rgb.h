/* SPDX-License-Identifier: Apache-2.0
 *
 * rgb.h: any image as 8-bit RGB, with the arithmetic of Pillow's convert("RGB").
 */
#ifndef HG_IMAGE_RGB_H
#define HG_IMAGE_RGB_H

#include "image/pixels.h"

/* A new 8-bit image of 3 channels in the empty `out`, which takes over format, orientation and mark. Grey is
 * repeated, alpha is dropped without blending (as Pillow does). 16 bits give their high byte: Pillow does so
 * for colour, but clips 16-bit grey at 255, which turns nearly every such picture white; grey is scaled like
 * colour here. `out` must not be `in`. */
hg_status hg_image_to_rgb(hg_image *out, const hg_image *in, hg_error *err) HG_MUST_CHECK;

/* The same, but grey stays grey: 8 bits of 1 or 3 channels. */
hg_status hg_image_to_opaque(hg_image *out, const hg_image *in, hg_error *err) HG_MUST_CHECK;

/* n pixels of CMYK (255 is full ink), (n, 4), to RGB, (n, 3): each is (255 - K) * (255 - ink) / 255, rounded
 * as Pillow rounds. */
void hg_rgb_from_cmyk(uint8_t *rgb, const uint8_t *cmyk, size_t n);

#endif
