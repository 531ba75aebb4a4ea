/* SPDX-License-Identifier: Apache-2.0
 *
 * narrow.h: the products of adapters, whose inner side (rank, experts) is narrow while tokens are many. They
 * are cut by tokens, or by inputs for the gradient of weights, because cutting the narrow side would leave
 * most threads without work. Several weights that read the same x are taken together: x comes once from
 * memory.
 */
#ifndef HG_OPS_NARROW_H
#define HG_OPS_NARROW_H

#include "ops/context.h"

/* One weight and its narrow activations or their gradient. */
typedef struct hg_narrow {
    hg_tensor *w; /* (n, K), any type */
    hg_real *y;   /* (T, n), contiguous */
} hg_narrow;

#define HG_NARROW_MAX 2

/* y_i (T, n_i) = x (T, K) · w_iᵀ for each of the n_parts parts. */
void hg_narrow_forward(hg_ctx *ctx, const hg_tensor *x, const hg_narrow *parts, int n_parts);

/* dx (T, K) += the sum of y_i · w_i; rows of dx are ld_dx apart. */
void hg_narrow_backward_data(hg_ctx *ctx, int64_t t, const hg_narrow *parts, int n_parts, hg_real *dx,
                             int64_t ld_dx);

/* w_i's gradient (n_i, K) += y_iᵀ · x for each part whose w has one. */
void hg_narrow_backward_weights(hg_ctx *ctx, const hg_tensor *x, const hg_narrow *parts, int n_parts);

/* y (T, R) = g (T, N) · b (N, R): the gradient that comes back through the wide side. */
void hg_narrow_backward_wide(hg_ctx *ctx, int64_t t, const hg_real *g, const hg_tensor *b, hg_real *y);

#endif
