/* SPDX-License-Identifier: Apache-2.0
 *
 * vq_input.h: between pictures and the numbers of the VQGAN, which lie in -1..1, channels first.
 */
#ifndef HG_IMAGE_VQ_INPUT_H
#define HG_IMAGE_VQ_INPUT_H

#include "image/pixels.h"

/* The picture as RGB, resized straight to R x R (Lanczos; its aspect is not kept), as 2 * sample / 255 - 1:
 * out (3, R, R). */
hg_status hg_vq_input_f32(float *out, const hg_image *image, int side, hg_error *err) HG_MUST_CHECK;

/* The way back for what the decoder gives, in (3, height, width), any values: clipped to -1..1, scaled to
 * 0..255 and truncated, into the empty `image` (height, width, 3). A value that is not a number becomes 0.
 * The image is marked as synthetic. */
hg_status hg_vq_output_image(hg_image *image, const float *in, int width, int height,
                             hg_error *err) HG_MUST_CHECK;

#endif
