/* SPDX-License-Identifier: Apache-2.0
 *
 * maps.h: steps of picture networks on channel-last maps (rows, columns, channels), for inference alone:
 * convolutions with prepared weights (kernels/onednn_map.h), and what goes between them in one pass. Results
 * do not depend on the number of threads.
 */
#ifndef HG_OPS_MAPS_H
#define HG_OPS_MAPS_H

#include "kernels/onednn_map.h"
#include "ops/context.h"

/* y = conv(x), or y += conv(x), as the convolution was made. */
void hg_maps_conv(hg_ctx *ctx, const hg_map_conv *conv, const void *x, hg_real *y);

/* A map of n pixels and c channels, and how it is normalised. */
typedef struct hg_maps_norm {
    int64_t n, c, n_groups;
    hg_real eps;
    const hg_real *gain, *bias; /* (c) */
    bool silu;                  /* x · sigmoid(x) of the result */
} hg_maps_norm;

/* y (type f32 or bf16) = group norm of x. */
void hg_maps_groupnorm(hg_ctx *ctx, const hg_maps_norm *s, const hg_real *x, hg_dtype type, void *y);

/* y (type) = n values of x, rounded; of f32 a copy. */
void hg_maps_round(hg_ctx *ctx, int64_t n, const hg_real *x, hg_dtype type, void *y);

/* y (2 side, 2 side, c), of `type`: every pixel of x (side, side, c) four times. */
void hg_maps_upsample(hg_ctx *ctx, int64_t side, int64_t c, const hg_real *x, hg_dtype type, void *y);

/* y (n, c) = x (c, n)ᵀ, and back: y (c, n) = x (n, c)ᵀ. */
void hg_maps_from_planes(int64_t n, int64_t c, const hg_real *x, hg_real *y);
void hg_maps_to_planes(int64_t n, int64_t c, const hg_real *x, hg_real *y);

#endif
