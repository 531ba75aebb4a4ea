/* SPDX-License-Identifier: Apache-2.0
 *
 * vqgan.h: the picture's discrete autoencoder (a VQGAN with a Gumbel quantiser): codes to a picture for
 * drawing, a picture to codes for reconstruction and training data. The structure (levels, channels,
 * attention) follows the configuration; every weight's name and shape is checked when it is loaded.
 */
#ifndef HG_MODEL_VQGAN_H
#define HG_MODEL_VQGAN_H

#include "base/arena.h"
#include "formats/model_config.h"
#include "model/weights.h"
#include "ops/ops.h"

/* A convolution or norm: weight and bias as activations. */
typedef struct hg_vqgan_affine {
    hg_tensor weight, bias;
} hg_vqgan_affine;

/* x + conv2(swish(norm2(conv1(swish(norm1(x)))))), x through a 1 x 1 shortcut when channels change. */
typedef struct hg_vqgan_res {
    hg_vqgan_affine norm1, conv1, norm2, conv2, shortcut;
    bool has_shortcut;
} hg_vqgan_res;

/* One attention head over all positions; q, k, v, out are (C, C). */
typedef struct hg_vqgan_attn {
    hg_vqgan_affine norm, q, k, v, out;
} hg_vqgan_attn;

/* The blocks of one resolution. */
typedef struct hg_vqgan_level {
    int64_t n_blocks;
    hg_vqgan_res *blocks;   /* n_blocks */
    hg_vqgan_attn *attns;   /* n_blocks, one after each block; NULL: none */
    hg_vqgan_affine resize; /* the convolution of the change of size */
    bool has_resize;
} hg_vqgan_level;

/* The encoder or the decoder. Level 0 is the full resolution in both. */
typedef struct hg_vqgan_half {
    hg_vqgan_affine conv_in, norm_out, conv_out;
    hg_vqgan_level levels[HG_CONFIG_MAX_LEVELS];
    hg_vqgan_res mid1, mid2;
    hg_vqgan_attn mid_attn;
} hg_vqgan_half;

typedef struct hg_vqgan {
    hg_vqgan_config config;
    hg_vqgan_half encoder, decoder;
    hg_vqgan_affine quant_conv, post_quant_conv; /* (embed_dim, z), (z, embed_dim) */
    hg_vqgan_affine proj;                        /* (n_embed, embed_dim): a code's score */
    hg_tensor embed;                             /* (n_embed, embed_dim) */
} hg_vqgan;

/* Reads the autoencoder's tensors; others (the training loss) are left alone. What is not stored as
 * activations is converted into `arena`; the rest points into the source. HG_STATUS_INPUT names the tensor.
 */
hg_status hg_vqgan_load(hg_vqgan *vq, const hg_vqgan_config *config, const hg_tensor_set *source,
                        hg_arena *arena, hg_error *err) HG_MUST_CHECK;

/* Tensors that the autoencoder consists of: 301 for the released one. */
size_t hg_vqgan_n_tensors(const hg_vqgan *vq);

/* Rows (and columns) of codes: resolution / 2^(levels - 1). */
int64_t hg_vqgan_side(const hg_vqgan *vq);

/* Codes of a picture: side². */
int64_t hg_vqgan_n_codes(const hg_vqgan *vq);

/* Pictures (B, out_ch, R, R), or (out_ch, R, R) of one, for latent rows (B · side², embed_dim) behind the
 * quantiser. Without a tape only they stay in the context's arena. */
hg_tensor *hg_vqgan_draw(hg_ctx *ctx, hg_vqgan *vq, hg_tensor *rows);

/* The picture (out_ch, R, R) of hg_vqgan_n_codes codes in raster order; about -1..1, not clamped. NULL on
 * failure (a code outside the codebook, memory); the context has no tape. Only the picture stays in the
 * context's arena. */
hg_tensor *hg_vqgan_decode(hg_ctx *ctx, hg_vqgan *vq, const int32_t *codes);

/* The codes of `picture` (in_channels, R, R) in -1..1: the best score at each position, without noise; the
 * first of equals. False when the context has failed. */
bool hg_vqgan_encode(hg_ctx *ctx, hg_vqgan *vq, hg_tensor *picture, int32_t *codes);

/* The second half of the above: the codes of latent rows (side², embed_dim). */
bool hg_vqgan_choose(hg_ctx *ctx, hg_vqgan *vq, hg_tensor *latent, int32_t *codes);

/* Before the quantiser, for a picture (in_channels, R, R) or several (B, in_channels, R, R): (B · side²,
 * embed_dim), row by position. */
hg_tensor *hg_vqgan_latent(hg_ctx *ctx, hg_vqgan *vq, hg_tensor *pictures);

#endif
