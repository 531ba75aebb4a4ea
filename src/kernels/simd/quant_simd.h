/* SPDX-License-Identifier: Apache-2.0
 *
 * quant_simd.h: block-quantised weights on all instruction sets, with float activations. A run's products are
 * summed before they are scaled, so that a scale costs one multiplication for four (eight) vectors. Included
 * by kernels_simd.h.
 */
#ifndef HG_KERNELS_QUANT_SIMD_H
#define HG_KERNELS_QUANT_SIMD_H

#include "kernels/simd/unpack_simd.h"

/* ---- to activations ---- */

/* False for types that are not quantised. */
static bool simd_quant_to_real(hg_dtype type, int64_t n, const void *from, float *to)
{
    switch (type) {
    case HG_DTYPE_Q8_0:
        quant_to_real_type(HG_DTYPE_Q8_0, n, from, to);
        return true;
    case HG_DTYPE_Q4_0:
        quant_to_real_type(HG_DTYPE_Q4_0, n, from, to);
        return true;
    case HG_DTYPE_Q4_K:
        quant_to_real_type(HG_DTYPE_Q4_K, n, from, to);
        return true;
    case HG_DTYPE_Q6_K:
        quant_to_real_type(HG_DTYPE_Q6_K, n, from, to);
        return true;
    default:
        return false;
    }
}

/* ---- one activation row against weight rows ---- */

#define QUANT_ROWS 4 /* that share each load of x */

/* One run of one row: sum + scale · <codes, x> - minimum · <1, x>, lane by lane; x is in the mixed order. */
SIMD_INLINE vf quant_add_run(hg_dtype type, const void *block, int run, const quant_scales *s, const vf *x,
                             vf x_sum, vf sum)
{
    vcodes codes = quant_codes(type, block, run);
    const bool has_sign = type != HG_DTYPE_Q4_K;
    vf product = vf_mul(vf_mixed_codes(codes, 0, has_sign), x[0]);
    for (int v = 1; v < QUANT_VECTORS; v++)
        product = vf_fma(vf_mixed_codes(codes, v, has_sign), x[v], product);
    vf scale = type == HG_DTYPE_Q6_K ? vf_mixed_pair(&s->scale[2 * run]) : vf_set1(s->scale[2 * run]);
    sum = vf_fma(scale, product, sum);
    return type == HG_DTYPE_Q4_K ? vf_sub(sum, vf_mul(vf_set1(s->minimum[run]), x_sum)) : sum;
}

/* One block of n_rows rows; `block` is that of the first. */
SIMD_INLINE void quant_add_block(hg_dtype type, int n_rows, const uint8_t *block, int64_t row_bytes,
                                 const float *x, vf *sum)
{
    quant_scales s[QUANT_ROWS];
    for (int r = 0; r < n_rows; r++)
        quant_take_scales(type, block + r * row_bytes, &s[r]);
    for (int run = 0; run < quant_block(type) / QUANT_RUN; run++) {
        vf part[QUANT_VECTORS];
        vf_mixed_load(x + run * QUANT_RUN, part);
        vf x_sum = part[0];
        for (int v = 1; v < QUANT_VECTORS && type == HG_DTYPE_Q4_K; v++)
            x_sum = vf_add(x_sum, part[v]);
        for (int r = 0; r < n_rows; r++) {
            if (run % 2 == 0) /* a cache line a time, or nearly */
                simd_prefetch(block + r * row_bytes + run * QUANT_RUN);
            sum[r] = quant_add_run(type, block + r * row_bytes, run, &s[r], part, x_sum, sum[r]);
        }
    }
}

SIMD_INLINE void quant_matvec_rows(hg_dtype type, int n_rows, int64_t k, const uint8_t *w, int64_t row_bytes,
                                   const float *x, float *y)
{
    vf sum[QUANT_ROWS];
    for (int r = 0; r < n_rows; r++)
        sum[r] = vf_set1(0);
    for (int64_t j = 0; j < k; j += quant_block(type), w += quant_block_bytes(type))
        quant_add_block(type, n_rows, w, row_bytes, x + j, sum);
    for (int r = 0; r < n_rows; r++)
        y[r] = vf_sum(sum[r]);
}

SIMD_INLINE void quant_matvec_type(hg_dtype type, int64_t n, int64_t k, const uint8_t *w, int64_t ldw,
                                   const float *x, float *y)
{
    int64_t i = 0, row_bytes = ldw / quant_block(type) * quant_block_bytes(type);
    for (; i + QUANT_ROWS <= n; i += QUANT_ROWS)
        quant_matvec_rows(type, QUANT_ROWS, k, w + i * row_bytes, row_bytes, x, y + i);
    for (; i < n; i++)
        quant_matvec_rows(type, 1, k, w + i * row_bytes, row_bytes, x, y + i);
}

/* False for types that are not quantised. */
static bool simd_quant_matvec(hg_dtype type, int64_t n, int64_t k, const void *w, int64_t ldw, const float *x,
                              float *y)
{
    switch (type) {
    case HG_DTYPE_Q8_0:
        quant_matvec_type(HG_DTYPE_Q8_0, n, k, w, ldw, x, y);
        return true;
    case HG_DTYPE_Q4_0:
        quant_matvec_type(HG_DTYPE_Q4_0, n, k, w, ldw, x, y);
        return true;
    case HG_DTYPE_Q4_K:
        quant_matvec_type(HG_DTYPE_Q4_K, n, k, w, ldw, x, y);
        return true;
    case HG_DTYPE_Q6_K:
        quant_matvec_type(HG_DTYPE_Q6_K, n, k, w, ldw, x, y);
        return true;
    default:
        return false;
    }
}

#endif
