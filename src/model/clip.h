/* SPDX-License-Identifier: Apache-2.0
 *
 * clip.h: the CLIP vision transformer. Images in, the hidden states of their patches after the chosen number
 * of layers out: deep layers for comprehension, the first for generation, so drawing runs one layer only.
 */
#ifndef HG_MODEL_CLIP_H
#define HG_MODEL_CLIP_H

#include "base/arena.h"
#include "formats/model_config.h"
#include "model/weights.h"
#include "ops/ops.h"
#include "ops/tape.h"

typedef struct hg_clip_layer {
    hg_tensor norm1_gain, norm1_bias, norm2_gain, norm2_bias; /* (C) */
    hg_tensor q, k, v, out, fc1, fc2;                         /* (C, C) x 4, (M, C), (C, M) */
    hg_tensor q_bias, k_bias, v_bias, out_bias, fc1_bias, fc2_bias;
} hg_clip_layer;

typedef struct hg_clip {
    hg_clip_config config;
    hg_tensor class_embedding;    /* (1, C) */
    hg_tensor patch_embedding;    /* (C, 3 · patch²) */
    hg_tensor position_embedding; /* (1 + patches, C) */
    hg_tensor pre_norm_gain, pre_norm_bias;
    hg_clip_layer *layers;
    bool bf16; /* products in bf16 when there is no tape; false after loading */
} hg_clip;

/* Reads `vision_model.*` of a CLIP checkpoint; other tensors are left alone. */
hg_status hg_clip_load(hg_clip *clip, const hg_clip_config *config, const hg_tensor_set *source,
                       hg_arena *arena, hg_error *err) HG_MUST_CHECK;

/* Patches of an image: (size / patch)². */
int64_t hg_clip_n_patches(const hg_clip *clip);

/* Images that may be recorded at once: products of more rows are faster. */
#define HG_CLIP_TAPE_IMAGES HG_TAPE_MAX_INPUTS

/* (B · patches, C): output of layer `n_layers` (1..config.n_layers) without the class tokens, for pixels (3,
 * size, size) of one image or (B, 3, size, size) of several, normalised as CLIP wants them. Nothing of the
 * layers behind is touched. Without a tape only the result stays in the context's arena. */
hg_tensor *hg_clip_forward(hg_ctx *ctx, hg_clip *clip, hg_tensor *pixels, int64_t n_layers);

/* (B · patches, 3 · patch²): pixels of each patch in the order of the convolution's weights: channel, row,
 * column. */
hg_tensor *hg_clip_cut_patches(hg_ctx *ctx, const hg_clip *clip, const hg_tensor *pixels);

/* Embeds the images and runs the layers on `state` (B · (1 + patches), C), in bf16. */
void hg_clip_run_bf16(hg_ctx *ctx, hg_clip *clip, const hg_tensor *pixels, int64_t n_images, int64_t n_layers,
                      hg_tensor *state);

#endif
