/* SPDX-License-Identifier: Apache-2.0
 *
 * ops.h: the operations that models are made of. Each has a file of its own, op_<name>.c, whose head states
 * formula, shapes and gradient. All take activations of type HG_DTYPE_REAL; weights of linear layers and
 * embeddings may be of any type. All return NULL once the context has failed, and fail with a text on shapes
 * that do not fit.
 *
 * Letters: B batch, T tokens, C channels, H heads, D head dimension, R rank, E experts, V vocabulary.
 */
#ifndef HG_OPS_OPS_H
#define HG_OPS_OPS_H

#include "ops/context.h"
#include "ops/tape.h"

/* (n, C): rows `ids` of table (V, C). Ids must lie in 0..V-1. */
hg_tensor *hg_op_embedding(hg_ctx *ctx, hg_tensor *table, const int32_t *ids, int64_t n);

/* (T, N) = x (T, K) · w (N, K)ᵀ + bias (N), bias may be NULL. */
hg_tensor *hg_op_linear(hg_ctx *ctx, hg_tensor *x, hg_tensor *w, hg_tensor *bias);

/* One H-LoRA plug-in of a linear layer K to N: R is the rank over all experts, a multiple of E. */
typedef struct hg_hlora {
    hg_tensor a;      /* (R, K) */
    hg_tensor b;      /* (N, R) */
    hg_tensor router; /* (E, K) */
    hg_real scale;    /* alpha / (R / E) */
} hg_hlora;

/* Adds the plug-in's output for x (T, K) to y (T, N), in place, and returns y. `mask` (T, R) multiplies the
 * scaled rank activations (dropout: 0 or 1 / (1 - p)); NULL: none. y must be contiguous. With a tape, plug
 * and mask must live until its backward. */
hg_tensor *hg_op_hlora(hg_ctx *ctx, hg_tensor *y, hg_tensor *x, hg_hlora *plug, const hg_real *mask);

/* A linear layer with its H-LoRA: the two operations above after each other with a tape; without one in two
 * passes over threads and, where x is rounded, with one rounding: W, A and router read x together, then B is
 * added. bias and plug may be NULL. */
hg_tensor *hg_op_project(hg_ctx *ctx, hg_tensor *x, hg_tensor *w, hg_tensor *bias, hg_hlora *plug,
                         const hg_real *mask);

/* LoRA, for comparison: the above without a router, B (scale · mask · A x); `router` is not read. */
hg_tensor *hg_op_lora(hg_ctx *ctx, hg_tensor *y, hg_tensor *x, hg_hlora *plug, const hg_real *mask);

/* MoELoRA, for comparison: the experts' pairs kept and multiplied apart. As hg_op_hlora, but `b` is (E · N, R
 * / E): the (N, R / E) matrices of the experts one after the other. */
hg_tensor *hg_op_moelora(hg_ctx *ctx, hg_tensor *y, hg_tensor *x, hg_hlora *plug, const hg_real *mask);

typedef enum hg_adapter_kind { HG_ADAPTER_HLORA, HG_ADAPTER_LORA, HG_ADAPTER_MOELORA } hg_adapter_kind;

/* "hlora", "lora", "moelora". */
const char *hg_adapter_kind_name(hg_adapter_kind kind);

/* One of the three. */
hg_tensor *hg_op_adapter(hg_ctx *ctx, hg_adapter_kind kind, hg_tensor *y, hg_tensor *x, hg_hlora *plug,
                         const hg_real *mask);

/* Rows of x (T, C) over the root of their mean square, times gain (C). */
hg_tensor *hg_op_rmsnorm(hg_ctx *ctx, hg_tensor *x, hg_tensor *gain, hg_real eps);

/* Rows of x (T, C) to mean 0 and variance 1, times gain (C) plus bias (C). */
hg_tensor *hg_op_layernorm(hg_ctx *ctx, hg_tensor *x, hg_tensor *gain, hg_tensor *bias, hg_real eps);

/* x (C, H, W) or images (B, C, H, W) normalised over each of `n_groups` groups of channels, times gain (C)
 * plus bias (C). */
hg_tensor *hg_op_groupnorm(hg_ctx *ctx, hg_tensor *x, hg_tensor *gain, hg_tensor *bias, int64_t n_groups,
                           hg_real eps);

/* Elementwise over a contiguous x: x sigmoid(x); x Phi(x) (erf form); x sigmoid(1.702 x). */
hg_tensor *hg_op_silu(hg_ctx *ctx, hg_tensor *x);
hg_tensor *hg_op_gelu(hg_ctx *ctx, hg_tensor *x);
hg_tensor *hg_op_quick_gelu(hg_ctx *ctx, hg_tensor *x);

/* (T, C) = up · silu(gate); gate and up (T, C) may have strided rows (halves of one fused result). */
hg_tensor *hg_op_swiglu(hg_ctx *ctx, hg_tensor *gate, hg_tensor *up);

/* a + b, same shape, contiguous. */
hg_tensor *hg_op_add(hg_ctx *ctx, hg_tensor *a, hg_tensor *b);

