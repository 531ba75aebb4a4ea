/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_pairs.h: products of wide.h in the tiers where pairs of products of bytes pass through 16 bits.
 * Weights of 4 bits keep their codes (kernels/wide_kept.h): 32 columns are added up there, and multiplied
 * with the weights' factors on their way to 32 bits. The others, which are seen only beside them, are bytes.
 * Included by the one .c file of each such tier after its simd_*.h and bytes_*.h.
 */
#ifndef HG_KERNELS_WIDE_PAIRS_H
#define HG_KERNELS_WIDE_PAIRS_H

#define WIDE_ZERO 0
#define WIDE_KEEPS 1
#include "kernels/x86/wide_blocks.h"

static_assert(VB_SATURATES, "otherwise bytes are faster");

/* Codes of 32 columns of a piece times n rows of x: two sums in each lane. */
SIMD_INLINE void pairs_dots(int n, const int8_t *x, const int8_t *w, vb (*dots)[2])
{
#pragma GCC unroll 8
    for (int j = 0; j < 8; j++) {
        const vb first = vb_load(w + j * WIDE_LINE), second = vb_load(w + WIDE_SECOND + j * WIDE_LINE);
        for (int r = 0; r < n; r++) {
            const vb four = vb_lanes(x + r * HG_WIDE_TILE_COLUMNS + j * 4);
            dots[r][0] = j == 0 ? vb_pairs(first, four) : vb_dot_short(dots[r][0], first, four);
            dots[r][1] = j == 0 ? vb_pairs(second, four) : vb_dot_short(dots[r][1], second, four);
            vb_keep(&dots[r][0]); /* gcc would make all products first, and store them */
            vb_keep(&dots[r][1]);
        }
    }
}

/* The same times their factors, added. */
SIMD_INLINE void pairs_add(int n, const int8_t *x, const int8_t *w, const int32_t *factor, vb (*sums)[2])
{
    vb dots[WIDE_ROWS][2];
    pairs_dots(n, x, w, dots);
    for (int l = 0; l < 2; l++) {
        const vb factors = vb_load(factor + l * VF_LANES);
        for (int r = 0; r < n; r++) {
            sums[r][l] = vb_add_scaled(sums[r][l], dots[r][l], factors);
            vb_keep(&sums[r][l]);
        }
    }
}

/* Of a run, n rows of x by half of a piece each. */
SIMD_INLINE void pairs_sums(int n, const wide_factors *f, vb (*sums)[2])
{
    for (int r = 0; r < n; r++)
        sums[r][0] = sums[r][1] = vb_zero();
    const int8_t *x = f->x, *w = f->w;
    const int32_t(*factor)[HG_WIDE_PANEL] = f->kept->factor;
    for (int s = 0; s < f->steps; s++, x += HG_WIDE_APART, w += WIDE_APART, factor += 2) {
        pairs_add(n, x, w, factor[0], sums);
        pairs_add(n, x + 32, w + 8 * WIDE_LINE, factor[1], sums);
    }
}

/* Sums of offsets times those of a row's codes, for half of a piece. */
SIMD_INLINE vb pairs_offsets(const wide_factors *f, int row, int half)
{
    vb sum = vb_zero();
    for (int i = 0; i < HG_WIDE_SUMS / 2; i++)
        sum = vb_add_scaled(sum, vb_load(f->kept->offset[i] + half * VF_LANES),
                            vb_lanes(f->sums + row * HG_WIDE_SUMS + 2 * i));
    return sum;
}

SIMD_INLINE void pairs_kept(int n, const wide_factors *f, float (*to)[HG_WIDE_PANEL])
{
    vb sums[WIDE_ROWS][2];
    pairs_sums(n, f, sums);
    for (int l = 0; l < 2; l++) {
        const vf scale = vf_load(f->w_scales + l * VF_LANES),
                 minimum = vf_load(f->kept->minimum + l * VF_LANES);
        for (int r = 0; r < n; r++) {
            float *at = &to[r][l * VF_LANES];
            const vf less = vf_mul(vb_to_float(pairs_offsets(f, r, l)), minimum),
                     run = vf_fma(vb_to_float(sums[r][l]), scale, less);
            vf_store(at, vf_fma(run, vf_set1(f->x_scales[r]), vf_load(at)));
        }
    }
}

WIDE_EACH(WIDE_MULTIPLY, pairs_kept)
static const wide_multiply pairs_kept_of[WIDE_ROWS + 1] = {WIDE_EACH(WIDE_ENTRY, pairs_kept)};

static const wide_multiply *wide_multiply_of(const wide_panel *panel)
{
    return panel->kept != NULL ? pairs_kept_of : wide_bytes_of;
}

#endif
