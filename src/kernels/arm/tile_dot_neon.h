/* SPDX-License-Identifier: Apache-2.0
 *
 * tile_dot_neon.h: the tile of the tiers without products of byte matrices. Four codes of each of four rows
 * lie side by side, so that lanes of the sums are rows of weights and nothing is added up across lanes.
 */
#ifndef HG_KERNELS_TILE_DOT_NEON_H
#define HG_KERNELS_TILE_DOT_NEON_H

#include "kernels/arm/bytes_neon.h"
#include "kernels/arm/tile_neon.h"

/* to: (2, 4, 4, 4): half of the rows, quarter of the columns, row, column. */
SIMD_INLINE void tile_store_codes(const int8x16_t rows[PANEL_ROWS], int8_t *to)
{
    for (int half = 0; half < 2; half++, to += 64) {
        int32x4_t row[4];
        for (int r = 0; r < 4; r++)
            row[r] = vreinterpretq_s32_s8(rows[4 * half + r]);
        for (int odd = 0; odd < 2; odd++) { /* columns' quarters odd and odd + 2 */
            int32x4_t first = odd == 0 ? vtrn1q_s32(row[0], row[1]) : vtrn2q_s32(row[0], row[1]);
            int32x4_t second = odd == 0 ? vtrn1q_s32(row[2], row[3]) : vtrn2q_s32(row[2], row[3]);
            int64x2_t a = vreinterpretq_s64_s32(first), b = vreinterpretq_s64_s32(second);
            vst1q_s8(to + 16 * odd, vreinterpretq_s8_s64(vtrn1q_s64(a, b)));
            vst1q_s8(to + 16 * (odd + 2), vreinterpretq_s8_s64(vtrn2q_s64(a, b)));
        }
    }
}

/* One group of weights; j is its first column. */
SIMD_INLINE void tile_add_group(hg_dtype type, int n_x, const panel *p, const hg_rounded *x, int64_t j,
                                float32x4_t (*sum)[2])
{
    const int group = panel_group(type);
    int32x4_t dot[TILE_ROWS][2];
    for (int t = 0; t < n_x; t++)
        dot[t][0] = dot[t][1] = vdupq_n_s32(0);
    for (int i = 0; i < group; i += 16) {
        int8x16_t w[2][4];
        for (int l = 0; l < 8; l++)
            w[l / 4][l % 4] = vld1q_s8(p->codes + (j + i) * PANEL_ROWS + 16 * l);
        for (int t = 0; t < n_x; t++) {
            int8x16_t sixteen = vld1q_s8(x->codes + t * x->k + j + i);
            dot[t][0] = bytes_dot_rows(dot[t][0], w[0], sixteen);
            dot[t][1] = bytes_dot_rows(dot[t][1], w[1], sixteen);
        }
    }
    for (int l = 0; l < 2; l++) {
        float32x4_t scale = vld1q_f32(p->scales + j / group * PANEL_ROWS + 4 * l);
        for (int t = 0; t < n_x; t++) {
            float32x4_t both = vmulq_n_f32(scale, x->scales[(t * x->k + j) / 32]);
            sum[t][l] = vfmaq_f32(sum[t][l], vcvtq_f32_s32(dot[t][l]), both);
        }
        for (int t = 0; t < n_x && type == HG_DTYPE_Q4_K; t++)
            sum[t][l] = vfmaq_n_f32(sum[t][l], vld1q_f32(p->minima + j / 32 * PANEL_ROWS + 4 * l),
                                    x->sums[(t * x->k + j) / 32]);
    }
}

SIMD_INLINE void tile_run(hg_dtype type, int n_x, const panel *p, const hg_rounded *x, const panel_out *out)
{
    float32x4_t sum[TILE_ROWS][2];
    for (int t = 0; t < n_x; t++)
        sum[t][0] = sum[t][1] = vdupq_n_f32(0);
    for (int64_t j = 0; j < x->k; j += panel_group(type))
        tile_add_group(type, n_x, p, x, j, sum);
    float all[TILE_ROWS][PANEL_ROWS];
    for (int t = 0; t < n_x; t++) {
        vst1q_f32(all[t], sum[t][0]);
        vst1q_f32(all[t] + 4, sum[t][1]);
    }
    panel_store(out, n_x, all);
}

#endif
