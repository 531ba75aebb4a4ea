/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm_simd.h: dense float products over `vf`, for processors that oneDNN has no code of its own for. Two
 * vectors of columns of op(B), GEMM_DEPTH deep, are copied to the stack, where they lie in a row; all rows of
 * op(A) then pass them, GEMM_ROWS at a time, whose sums stay in registers. Every sum has the same order
 * whatever rows are computed beside it. Include after kernels.h and the tier's simd_*.h.
 */
#ifndef HG_KERNELS_GEMM_SIMD_H
#define HG_KERNELS_GEMM_SIMD_H

#include "kernels/kernels.h"
#include "kernels/simd/simd_inline.h"

#define GEMM_ROWS 6
#define GEMM_COLUMNS (2 * VF_LANES)
#define GEMM_DEPTH 256

/* A strip of op(B), and the rows of C that it is added to. */
typedef struct gemm_strip {
    const float *b; /* (depth, GEMM_COLUMNS) */
    int64_t depth, n;
    float beta; /* of what C holds; 0: it is not read */
} gemm_strip;

/* Columns that are not there are zeros. */
SIMD_INLINE void gemm_pack(const hg_gemm_shape *s, const float *b, int64_t l, int64_t j,
                           const gemm_strip *strip, float *to)
{
    if (s->trans_b) {
        for (int64_t c = 0; c < GEMM_COLUMNS; c++) {
            for (int64_t i = 0; i < strip->depth; i++)
                to[i * GEMM_COLUMNS + c] = c < strip->n ? b[(j + c) * s->ldb + l + i] : 0;
        }
        return;
    }
    for (int64_t i = 0; i < strip->depth; i++, to += GEMM_COLUMNS) {
        const float *row = b + (l + i) * s->ldb + j;
        for (int v = 0; v < 2; v++) {
            int64_t n = strip->n - v * VF_LANES;
            vf part = vf_set1(0);
            if (n > 0)
                part = n >= VF_LANES ? vf_load(row + v * VF_LANES) : vf_load_part(row + v * VF_LANES, n);
            vf_store(to + v * VF_LANES, part);
        }
    }
}

SIMD_INLINE void gemm_store(vf sum, int64_t n, float beta, float *c)
{
    if (n <= 0)
        return;
    if (beta != 0)
        sum = vf_fma(vf_set1(beta), n >= VF_LANES ? vf_load(c) : vf_load_part(c, n), sum);
    if (n >= VF_LANES)
        vf_store(c, sum);
    else
        vf_store_part(c, n, sum);
}

/* n_rows rows of op(A), `row` apart with `step` between their elements, times the strip. */
SIMD_INLINE void gemm_tile(int n_rows, const gemm_strip *strip, const float *a, int64_t row, int64_t step,
                           float *c, int64_t ldc)
{
    vf sum[GEMM_ROWS][2];
    for (int r = 0; r < n_rows; r++)
        sum[r][0] = sum[r][1] = vf_set1(0);
    const float *b = strip->b;
    for (int64_t l = 0; l < strip->depth; l++, a += step, b += GEMM_COLUMNS) {
        vf first = vf_load(b), second = vf_load(b + VF_LANES);
        for (int r = 0; r < n_rows; r++) {
            vf one = vf_set1(a[r * row]);
            sum[r][0] = vf_fma(one, first, sum[r][0]);
            sum[r][1] = vf_fma(one, second, sum[r][1]);
        }
    }
    for (int r = 0; r < n_rows; r++) {
        gemm_store(sum[r][0], strip->n, strip->beta, c + r * ldc);
        gemm_store(sum[r][1], strip->n - VF_LANES, strip->beta, c + r * ldc + VF_LANES);
    }
}

/* All rows of op(A), from its column l on. */
static void gemm_rows(const hg_gemm_shape *s, const gemm_strip *strip, const float *a, float *c)
{
    const int64_t row = s->trans_a ? 1 : s->lda, step = s->trans_a ? s->lda : 1;
    int64_t i = 0;
    for (; i + GEMM_ROWS <= s->m; i += GEMM_ROWS)
        gemm_tile(GEMM_ROWS, strip, a + i * row, row, step, c + i * s->ldc, s->ldc);
    for (; i + 2 <= s->m; i += 2)
        gemm_tile(2, strip, a + i * row, row, step, c + i * s->ldc, s->ldc);
    if (i < s->m)
        gemm_tile(1, strip, a + i * row, row, step, c + i * s->ldc, s->ldc);
}

static void simd_gemm(const hg_gemm_shape *s, const float *a, const float *b, float beta, float *c)
{
    float packed[GEMM_DEPTH * GEMM_COLUMNS];
    for (int64_t j = 0; j < s->n; j += GEMM_COLUMNS) {
        int64_t l = 0;
        do { /* once when the sum is empty, too */
            gemm_strip strip = {.b = packed, .beta = l == 0 ? beta : 1};
            strip.depth = s->k - l < GEMM_DEPTH ? s->k - l : GEMM_DEPTH;
            strip.n = s->n - j < GEMM_COLUMNS ? s->n - j : GEMM_COLUMNS;
            gemm_pack(s, b, l, j, &strip, packed);
            gemm_rows(s, &strip, a + (s->trans_a ? l * s->lda : l), c + j);
            l += GEMM_DEPTH;
        } while (l < s->k);
    }
}

#endif
