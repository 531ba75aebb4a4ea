/* SPDX-License-Identifier: Apache-2.0
 *
 * bf16.h: layers with activations and weights in bf16 and sums in float32, for inference alone (no tape): the
 * image encoder's way on processors that multiply bf16 faster. Weights of any type stay as they are stored
 * and are rounded to bf16 as they are used, a block at a time. Results do not depend on the number of
 * threads.
 */
#ifndef HG_OPS_BF16_H
#define HG_OPS_BF16_H

#include "ops/context.h"

/* A new contiguous bf16 tensor, uninitialised; NULL on failure. */
hg_tensor *hg_bf16_tensor(hg_ctx *ctx, int n_dims, const int64_t *shape);

/* x (T, C), rounded. */
hg_tensor *hg_bf16_round(hg_ctx *ctx, const hg_tensor *x);

/* (T, C): layer norm of x (T, C) with gain and bias (C), rounded. */
hg_tensor *hg_bf16_layernorm(hg_ctx *ctx, const hg_tensor *x, const hg_tensor *gain, const hg_tensor *bias,
                             hg_real eps);

/* One linear layer: y (T, N) = end(x · w (N, K)ᵀ + bias). y is bf16, or float32 for HG_BF16_END_ADD and
 * whenever its type says so; its rows may be strided. bias (N) may be NULL. */
typedef struct hg_bf16_part {
    const hg_tensor *w, *bias;
    hg_tensor y;
} hg_bf16_part;

#define HG_BF16_MAX_PARTS 3

/* Linear layers that read the same x (T, K), all at once. */
void hg_bf16_linear(hg_ctx *ctx, const hg_tensor *x, const hg_bf16_part *parts, int n_parts, hg_bf16_end end);

/* (T, H · D): attention without a mask within each of n_images runs of T / n_images rows; q, k and v (T, H,
 * D) are bf16, their rows may be strided. Scores and softmax are float32, probabilities bf16. */
hg_tensor *hg_bf16_attention(hg_ctx *ctx, const hg_tensor *q, const hg_tensor *k, const hg_tensor *v,
                             int64_t n_images, hg_real scale);

#endif
