/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels.h: arithmetic on raw memory. One table of function pointers per CPU tier: the reference in plain C
 * first, then what a tier does faster. Kernels run on the calling thread, check nothing and cannot fail;
 * operations check shapes, cut work into chunks and hand the chunks to threads. Matrices are row major; `ld*`
 * are elements between rows. Weights may be of any type; of block-quantised ones n (to_real), k, d and ld*
 * are multiples of the block.
 */
#ifndef HG_KERNELS_KERNELS_H
#define HG_KERNELS_KERNELS_H

#include "base/cpu.h"
#include "kernels/rounded.h"
#include "kernels/turned.h"
#include "kernels/wide.h"
#include "tensor/dtype.h"
#include "tensor/prefetch.h"

#include <stdbool.h>
#include <stdint.h>

/* op(A) (m, k) · op(B) (k, n), where op transposes when trans_* is set: A is stored (m, k) or (k, m), B (k,
 * n) or (n, k). */
typedef struct hg_gemm_shape {
    bool trans_a, trans_b;
    int64_t m, n, k;
    int64_t lda, ldb, ldc;
} hg_gemm_shape;

/* A 2-D convolution of images that lie one after the other: x (n_images, c_in, h_in, w_in), w (c_out, c_in,
 * kernel, kernel), y (n_images, c_out, h_out, w_out). Zeros are padded at the top and left, and as many as
 * needed (at most kernel - 1) at the bottom and right. */
typedef struct hg_conv_shape {
    int64_t n_images;
    int64_t c_in, h_in, w_in;
    int64_t c_out, h_out, w_out;
    int64_t kernel, stride, pad; /* pad: top and left */
} hg_conv_shape;

/* What is done with the result of a product of bf16. */
typedef enum hg_bf16_end {
    HG_BF16_END_STORE,
    HG_BF16_END_ADD,       /* added to y, which is f32 */
    HG_BF16_END_GELU,      /* x Phi(x), erf form */
    HG_BF16_END_QUICK_GELU /* x · sigmoid(1.702 x) */
} hg_bf16_end;

/* y (m, n) = end(x (m, k) · w + bias (n)), sums in f32; w is stored (n, k), or (k, n) when `plain_w`. */
typedef struct hg_bf16_product {
    int64_t m, n, k;
    int64_t ldx, ldw, ldy;
    bool plain_w;
    bool to_bf16; /* y is bf16; otherwise f32 */
    hg_bf16_end end;
} hg_bf16_product;

/* Rows of a block-quantised weight, and the rows of x that they are multiplied with. */
typedef struct hg_wide_term {
    hg_dtype type;
    bool interleaved; /* tensor/interleave.h; rows have x->k elements then */
    const void *w;
    int64_t ldw;
    const hg_wide *x;
} hg_wide_term;

#define HG_WIDE_TERMS 2

/* Keys or values of some heads that lie abreast: of each position in turn what each head has, of any type.
 * With blocks heads are read one after the other, which is slower. */
typedef struct hg_head_rows {
    hg_dtype type;
    int64_t n; /* positions */
    int heads; /* 1, 2 or HG_HEADS_ABREAST */
    int64_t d; /* elements of a head */
    const void *rows;
    int64_t ld; /* elements between positions, at least heads · d */
    bool ask;   /* for memory ahead of what is read (tensor/prefetch.h); no result changes */
} hg_head_rows;

#define HG_HEADS_ABREAST 4 /* at most */

