/* SPDX-License-Identifier: Apache-2.0
 *
 * vqgan_maps.h: the picture's autoencoder for inference, fast: maps are channel-last, convolutions prepared
 * at the first use. vqgan.h's own way is the plain one, for training and as the check of this one.
 *
 * Memory: three maps of the largest level in float32, a few rows for each thread, and small things: for
 * HealthGPT-M3 130 MB (the plain way takes 288 MB); and the prepared weights.
 */
#ifndef HG_MODEL_VQGAN_MAPS_H
#define HG_MODEL_VQGAN_MAPS_H

#include "model/vqgan.h"
#include "ops/maps.h"

typedef enum hg_vqgan_way { HG_VQGAN_DECODE, HG_VQGAN_ENCODE } hg_vqgan_way;

/* The prepared convolutions of one way. */
typedef struct hg_vqgan_maps hg_vqgan_maps;

/* Convolutions with inputs of `type`, f32 or bf16. Nothing is prepared yet. `vq` must outlive it and not
 * change. NULL when memory is short. */
hg_vqgan_maps *hg_vqgan_maps_create(hg_vqgan *vq, hg_vqgan_way way, hg_dtype type);
void hg_vqgan_maps_destroy(hg_vqgan_maps *maps); /* NULL: nothing happens */

/* As hg_vqgan_decode and hg_vqgan_latent. Prepares the convolutions when that has not been done; of several
 * threads one does, and the others wait. Where oneDNN declines, the plain way is gone. */
hg_tensor *hg_vqgan_maps_decode(hg_ctx *ctx, hg_vqgan_maps *maps, const int32_t *codes);
hg_tensor *hg_vqgan_maps_latent(hg_ctx *ctx, hg_vqgan_maps *maps, hg_tensor *picture);

/* Every convolution once, on memory of its own that means nothing: what the convolutions alone take. */
void hg_vqgan_maps_run_alone(hg_ctx *ctx, hg_vqgan_maps *maps);

#endif
