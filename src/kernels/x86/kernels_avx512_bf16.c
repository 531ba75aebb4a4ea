/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels_avx512_bf16.c: the tier for AVX512-BF16: products of bf16, and what makes bf16. This file alone is
 * compiled with those instructions; nothing in it but hg_kernels_set_avx512_bf16 is visible outside.
 *
 * The instruction that rounds to bf16 takes subnormal floats for zero, which the reference does not: such
 * values are below 1.2e-38.
 */
#include "kernels/onednn_bf16.h"
#include "kernels/reference/reference.h"
#include "kernels/simd/simd_inline.h"

#include <immintrin.h>

#define LANES 16
/* Bytes of a map ahead that are asked for: it may lie in memory. */
#define LINES_AHEAD 4096

static __m512 bf16_load(hg_dtype type, const void *from, int64_t i, __mmask16 mask)
{
    if (type == HG_DTYPE_F32)
        return _mm512_maskz_loadu_ps(mask, (const float *)from + i);
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, (const uint16_t *)from + i));
}

static void bf16_from(hg_dtype type, int64_t n, const void *from, uint16_t *to)
{
    if (type == HG_DTYPE_BF16) {
        memcpy(to, from, (size_t)n * sizeof *to);
        return;
    }
    if (type != HG_DTYPE_F32 && type != HG_DTYPE_F16) {
        hg_reference_to_bf16(type, n, from, to);
        return;
    }
    for (int64_t i = 0; i < n; i += LANES) {
        __mmask16 mask = n - i < LANES ? (__mmask16)((1U << (n - i)) - 1) : (__mmask16)0xffff;
        __m256i bits = (__m256i)_mm512_cvtneps_pbh(bf16_load(type, from, i, mask));
        _mm256_mask_storeu_epi16(to + i, mask, bits);
    }
}

/* 1 / (1 + 2^t). 2^t is 2^floor(t), which scalef makes of t as it is, times a polynomial of what is left, in
 * 0..1: the one of degree 4 whose largest relative error is smallest, 2.6e-6. The reciprocal is off by 2^-14
 * at most: enough for what has 8 bits in the end. */
static __m512 bf16_sigmoid(__m512 t)
{
    const __m512 one = _mm512_set1_ps(1.0F);
    __m512 r = _mm512_reduce_ps(t, _MM_FROUND_TO_NEG_INF);
    __m512 p = _mm512_set1_ps(0.0135341678F);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.0520114601F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.241442755F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.693003833F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.00000262F));
    return _mm512_rcp14_ps(_mm512_add_ps(one, _mm512_scalef_ps(p, t)));
}

static void bf16_lines(int64_t n, int64_t c, const hg_real *x, const hg_real *slope, const hg_real *offset,
                       bool silu, uint16_t *y)
{
    const __m512 to_power = _mm512_set1_ps(-1.44269504F); /* exp(-v) = 2^(-v / ln 2) */
    for (int64_t i = 0; i < n; i++, x += c, y += c) {
        for (int64_t j = 0; j < c; j += LANES) {
            __mmask16 mask = c - j < LANES ? (__mmask16)((1U << (c - j)) - 1) : (__mmask16)0xffff;
            __m512 v =
                _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, x + j), _mm512_maskz_loadu_ps(mask, slope + j),
                                _mm512_maskz_loadu_ps(mask, offset + j));
            simd_prefetch_at(x + j, LINES_AHEAD);
            if (silu)
                v = _mm512_mul_ps(v, bf16_sigmoid(_mm512_mul_ps(v, to_power)));
            _mm256_mask_storeu_epi16(y + j, mask, (__m256i)_mm512_cvtneps_pbh(v));
        }
    }
}

void hg_kernels_set_avx512_bf16(hg_kernels *table)
{
    table->fast_bf16 = true;
    table->to_bf16 = bf16_from;
    table->lines_to_bf16 = bf16_lines;
    table->gemm_bf16 = hg_onednn_gemm_bf16;
}
