/* SPDX-License-Identifier: Apache-2.0
 *
 * matmul.h: the three products that linear layers, H-LoRA and their gradients are made of, cut into chunks
 * for threads. Weights may be of any type; they are read as they are for a few rows and unpacked or converted
 * block by block for many, never as a whole. Chunks are constants: results do not depend on the number of
 * threads.
 */
#ifndef HG_OPS_MATMUL_H
#define HG_OPS_MATMUL_H

#include "ops/context.h"
#include "ops/rows.h"

/* One weight and where its product goes: y (T, N) = x (T, K) · w (N, K)ᵀ, added to y when `add`; rows of y
 * are ldy apart. */
typedef struct hg_product {
    const hg_tensor *w;
    bool add;
    hg_real *y;
    int64_t ldy;
} hg_product;

#define HG_PRODUCTS_MAX 4

/* All products of the same x (T, K), which may have strided rows, in one go: x is rounded once where that is
 * the kernels' way, and threads are woken once. Products with block-quantised weights go through rounded
 * activations (kernels/rounded.h) on the tiers that have them, when the context's `compute` says so; else
 * everything is as exact as floats. */
void hg_matmul_products(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products);

/* Up to this many rows of x a chain (chain.h) is one region of threads. */
#define HG_CHAIN_ROWS 8

/* A product of what others give: y += z · wᵀ, where y is that of the last of `products`, z (T, R), each of
 * whose rows t `make` makes from what all others gave for it, on any thread, and w (N, R). */
typedef struct hg_chain {
    void (*make)(void *arg, int64_t t);
    void *arg;
    const hg_tensor *z, *w;
} hg_chain;

/* y (T, N) = x (T, K) · w (N, K)ᵀ, added to y when `add`. x and y may have strided rows. */
void hg_matmul_forward(hg_ctx *ctx, const hg_tensor *x, const hg_tensor *w, bool add, hg_tensor *y);

/* dx (T, K) += dy (T, N) · w (N, K); dx has rows `ld_dx` apart, dy rows `ld_dy`. */
void hg_matmul_backward_data(hg_ctx *ctx, int64_t t, const hg_real *dy, int64_t ld_dy, const hg_tensor *w,
                             hg_real *dx, int64_t ld_dx);

/* Whether the above is made in bf16: the context wants it, it is faster here, and w is frozen and no f32. Not
 * in the double build. */
bool hg_matmul_wants_bf16(const hg_ctx *ctx, int64_t t, const hg_tensor *w);
void hg_matmul_backward_data_bf16(hg_ctx *ctx, int64_t t, const hg_real *dy, int64_t ld_dy,
                                  const hg_tensor *w, hg_real *dx, int64_t ld_dx);

/* The same in 8 bits, for block-quantised weights with whole runs of outputs. */
bool hg_matmul_wants_turned(const hg_ctx *ctx, int64_t t, const hg_tensor *w);
void hg_matmul_backward_data_turned(hg_ctx *ctx, int64_t t, const hg_real *dy, int64_t ld_dy,
                                    const hg_tensor *w, hg_real *dx, int64_t ld_dx);

/* dw (N, K) += dy (T, N)ᵀ · x (T, K); dw contiguous. */
void hg_matmul_backward_weights(hg_ctx *ctx, int64_t t, int64_t n, int64_t k, const hg_real *dy,
                                int64_t ld_dy, const hg_real *x, int64_t ld_x, hg_real *dw);

#endif
