/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_round.h: rows of x to what wide.h says of them.
 */
#ifndef HG_KERNELS_WIDE_ROUND_H
#define HG_KERNELS_WIDE_ROUND_H

#include "kernels/simd/simd_inline.h"
#include "kernels/wide_weights.h"

/* The largest magnitude of n values, by its bits, of which a NaN's are largest. */
static float wide_largest(const float *x, int64_t n)
{
    int32_t most = 0;
    for (int64_t i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= 0x7fffffff;
        most = bits > most ? bits : most;
    }
    float largest;
    memcpy(&largest, &most, sizeof largest);
    return largest;
}

/* A run of n columns. Returns the sum of its codes. */
SIMD_INLINE int32_t wide_round_run(const float *x, int64_t n, float factor, int8_t *to)
{
    hg_wide_halves sums = {0}; /* 16 codes at most in each */
    for (int64_t i = 0; i < n; i += HG_WIDE_PARTS) {
        hg_wide_floats lanes;
        hg_wide_halves halves;
        memcpy(&lanes, x + i, sizeof lanes);
        lanes *= factor;
        hg_wide_whole(&lanes, &halves);
        sums += halves;
        const hg_wide_bytes16 bytes = __builtin_convertvector(halves, hg_wide_bytes16);
        memcpy(to + i / HG_WIDE_TILE_COLUMNS * HG_WIDE_APART + i % HG_WIDE_TILE_COLUMNS, &bytes,
               sizeof bytes);
    }
    int32_t total = 0;
    for (int i = 0; i < HG_WIDE_PARTS; i++)
        total += (int16_t)sums[i];
    return total;
}

static void wide_clear_run(int64_t n, int8_t *to)
{
    for (int64_t i = 0; i < n; i += HG_WIDE_PARTS)
        memset(to + i / HG_WIDE_TILE_COLUMNS * HG_WIDE_APART + i % HG_WIDE_TILE_COLUMNS, 0, HG_WIDE_PARTS);
}

/* Sums of 32 codes of a run of n columns. */
SIMD_INLINE void wide_sums(int64_t n, const int8_t *codes, int16_t *to)
{
    for (int64_t i = 0; i < n; i += 32) {
        const int8_t *from = codes + i / HG_WIDE_TILE_COLUMNS * HG_WIDE_APART + i % HG_WIDE_TILE_COLUMNS;
        int32_t sum = 0;
        for (int j = 0; j < 32; j++)
            sum += from[j];
        to[i / 32] = (int16_t)sum;
    }
}

/* round_wide of the table. */
static void wide_round_row(const float *x, const hg_wide *to, int64_t row)
{
    for (int64_t j = 0; j < to->k; j += HG_WIDE_RUN) {
        const int64_t n = hg_wide_run_length(to->k, j), run = j / HG_WIDE_RUN;
        int32_t sum = 0;
        float factor;
        *hg_wide_scale(to, row, run) = hg_wide_x_scale(wide_largest(x + j, n), &factor);
        if (factor > 0)
            sum = wide_round_run(x + j, n, factor, hg_wide_code(to, row, j));
        else
            wide_clear_run(n, hg_wide_code(to, row, j));
        *hg_wide_minus(to, row, run) = -128 * sum;
        if (WIDE_KEEPS)
            wide_sums(n, hg_wide_code(to, row, j), hg_wide_sums(to, row, run));
    }
    if (to->k % HG_WIDE_TILE_COLUMNS != 0)
        memset(hg_wide_code(to, row, to->k), 0, HG_WIDE_TILE_COLUMNS / 2);
}

#endif
