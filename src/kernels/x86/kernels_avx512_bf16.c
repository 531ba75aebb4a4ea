/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels_avx512_bf16.c: the tier for AVX512-BF16: products of bf16, and what makes bf16. This file alone is
 * compiled with those instructions; nothing in it but hg_kernels_set_avx512_bf16 is visible outside.
 *
 * Masks only at the ends: with one in every step loops took up to twice as long on a Zen 4.
 * The instruction that rounds to bf16 takes subnormal floats for zero, which the reference does not: such
 * values are below 1.2e-38.
 */
#include "kernels/onednn_bf16.h"
#include "kernels/reference/reference.h"
#include "kernels/simd/simd_inline.h"

#include <immintrin.h>
#include <math.h>

#define LANES 16
#define PER_LN_2 1.44269504F
/* Bytes of a map ahead that are asked for: it may lie in memory. */
#define LINES_AHEAD 4096

/* The first n, at most all. */
static __mmask16 bf16_lanes(int64_t n)
{
    return n < LANES ? (__mmask16)((1U << n) - 1) : (__mmask16)0xffff;
}

static void bf16_store(uint16_t *to, __mmask16 mask, __m512 x)
{
    _mm256_mask_storeu_epi16(to, mask, (__m256i)_mm512_cvtneps_pbh(x));
}

static void bf16_from_f32(int64_t n, const float *from, uint16_t *to)
{
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES)
        _mm512_storeu_si512(to + i, (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + i + LANES),
                                                                 _mm512_loadu_ps(from + i)));
    for (; i < n; i += LANES) {
        const __mmask16 mask = bf16_lanes(n - i);
        bf16_store(to + i, mask, _mm512_maskz_loadu_ps(mask, from + i));
    }
}

static void bf16_from_f16(int64_t n, const uint16_t *from, uint16_t *to)
{
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        const __m512i x = _mm512_loadu_si512(from + i);
        _mm512_storeu_si512(to + i,
                            (__m512i)_mm512_cvtne2ps_pbh(_mm512_cvtph_ps(_mm512_extracti64x4_epi64(x, 1)),
                                                         _mm512_cvtph_ps(_mm512_castsi512_si256(x))));
    }
    for (; i < n; i += LANES) {
        const __mmask16 mask = bf16_lanes(n - i);
        bf16_store(to + i, mask, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, from + i)));
    }
}

static void bf16_from(hg_dtype type, int64_t n, const void *from, uint16_t *to)
{
    if (type == HG_DTYPE_BF16) {
        memcpy(to, from, (size_t)n * sizeof *to);
        return;
    }
    if (type == HG_DTYPE_F32)
        bf16_from_f32(n, from, to);
    else if (type == HG_DTYPE_F16)
        bf16_from_f16(n, from, to);
    else
        hg_reference_to_bf16(type, n, from, to);
}

/* 2^t, which is 2^floor(t), made by scalef of t as it is, times a polynomial of what is left, in 0..1: the
 * one of degree 4 whose largest relative error is smallest, 2.6e-6. */
static __m512 bf16_power(__m512 t)
{
    __m512 r = _mm512_reduce_ps(t, _MM_FROUND_TO_NEG_INF);
    __m512 p = _mm512_set1_ps(0.0135341678F);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.0520114601F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.241442755F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.693003833F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.00000262F));
    return _mm512_scalef_ps(p, t);
}

/* 1 / (1 + 2^t). The reciprocal is off by 2^-14 at most: enough for what has 8 bits in the end. */
static __m512 bf16_sigmoid(__m512 t)
{
    return _mm512_rcp14_ps(_mm512_add_ps(_mm512_set1_ps(1.0F), bf16_power(t)));
}

static float bf16_max(int64_t n, const float *x)
{
    __m512 most = _mm512_set1_ps(-HUGE_VALF), other = most;
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        most = _mm512_max_ps(most, _mm512_loadu_ps(x + i));
        other = _mm512_max_ps(other, _mm512_loadu_ps(x + i + LANES));
    }
    for (; i < n; i += LANES) {
        const __mmask16 mask = bf16_lanes(n - i);
        most = _mm512_mask_max_ps(most, mask, most, _mm512_maskz_loadu_ps(mask, x + i));
    }
    return _mm512_reduce_max_ps(_mm512_max_ps(most, other));
}

/* to = 2^(x · scale - shift); returns the sum before it is rounded. */
static float bf16_powers(int64_t n, float scale, float shift, const float *x, uint16_t *to)
{
    const __m512 factor = _mm512_set1_ps(scale), less = _mm512_set1_ps(shift);
    __m512 sum = _mm512_setzero_ps(), other = sum;
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        const __m512 low = bf16_power(_mm512_fmsub_ps(_mm512_loadu_ps(x + i), factor, less)),
                     high = bf16_power(_mm512_fmsub_ps(_mm512_loadu_ps(x + i + LANES), factor, less));
        sum = _mm512_add_ps(sum, low);
        other = _mm512_add_ps(other, high);
        _mm512_storeu_si512(to + i, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
    for (; i < n; i += LANES) {
        const __mmask16 mask = bf16_lanes(n - i);
        const __m512 e = bf16_power(_mm512_fmsub_ps(_mm512_maskz_loadu_ps(mask, x + i), factor, less));
        sum = _mm512_mask_add_ps(sum, mask, sum, e);
        bf16_store(to + i, mask, e);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(sum, other));
}

static float bf16_softmax_part(int64_t n, float scale, const float *x, float *max, float *sum, uint16_t *to)
{
    const float here = scale * bf16_max(n, x), most = here > *max ? here : *max, factor = expf(*max - most);
    *sum = *sum * factor + bf16_powers(n, scale * PER_LN_2, most * PER_LN_2, x, to);
    *max = most;
    return factor;
}

static __m512 bf16_line(__m512 x, __m512 slope, __m512 offset, bool silu)
{
    const __m512 v = _mm512_fmadd_ps(x, slope, offset);
    /* exp(-v) = 2^(-v / ln 2) */
    return silu ? _mm512_mul_ps(v, bf16_sigmoid(_mm512_mul_ps(v, _mm512_set1_ps(-PER_LN_2)))) : v;
}

static void bf16_lines(int64_t n, int64_t c, const hg_real *x, const hg_real *slope, const hg_real *offset,
                       bool silu, uint16_t *y)
{
    for (int64_t i = 0; i < n; i++, x += c, y += c) {
        int64_t j = 0;
        for (; j + LANES <= c; j += LANES) {
            const __m512 v = bf16_line(_mm512_loadu_ps(x + j), _mm512_loadu_ps(slope + j),
                                       _mm512_loadu_ps(offset + j), silu);
            simd_prefetch_at(x + j, LINES_AHEAD);
            _mm256_storeu_si256((__m256i *)(y + j), (__m256i)_mm512_cvtneps_pbh(v));
        }
        const __mmask16 mask = bf16_lanes(c - j);
        if (j < c)
            bf16_store(y + j, mask,
                       bf16_line(_mm512_maskz_loadu_ps(mask, x + j), _mm512_maskz_loadu_ps(mask, slope + j),
                                 _mm512_maskz_loadu_ps(mask, offset + j), silu));
    }
}

void hg_kernels_set_avx512_bf16(hg_kernels *table)
{
    table->fast_bf16 = true;
    table->to_bf16 = bf16_from;
    table->lines_to_bf16 = bf16_lines;
    table->softmax_part_bf16 = bf16_softmax_part;
    table->gemm_bf16 = hg_onednn_gemm_bf16;
}
