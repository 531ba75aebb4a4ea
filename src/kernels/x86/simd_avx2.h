/* SPDX-License-Identifier: Apache-2.0
 *
 * simd_avx2.h: eight floats at a time, under the names that kernels_simd.h and simd_math.h are written in.
 * Partial loads read no byte past the n elements that they are given, and fill up with zeros.
 */
#ifndef HG_KERNELS_SIMD_AVX2_H
#define HG_KERNELS_SIMD_AVX2_H

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define VF_LANES 8

/* Vectors of sums that stay in registers while rows pass. */
#define VF_KEPT 12

typedef __m256 vf;

static inline vf vf_set1(float x)
{
    return _mm256_set1_ps(x);
}

static inline vf vf_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

static inline void vf_store(float *p, vf x)
{
    _mm256_storeu_ps(p, x);
}

static inline __m256i vf_first(int64_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline vf vf_load_part(const float *p, int64_t n)
{
    return _mm256_maskload_ps(p, vf_first(n));
}

static inline void vf_store_part(float *p, int64_t n, vf x)
{
    _mm256_maskstore_ps(p, vf_first(n), x);
}

static inline vf vf_from_f16(__m128i x)
{
    return _mm256_cvtph_ps(x);
}

static inline vf vf_from_bf16(__m128i x)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16));
}

static inline vf vf_load_f16(const uint16_t *p)
{
    return vf_from_f16(_mm_loadu_si128((const __m128i *)(const void *)p));
}

static inline void vf_store_f16(uint16_t *p, vf x)
{
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

static inline vf vf_load_bf16(const uint16_t *p)
{
    return vf_from_bf16(_mm_loadu_si128((const __m128i *)(const void *)p));
}

/* There is no masked load of 16-bit elements below AVX-512. */
static inline __m128i vf_part_16(const uint16_t *p, int64_t n)
{
    uint16_t copy[VF_LANES] = {0};
    memcpy(copy, p, (size_t)n * sizeof *p);
    return _mm_loadu_si128((const __m128i *)(const void *)copy);
}

static inline vf vf_load_f16_part(const uint16_t *p, int64_t n)
{
    return vf_from_f16(vf_part_16(p, n));
}

static inline vf vf_load_bf16_part(const uint16_t *p, int64_t n)
{
    return vf_from_bf16(vf_part_16(p, n));
}

/* Vector v < 4 of 32 signed bytes, in their order. */
static inline vf vf_from_codes(__m256i codes, int v)
{
    __m128i half = v < 2 ? _mm256_castsi256_si128(codes) : _mm256_extracti128_si256(codes, 1);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(v % 2 == 0 ? half : _mm_unpackhi_epi64(half, half)));
}

/* Vector v < 4 of 32 bytes in the order that shifts alone give: lane l has byte 4 l + v. */
static inline vf vf_mixed_codes(__m256i codes, int v, bool has_sign)
{
    __m256i byte = has_sign ? _mm256_srai_epi32(_mm256_slli_epi32(codes, 24 - 8 * v), 24)
                            : _mm256_and_si256(_mm256_srli_epi32(codes, 8 * v), _mm256_set1_epi32(255));
    return _mm256_cvtepi32_ps(byte);
}

/* 32 floats in the same order. */
static inline void vf_mixed_load(const float *x, vf to[4])
{
    vf a[4], b[4];
    for (int i = 0; i < 4; i++) /* in each half, four consecutive floats */
        a[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x + 4 * i)),
                                    _mm_loadu_ps(x + 16 + 4 * i), 1);
    for (int i = 0; i < 2; i++) {
        b[i] = i == 0 ? _mm256_unpacklo_ps(a[0], a[1]) : _mm256_unpackhi_ps(a[0], a[1]);
        b[2 + i] = i == 0 ? _mm256_unpacklo_ps(a[2], a[3]) : _mm256_unpackhi_ps(a[2], a[3]);
        to[2 * i] = _mm256_shuffle_ps(b[i], b[2 + i], 0x44);
        to[2 * i + 1] = _mm256_shuffle_ps(b[i], b[2 + i], 0xee);
    }
}

/* What the lanes of the first and of the second 16 of them are multiplied with. */
static inline vf vf_mixed_pair(const float two[2])
{
    return _mm256_insertf128_ps(_mm256_set1_ps(two[0]), _mm_set1_ps(two[1]), 1);
}

static inline vf vf_add(vf a, vf b)
{
    return _mm256_add_ps(a, b);
}

static inline vf vf_sub(vf a, vf b)
{
    return _mm256_sub_ps(a, b);
}

static inline vf vf_mul(vf a, vf b)
{
    return _mm256_mul_ps(a, b);
}

static inline vf vf_div(vf a, vf b)
{
    return _mm256_div_ps(a, b);
}

/* a b + c, rounded once. */
static inline vf vf_fma(vf a, vf b, vf c)
{
    return _mm256_fmadd_ps(a, b, c);
}

/* The second argument where either is not a number. */
static inline vf vf_max(vf a, vf b)
{
    return _mm256_max_ps(a, b);
}

static inline vf vf_min(vf a, vf b)
{
    return _mm256_min_ps(a, b);
}

/* To the nearest whole number, ties to even. */
static inline vf vf_round(vf x)
{
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* 2^n for whole n in -126..127. */
static inline vf vf_exp2_whole(vf n)
{
    __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
}

/* Where x is negative, a; else b. */
static inline vf vf_if_negative(vf x, vf a, vf b)
{
    return _mm256_blendv_ps(b, a, x);
}

static inline vf vf_abs(vf x)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), x);
}

static inline float vf_sum(vf x)
{
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

/* The sums of four, each with the bits of vf_sum: halves, then lanes are added in its order. */
static inline void vf_sum4(const vf x[4], float *sum)
{
    vf four[2];
    for (int i = 0; i < 2; i++)
        four[i] = vf_add(_mm256_permute2f128_ps(x[2 * i], x[2 * i + 1], 0x20),
                         _mm256_permute2f128_ps(x[2 * i], x[2 * i + 1], 0x31));
    vf two = vf_add(_mm256_unpacklo_ps(four[0], four[1]), _mm256_unpackhi_ps(four[0], four[1]));
    two = vf_add(two, _mm256_permute_ps(two, 0x4e)); /* of the first and third, then second and fourth */
    _mm_storeu_ps(sum, _mm_unpacklo_ps(_mm256_castps256_ps128(two), _mm256_extractf128_ps(two, 1)));
}

#endif
