/* SPDX-License-Identifier: Apache-2.0
 *
 * clip_input.h: from a picture to what the CLIP image encoder takes, with the bytes that HealthGPT's Python
 * preparation gives: pad to a square, resize, normalise.
 */
#ifndef HG_IMAGE_CLIP_INPUT_H
#define HG_IMAGE_CLIP_INPUT_H

#include "image/pixels.h"

/* From a model's preprocessor configuration. */
typedef struct hg_clip_preparation {
    int size;           /* S, side of the encoder's square */
    uint8_t pad_rgb[3]; /* colour of the added border: 255 * mean, truncated */
    float mean[3];      /* of samples scaled to 0..1 */
    float deviation[3]; /* the same; not 0 */
} hg_clip_preparation;

/* CLIP ViT-L/14-336. */
hg_clip_preparation hg_clip_preparation_default(void);

/* The picture as RGB, in the middle of the smallest square that holds it (the smaller margin, where they
 * differ by one, is left or above), resized to S x S, bicubic and antialiased: out (S, S, 3). */
hg_status hg_clip_input_u8(uint8_t *out, const hg_image *image, const hg_clip_preparation *config,
                           hg_error *err) HG_MUST_CHECK;

/* out (3, S, S) = (in (S, S, 3) / 255 - mean) / deviation, in the order and precision of the reference: the
 * product with 1/255 in double, rounded to float, then float. */
void hg_clip_input_normalize(float *out, const uint8_t *in, const hg_clip_preparation *config);

#endif
