/* SPDX-License-Identifier: Apache-2.0
 *
 * tile_i8mm_neon.h: the tile of the tier with products of byte matrices: one instruction multiplies two rows
 * of eight codes with two others and adds to the four sums, [x0 w0, x0 w1, x1 w0, x1 w1]. An odd last row of
 * x is multiplied twice.
 */
#ifndef HG_KERNELS_TILE_I8MM_NEON_H
#define HG_KERNELS_TILE_I8MM_NEON_H

#include "kernels/arm/tile_neon.h"

#define TILE_PAIRS (TILE_ROWS / 2)
#define PANEL_PAIRS (PANEL_ROWS / 2)

/* The first or the second eight of both. */
SIMD_INLINE int8x16_t tile_pair(int8x16_t first, int8x16_t second, int half)
{
    int64x2_t a = vreinterpretq_s64_s8(first), b = vreinterpretq_s64_s8(second);
    return vreinterpretq_s8_s64(half == 0 ? vzip1q_s64(a, b) : vzip2q_s64(a, b));
}

/* to: (PANEL_PAIRS, 2, 2, 8): pair of rows, half of the columns, row, column. */
SIMD_INLINE void tile_store_codes(const int8x16_t rows[PANEL_ROWS], int8_t *to)
{
    for (int r = 0; r < PANEL_ROWS; r += 2) {
        vst1q_s8(to + 16 * r, tile_pair(rows[r], rows[r + 1], 0));
        vst1q_s8(to + 16 * r + 16, tile_pair(rows[r], rows[r + 1], 1));
    }
}

/* [w0, w1, w0, w1] */
SIMD_INLINE float32x4_t tile_of_weights(const float *w)
{
    float32x2_t two = vld1_f32(w);
    return vcombine_f32(two, two);
}

/* [x0, x0, x1, x1] of rows `step` apart. */
SIMD_INLINE float32x4_t tile_of_x(const float *x, int64_t step)
{
    return vcombine_f32(vld1_dup_f32(x), vld1_dup_f32(x + step));
}

/* One group of weights; j is its first column. Row 2 q + 1 of x is `other[q]` elements behind row 2 q. */
SIMD_INLINE void tile_add_group(hg_dtype type, int n_pairs, const panel *p, const hg_rounded *x,
                                const int64_t *other, int64_t j, float32x4_t (*sum)[PANEL_PAIRS])
{
    const int group = panel_group(type);
    int32x4_t dot[TILE_PAIRS][PANEL_PAIRS];
    for (int i = 0; i < TILE_PAIRS * PANEL_PAIRS; i++)
        dot[i / PANEL_PAIRS][i % PANEL_PAIRS] = vdupq_n_s32(0);
    for (int i = 0; i < group; i += 16) {
        int8x16_t pair[TILE_PAIRS][2];
        for (int q = 0; q < n_pairs; q++) {
            const int8_t *row = x->codes + 2 * q * x->k + j + i;
            int8x16_t first = vld1q_s8(row), second = vld1q_s8(row + other[q]);
            pair[q][0] = tile_pair(first, second, 0);
            pair[q][1] = tile_pair(first, second, 1);
        }
        for (int l = 0; l < 2 * PANEL_PAIRS; l++) {
            int8x16_t w = vld1q_s8(p->codes + (j + i) * PANEL_ROWS + 16 * l);
            for (int q = 0; q < n_pairs; q++)
                dot[q][l / 2] = vmmlaq_s32(dot[q][l / 2], pair[q][l % 2], w);
        }
    }
    for (int q = 0; q < n_pairs; q++) {
        int64_t at = (2 * q * x->k + j) / 32;
        float32x4_t x_scale = tile_of_x(x->scales + at, other[q] / 32),
                    x_sum = tile_of_x(x->sums + at, other[q] / 32);
        for (int l = 0; l < PANEL_PAIRS; l++) {
            float32x4_t scale = tile_of_weights(p->scales + j / group * PANEL_ROWS + 2 * l);
            sum[q][l] = vfmaq_f32(sum[q][l], vcvtq_f32_s32(dot[q][l]), vmulq_f32(scale, x_scale));
            if (type == HG_DTYPE_Q4_K)
                sum[q][l] =
                    vfmaq_f32(sum[q][l], tile_of_weights(p->minima + j / 32 * PANEL_ROWS + 2 * l), x_sum);
        }
    }
}

SIMD_INLINE void tile_run(hg_dtype type, int n_x, const panel *p, const hg_rounded *x, const panel_out *out)
{
    const int n_pairs = (n_x + 1) / 2;
    const int64_t other[TILE_PAIRS] = {n_x > 1 ? x->k : 0, n_x > 3 ? x->k : 0};
    float32x4_t sum[TILE_PAIRS][PANEL_PAIRS];
    for (int i = 0; i < TILE_PAIRS * PANEL_PAIRS; i++)
        sum[i / PANEL_PAIRS][i % PANEL_PAIRS] = vdupq_n_f32(0);
    for (int64_t j = 0; j < x->k; j += panel_group(type))
        tile_add_group(type, n_pairs, p, x, other, j, sum);
    float all[TILE_ROWS][PANEL_ROWS];
    for (int q = 0; q < n_pairs; q++) {
        for (int l = 0; l < PANEL_PAIRS; l++) {
            vst1_f32(all[2 * q] + 2 * l, vget_low_f32(sum[q][l]));
            vst1_f32(all[2 * q + 1] + 2 * l, vget_high_f32(sum[q][l]));
        }
    }
    panel_store(out, n_x, all);
}

#endif
