/* SPDX-License-Identifier: Apache-2.0
 *
 * row_neon.h: products of block-quantised weights with few rows of rounded activations. Each weight row is
 * read once, front to back, and taken apart in registers; lanes of the sums run along the row. Include after
 * bytes_neon.h.
 */
#ifndef HG_KERNELS_ROW_NEON_H
#define HG_KERNELS_ROW_NEON_H

#include "kernels/arm/blocks_neon.h"
#include "kernels/arm/bytes_neon.h"
#include "kernels/kernels.h"
#include "kernels/simd/simd_types.h"

#define ROW_FEW 4      /* rows of x that share a pass over a weight row */
#define ROW_AHEAD 4096 /* bytes ahead that are asked for */

typedef struct row_sum {
    float32x4_t lanes[2]; /* that run side by side */
    float32x4_t minima;   /* what is to be subtracted; q4_k only */
} row_sum;

/* One run of 32 with one row of x, `scales` being the two of its halves. */
SIMD_INLINE void row_add_run(hg_dtype type, vcodes codes, const float scales[2], const int8_t *x,
                             float x_scale, int chain, row_sum *sum)
{
    const int32x4_t zero = vdupq_n_s32(0);
    int32x4_t first = bytes_dot(zero, codes.val[0], vld1q_s8(x));
    int32x4_t second = bytes_dot(type == HG_DTYPE_Q6_K ? zero : first, codes.val[1], vld1q_s8(x + 16));
    float32x4_t *lanes = &sum->lanes[chain];
    *lanes = vfmaq_n_f32(*lanes, vcvtq_f32_s32(second), scales[1] * x_scale);
    if (type == HG_DTYPE_Q6_K)
        sum->lanes[1 - chain] = vfmaq_n_f32(sum->lanes[1 - chain], vcvtq_f32_s32(first), scales[0] * x_scale);
}

/* One block of a weight row, which begins at column j, for n_x rows of x. */
SIMD_INLINE void row_add_block(hg_dtype type, int n_x, const void *block, const hg_rounded *x, int64_t j,
                               int chain, row_sum *sum)
{
    quant_scales s;
    quant_take_scales(type, block, &s);
    for (int run = 0; run < quant_block(type) / QUANT_RUN; run++) {
        vcodes codes = quant_codes(type, block, run);
        for (int t = 0; t < n_x; t++) {
            int64_t at = t * x->k + j + run * QUANT_RUN;
            row_add_run(type, codes, &s.scale[2 * run], x->codes + at, x->scales[at / QUANT_RUN],
                        (run + chain) % 2, &sum[t]);
        }
    }
    for (int t = 0; t < n_x && type == HG_DTYPE_Q4_K; t++) {
        const float *x_sums = x->sums + (t * x->k + j) / QUANT_RUN;
        for (int i = 0; i < 8; i += 4)
            sum[t].minima = vfmaq_f32(sum[t].minima, vld1q_f32(s.minimum + i), vld1q_f32(x_sums + i));
    }
}

/* One weight row. */
SIMD_INLINE void row_times(hg_dtype type, int n_x, const uint8_t *w, const hg_rounded *x, bool add, float *y,
                           int64_t ldy)
{
    const int64_t block = quant_block(type), bytes = quant_block_bytes(type);
    const float32x4_t zero = vdupq_n_f32(0);
    row_sum sum[ROW_FEW];
    for (int t = 0; t < n_x; t++)
        sum[t] = (row_sum){{zero, zero}, zero};
    int64_t j = 0;
    for (; j + 2 * block <= x->k; j += 2 * block, w += 2 * bytes) {
        for (int64_t line = 0; line < 2 * bytes; line += 64)
            simd_prefetch_at(w + line, ROW_AHEAD);
        row_add_block(type, n_x, w, x, j, 0, sum);
        row_add_block(type, n_x, w + bytes, x, j + block, 1, sum);
    }
    if (j < x->k)
        row_add_block(type, n_x, w, x, j, 0, sum);
    for (int t = 0; t < n_x; t++) {
        float total = vaddvq_f32(vaddq_f32(sum[t].lanes[0], sum[t].lanes[1]));
        if (type == HG_DTYPE_Q4_K)
            total -= vaddvq_f32(sum[t].minima);
        y[t * ldy] = add ? total + y[t * ldy] : total;
    }
}

SIMD_INLINE void row_matvec_type(hg_dtype type, int64_t n, const uint8_t *w, int64_t ldw, const hg_rounded *x,
                                 bool add, float *y, int64_t ldy)
{
    int64_t row_bytes = ldw / quant_block(type) * quant_block_bytes(type);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t t = 0; t < x->t; t += ROW_FEW) {
            hg_rounded rows = hg_rounded_rows(x, t, x->t - t);
            float *at = y + t * ldy + i;
            switch (rows.t) {
            case 1:
                row_times(type, 1, w + i * row_bytes, &rows, add, at, ldy);
                break;
            case 2:
                row_times(type, 2, w + i * row_bytes, &rows, add, at, ldy);
                break;
            case 3:
                row_times(type, 3, w + i * row_bytes, &rows, add, at, ldy);
                break;
            default:
                row_times(type, ROW_FEW, w + i * row_bytes, &rows, add, at, ldy);
            }
        }
    }
}

static void row_matvec(hg_dtype type, int64_t n, const void *w, int64_t ldw, const hg_rounded *x, bool add,
                       float *y, int64_t ldy)
{
    SIMD_FOR_TYPE(type, row_matvec_type, n, w, ldw, x, add, y, ldy)
}

#endif