typedef struct hg_kernels {
    const char *name;

    /* n elements of a weight type to activations. */
    void (*to_real)(hg_dtype type, int64_t n, const void *from, hg_real *to);

    /* The other way, rounded to nearest even (quantised as tensor/quant.h says). */
    void (*from_real)(hg_dtype type, int64_t n, const hg_real *from, void *to);

    /* y[i] = sum_j w[i, j] x[j], i < n, j < k: one activation row against n weight rows of any type. `ask`:
     * memory is asked for ahead of what is read (tensor/prefetch.h); no result changes. */
    void (*matvec)(hg_dtype type, int64_t n, int64_t k, const void *w, int64_t ldw, const hg_real *x,
                   bool ask, hg_real *y);

    /* The same for n_x rows of x, ldx apart, with results ldy apart: the bits of one after the other. */
    void (*matvecs)(hg_dtype type, int64_t n, int64_t k, const void *w, int64_t ldw, int64_t n_x,
                    const hg_real *x, int64_t ldx, bool ask, hg_real *y, int64_t ldy);

    /* Attention of one query, before and after the softmax. p[h, i] = <q[h], k[i, h]>; y[h, j] = sum_i p[h,
     * i] v[i, h, j]; i < n, h < heads, j < d, rows of heads ld* apart. A head's results have the same bits
     * whatever lies abreast. */
    void (*head_scores)(const hg_head_rows *k, const hg_real *q, int64_t ldq, hg_real *p, int64_t ldp);
    void (*head_sums)(const hg_head_rows *v, const hg_real *p, int64_t ldp, hg_real *y, int64_t ldy);

    /* Whether products of bf16 are faster than those of f32. The two entries below are always there, except
     * in the double build. */
    bool fast_bf16;

    /* n values of type f32, f16 or bf16, rounded to bf16. */
    void (*to_bf16)(hg_dtype type, int64_t n, const void *from, uint16_t *to);

    /* y (n, c), rounded to bf16: x · slope + offset, column by column, then with `silu` that times its
     * sigmoid, which may be off by 2e-4 of itself before it is rounded. Always there, except in the double
     * build. */
    void (*lines_to_bf16)(int64_t n, int64_t c, const hg_real *x, const hg_real *slope, const hg_real *offset,
                          bool silu, uint16_t *y);

    /* bias may be NULL. */
    void (*gemm_bf16)(const hg_bf16_product *s, const uint16_t *x, const uint16_t *w, const hg_real *bias,
                      void *y);

    /* C = op(A) op(B) + beta C. */
    void (*gemm)(const hg_gemm_shape *s, const hg_real *a, const hg_real *b, hg_real beta, hg_real *c);

    /* Whether block-quantised weights should be multiplied through the following three when no gradient is
     * wanted. The reference has them, to check the others; its own way is the plain one. */
    bool rounds;

    /* x (K) to row `row` of `to`. The same bits on every tier. */
    void (*round)(const hg_real *x, const hg_rounded *to, int64_t row);

    /* y[t, i] = sum_j w[i, j] x[t, j] (+ y[t, i] when `add`), i < n; w of a block-quantised type. For few
     * rows of x: each weight is read once, as it is stored. */
    void (*matvec_rounded)(hg_dtype type, int64_t n, const void *w, int64_t ldw, const hg_rounded *x,
                           bool add, hg_real *y, int64_t ldy);

    /* The same for many rows: n <= HG_ROUNDED_PANEL weights are unpacked to `scratch`, hg_rounded_scratch(k)
     * bytes at a multiple of 64, then multiplied with all of x. */
    void (*gemm_rounded)(hg_dtype type, int64_t n, const void *w, int64_t ldw, const hg_rounded *x, bool add,
                         hg_real *y, int64_t ldy, void *scratch);

    /* Whether weights that are read often should be interleaved (tensor/interleave.h) for the following two,
     * which are those above on such weights: n rows of x->k elements, n a multiple of 16. They are always
     * there. Where `interleaves`, each sum has the bits of gemm_rounded. */
    bool interleaves;
    void (*matvec_interleaved)(hg_dtype type, int64_t n, const void *w, hg_prefetch prefetch,
                               const hg_rounded *x, bool add, hg_real *y, int64_t ldy);
    void (*gemm_interleaved)(hg_dtype type, int64_t n, const void *w, const hg_rounded *x, bool add,
                             hg_real *y, int64_t ldy, void *scratch);

    /* Whether gradients through block-quantised weights are made faster by the following than in bf16. It is
     * always there, except in the double build. */
    bool turns;

    /* y[t, j] += sum_i x[t, i] w[i, j], i < K, j < n (turned.h): K <= HG_TURNED_ROWS rows of weights, rows of
     * x as `round` makes them, n <= HG_TURNED_COLUMNS columns from w on; `scratch`: hg_turned_scratch(T)
     * bytes at a multiple of 64. */
    void (*gemm_turned)(hg_dtype type, int64_t n, const void *w, int64_t ldw, const hg_rounded *x, hg_real *y,
                        int64_t ldy, void *scratch);

    /* For which weights many rows of x should go through the following two instead, which round more
     * (wide.h). They are always there: the reference's define them. */
    hg_wide_use wide;

    /* Whether gemm_wide keeps the codes of weights of 4 bits (wide_kept.h), instead of making bytes of them.
     */
    bool wide_keeps;

    /* The weight rows, at most HG_WIDE_MOST, that gemm_wide is fastest with where there are enough. */
    int64_t wide_rows;

    /* x (K) to row `row` of `to`. The same bits on every tier, but for the sums of 32 codes, which are made
     * only where codes of weights are kept. */
    void (*round_wide)(const hg_real *x, const hg_wide *to, int64_t row);

    /* y[t, i] = sum over the terms and j of w[i, j] x[t, j] (+ y[t, i] when `add`), i < n <= HG_WIDE_MOST:
     * n rows of weights and the same number of rows of x in each of at most HG_WIDE_TERMS terms. `scratch`:
     * hg_wide_scratch(n, k) bytes for each, at a multiple of 64. Interleaved weights give the same bits, and
     * so do fewer rows at a time. */
    void (*gemm_wide)(int64_t n, const hg_wide_term *terms, int n_terms, bool add, hg_real *y, int64_t ldy,
                      void *scratch);

    /* One row of n: y = x / sqrt(mean(x²) + eps) · gain. */
    void (*rmsnorm)(int64_t n, hg_real eps, const hg_real *x, const hg_real *gain, hg_real *y);

    /* One row of n: y = (x - mean) / sqrt(variance + eps) · gain + bias; biased variance. */
    void (*layernorm)(int64_t n, hg_real eps, const hg_real *x, const hg_real *gain, const hg_real *bias,
                      hg_real *y);

    /* Of each column of x (n, c), the sum of its n numbers and of their squares, added up in their order:
     * few rows, or sums lose what little ones add. */
    void (*column_sums)(int64_t n, int64_t c, const hg_real *x, hg_real *sum, hg_real *square);

    /* In place over one row of n: softmax(scale · x). */
    void (*softmax)(int64_t n, hg_real scale, hg_real *x);

    /* A part of a softmax whose row comes in parts, n >= 1. *max is the largest scale · x so far (-infinity:
     * none), *sum the sum of exp(scale · x - *max). Takes x into both and makes it exp(scale · x - *max),
     * with the new *max; returns what everything before is to be multiplied with: exp(old max - new max). */
    hg_real (*softmax_part)(int64_t n, hg_real scale, hg_real *x, hg_real *max, hg_real *sum);

    /* The same for scale > 0, to bf16 in another place. On some tiers exp is off by 4e-6 of itself. */
    hg_real (*softmax_part_bf16)(int64_t n, hg_real scale, const hg_real *x, hg_real *max, hg_real *sum,
                                 uint16_t *to);

    /* y = x · factor, n elements; y may be x. The same bits on every tier. */
    void (*scale)(int64_t n, hg_real factor, const hg_real *x, hg_real *y);

    /* Rotates n pairs of x, j and n + j, by the angles whose n cosines, then sines, are in `table`; y may be
     * x. The same bits on every tier. */
    void (*rotate)(int64_t n, const hg_real *table, const hg_real *x, hg_real *y);

    /* n elements: y = x · sigmoid(x); y = up · gate · sigmoid(gate); y = x Phi(x) (erf form); y = x ·
     * sigmoid(1.702 x). */
    void (*silu)(int64_t n, const hg_real *x, hg_real *y);
    void (*swiglu)(int64_t n, const hg_real *gate, const hg_real *up, hg_real *y);
    void (*gelu)(int64_t n, const hg_real *x, hg_real *y);
    void (*quick_gelu)(int64_t n, const hg_real *x, hg_real *y);

    /* Gradients of swiglu, added: dup += dy · silu(gate); dgate += dy · up · (s + silu(gate) (1 - s)) with s
     * = sigmoid(gate). dgate and dup may be NULL. */
    void (*swiglu_backward)(int64_t n, const hg_real *gate, const hg_real *up, const hg_real *dy,
                            hg_real *dgate, hg_real *dup);

    /* Convolution and its gradients on n_threads threads; gradients are added to dx, dw and db. bias and db
     * may be NULL. False when memory is short. */
    bool (*conv2d)(int n_threads, const hg_conv_shape *s, const hg_real *x, const hg_real *w,
                   const hg_real *bias, hg_real *y);
    bool (*conv2d_backward_data)(int n_threads, const hg_conv_shape *s, const hg_real *dy, const hg_real *w,
                                 hg_real *dx);
    bool (*conv2d_backward_weights)(int n_threads, const hg_conv_shape *s, const hg_real *dy,
                                    const hg_real *x, hg_real *dw, hg_real *db);
} hg_kernels;

