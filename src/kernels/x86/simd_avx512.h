/* SPDX-License-Identifier: Apache-2.0
 *
 * simd_avx512.h: sixteen floats at a time, under the names of simd_avx2.h. Partial loads are masked: lanes
 * that are left out are neither read nor can they fault.
 */
#ifndef HG_KERNELS_SIMD_AVX512_H
#define HG_KERNELS_SIMD_AVX512_H

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#define VF_LANES 16

/* Vectors of sums that stay in registers while rows pass. */
#define VF_KEPT 24

typedef __m512 vf;

static inline vf vf_set1(float x)
{
    return _mm512_set1_ps(x);
}

static inline vf vf_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

static inline void vf_store(float *p, vf x)
{
    _mm512_storeu_ps(p, x);
}

static inline __mmask16 vf_first(int64_t n)
{
    return (__mmask16)((1U << n) - 1);
}

static inline vf vf_load_part(const float *p, int64_t n)
{
    return _mm512_maskz_loadu_ps(vf_first(n), p);
}

static inline void vf_store_part(float *p, int64_t n, vf x)
{
    _mm512_mask_storeu_ps(p, vf_first(n), x);
}

static inline vf vf_from_bf16(__m256i x)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

static inline vf vf_load_f16(const uint16_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

static inline void vf_store_f16(uint16_t *p, vf x)
{
    _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

static inline vf vf_load_bf16(const uint16_t *p)
{
    return vf_from_bf16(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

static inline vf vf_load_f16_part(const uint16_t *p, int64_t n)
{
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(vf_first(n), p));
}

static inline vf vf_load_bf16_part(const uint16_t *p, int64_t n)
{
    return vf_from_bf16(_mm256_maskz_loadu_epi16(vf_first(n), p));
}

/* Vector v < 2 of 32 signed bytes, in their order. */
static inline vf vf_from_codes(__m256i codes, int v)
{
    __m128i half = v == 0 ? _mm256_castsi256_si128(codes) : _mm256_extracti128_si256(codes, 1);
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(half));
}

/* Vector v < 2 of 32 bytes in the order that needs no shuffle of bytes: lane l has byte 2 l + v. */
static inline vf vf_mixed_codes(__m256i codes, int v, bool has_sign)
{
    (void)has_sign; /* a byte's sign costs nothing here; unsigned codes are below 128 */
    return _mm512_cvtepi32_ps(
        _mm512_cvtepi16_epi32(_mm256_srai_epi16(v == 0 ? _mm256_slli_epi16(codes, 8) : codes, 8)));
}

/* 32 floats in the same order. */
static inline void vf_mixed_load(const float *x, vf to[2])
{
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    vf first = vf_load(x), second = vf_load(x + VF_LANES);
    to[0] = _mm512_permutex2var_ps(first, even, second);
    to[1] = _mm512_permutex2var_ps(first, odd, second);
}

/* What the lanes of the first and of the second 16 of them are multiplied with. */
static inline vf vf_mixed_pair(const float two[2])
{
    return _mm512_mask_blend_ps(0xff00, _mm512_set1_ps(two[0]), _mm512_set1_ps(two[1]));
}

static inline vf vf_add(vf a, vf b)
{
    return _mm512_add_ps(a, b);
}

static inline vf vf_sub(vf a, vf b)
{
    return _mm512_sub_ps(a, b);
}

static inline vf vf_mul(vf a, vf b)
{
    return _mm512_mul_ps(a, b);
}

static inline vf vf_div(vf a, vf b)
{
    return _mm512_div_ps(a, b);
}

/* a b + c, rounded once. */
static inline vf vf_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}

/* The second argument where either is not a number. */
static inline vf vf_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}

static inline vf vf_min(vf a, vf b)
{
    return _mm512_min_ps(a, b);
}

/* To the nearest whole number, ties to even. Without optimisation the intrinsic is a macro of gcc's that its
 * own warning refuses. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
static inline vf vf_round(vf x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
#pragma GCC diagnostic pop

/* 2^n for whole n in -126..127. */
static inline vf vf_exp2_whole(vf n)
{
    __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23));
}

/* Where x is negative, a; else b. */
static inline vf vf_if_negative(vf x, vf a, vf b)
{
    return _mm512_mask_blend_ps(_mm512_movepi32_mask(_mm512_castps_si512(x)), b, a);
}

static inline vf vf_abs(vf x)
{
    return _mm512_andnot_ps(_mm512_set1_ps(-0.0F), x);
}

static inline float vf_sum(vf x)
{
    return _mm512_reduce_add_ps(x);
}

/* The sums of four, each with the bits of vf_sum: halves, quarters, then lanes are added in its order. */
static inline void vf_sum4(const vf x[4], float *sum)
{
    vf half[2];
    for (int i = 0; i < 2; i++)
        half[i] = vf_add(_mm512_shuffle_f32x4(x[2 * i], x[2 * i + 1], 0x44),
                         _mm512_shuffle_f32x4(x[2 * i], x[2 * i + 1], 0xee));
    vf four = vf_add(_mm512_shuffle_f32x4(half[0], half[1], 0x88),
                     _mm512_shuffle_f32x4(half[0], half[1], 0xdd)); /* of each x, four lanes */
    four = vf_add(four, _mm512_shuffle_ps(four, four, 0x4e));
    four = vf_add(four, _mm512_shuffle_ps(four, four, 0xb1));
    _mm_storeu_ps(sum, _mm512_castps512_ps128(_mm512_maskz_compress_ps(0x1111, four)));
}

#endif