/* The same to y, of the same shape, which may be a or b. Only without a tape; returns y, or NULL when the
 * context has failed. */
hg_tensor *hg_op_add_to(hg_ctx *ctx, const hg_tensor *a, const hg_tensor *b, hg_tensor *y);

/* Rotary positions for x (T, H, D), rows may be strided; row t is at position `first + t`. Half-split form.
 */
hg_tensor *hg_op_rope(hg_ctx *ctx, hg_tensor *x, int64_t first, double theta);

/* Rows row .. row + n - 1, the beginning of a part, that a later part begins with, too. */
typedef struct hg_prefix {
    int64_t row, n;
} hg_prefix;

/* Rows that belong together: part i is rows begin[i] to begin[i + 1] - 1, from 0 to the last row, behind the
 * rows of its prefix, which lie before begin[i]. */
typedef struct hg_segments {
    int64_t n;
    const int64_t *begin;    /* (n + 1) */
    const hg_prefix *prefix; /* (n), n = 0 where a part has none; NULL: none has one */
} hg_segments;

/* The same in two moves, for many x at the same positions: cosines and sines (T, D) of T rows, then the
 * rotation by them. The table must live as long as the tape. With segments, each begins at
 * position 0, or behind its prefix, which does. */
hg_tensor *hg_op_rope_table(hg_ctx *ctx, int64_t n_rows, int64_t d, int64_t first, double theta);
hg_tensor *hg_op_rope_table_segments(hg_ctx *ctx, const hg_segments *segments, int64_t d, double theta);
hg_tensor *hg_op_rope_by(hg_ctx *ctx, hg_tensor *x, const hg_tensor *table);

typedef struct hg_attention {
    bool causal;    /* query t sees keys up to S - T + t; otherwise all keys */
    int64_t window; /* of those, the last `window` (itself included); 0: all */
    hg_real scale;  /* of the scores, usually 1 / sqrt(D) */
    /* Each attends to its prefix and itself alone, S = T; NULL: one. Lives until the backward. */
    const hg_segments *segments;
} hg_attention;

/* (T, H * D): attention of q (T, H, D) over k and v (S, G, D), S >= T; G divides H, and query head h reads
 * key head h / (H / G). k and v may be of any type and have heads abreast (attention_online.h; a cache) when
 * no gradient is wanted; all may have strided rows. */
hg_tensor *hg_op_attention(hg_ctx *ctx, hg_tensor *q, hg_tensor *k, hg_tensor *v, const hg_attention *how);

/* (sum of T_i, C): up to 4 tensors (T_i, C) one after the other. */
hg_tensor *hg_op_concat(hg_ctx *ctx, hg_tensor *const *parts, int n_parts);

/* (N, M) from contiguous x (M, N); (B, N, M) from (B, M, N). */
hg_tensor *hg_op_transpose(hg_ctx *ctx, hg_tensor *x);

/* Convolution of x (C, H, W) or images (B, C, H, W) with w (O, C, k, k) and bias (O) (may be NULL), both
 * activations' type. `pad_begin` zeros at the top and left, `pad_end` at the bottom and right. */
hg_tensor *hg_op_conv2d(hg_ctx *ctx, hg_tensor *x, hg_tensor *w, hg_tensor *bias, int64_t stride,
                        int64_t pad_begin, int64_t pad_end);

/* (1): over rows of logits (T, V) whose target is not negative, the sum of minus the log of the probability
 * that softmax gives the target. Targets are below V. */
hg_tensor *hg_op_cross_entropy(hg_ctx *ctx, hg_tensor *logits, const int32_t *targets);

/* (C, 2H, 2W): every pixel of x (C, H, W) four times; the same for images (B, C, H, W). */
hg_tensor *hg_op_upsample(hg_ctx *ctx, hg_tensor *x);

/* Rows of x (T, C), contiguous, made 1 long. */
hg_tensor *hg_op_unit_rows(hg_ctx *ctx, hg_tensor *x);

/* Rows of x (T, C), contiguous: softmax(scale · x). */
hg_tensor *hg_op_softmax(hg_ctx *ctx, hg_tensor *x, hg_real scale);

/* (1): weight · the sum of (a - b)², same shape. */
hg_tensor *hg_op_distance(hg_ctx *ctx, hg_tensor *a, hg_tensor *b, hg_real weight);

/* (1): weight · the sum over the rows of probabilities p (T, C) of their divergence from the uniform one. */
hg_tensor *hg_op_spread(hg_ctx *ctx, hg_tensor *p, hg_real weight);

/* Weights of the terms of a picture's loss; see op_picture_loss.c. */
typedef struct hg_picture_loss {
    hg_real l1, l2, edge;
} hg_picture_loss;

/* (1): the sum over all samples of x, same shape as `target` (frozen), rows and columns last. */
hg_tensor *hg_op_picture_loss(hg_ctx *ctx, hg_tensor *x, hg_tensor *target, const hg_picture_loss *how);

#endif