/* Whether t rows of x by weights of this block type should go through gemm_wide. */
static inline bool hg_kernels_widen(const hg_kernels *kernels, hg_dtype type, int64_t t)
{
    if (kernels->wide == HG_WIDE_ALL)
        return t >= HG_WIDE_LEAST;
    if (kernels->wide == HG_WIDE_NONE)
        return false;
    return (type == HG_DTYPE_Q4_K && t >= HG_WIDE_LEAST_Q4_K) ||
           (type == HG_DTYPE_Q4_0 && t >= HG_WIDE_LEAST_Q4_0);
}

/* The table of a tier; tiers this build or processor lacks give the next lower one. In the double build
 * always the reference. */
const hg_kernels *hg_kernels_get(hg_cpu_tier tier);

/* Fills in the parts of the table that a tier replaces; defined in the tier's files. AMX is tried first:
 * where products come out wrong the table stays as it is, with the name of the tier before. */
void hg_kernels_set_reference(hg_kernels *table);
void hg_kernels_set_onednn(hg_kernels *table);
void hg_kernels_set_avx2(hg_kernels *table);
void hg_kernels_set_avx2_vnni(hg_kernels *table);
void hg_kernels_set_avx512(hg_kernels *table);
void hg_kernels_set_avx512_vnni(hg_kernels *table);
void hg_kernels_set_avx512_bf16(hg_kernels *table);
void hg_kernels_set_amx(hg_kernels *table);
void hg_kernels_set_neon(hg_kernels *table);
void hg_kernels_set_neon_dotprod(hg_kernels *table);
void hg_kernels_set_neon_i8mm(hg_kernels *table);

/* Convolutions whose inputs are rounded to bf16, for training, where that is faster; false, and nothing
 * changed, on processors without bf16 arithmetic. */
bool hg_kernels_set_bf16_conv(hg_kernels *table);

#endif
