/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes_avx2.h: sums of products of bytes, 32 at a time, and the scales that go with them, under the names
 * that rounded_x86.h is written in. Include after simd_avx2.h; __AVXVNNI__ says which tier is compiled.
 * HG_EVEX_VNNI stands for that, too: the tier's instruction in its other encoding, that of AVX-512 VNNI, for
 * processors that have only the other.
 *
 * Without AVX-VNNI pairs of products pass through 16 bits, where 127 · 63 twice fits but 127 · 255 does not:
 * q8_0 is then multiplied by magnitudes, with its signs moved to x.
 */
#ifndef HG_KERNELS_BYTES_AVX2_H
#define HG_KERNELS_BYTES_AVX2_H

#include "kernels/x86/blocks_x86.h"

#define VB_BYTES 32
#define ROUNDED_TILE_ROWS 3 /* of x, against two panels: 12 of the 16 registers hold sums */

typedef __m256i vb;

static inline vb vb_zero(void)
{
    return _mm256_setzero_si256();
}

static inline vb vb_load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

static inline void vb_store(void *p, vb x)
{
    _mm256_storeu_si256((__m256i *)p, x);
}

/* Four bytes (one whole number) in every lane. */
static inline vb vb_lanes(const void *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm256_set1_epi32(four);
}

static inline vb vb_set1_lane(int x)
{
    return _mm256_set1_epi32(x);
}

static inline vb vb_set1_byte(int x)
{
    return _mm256_set1_epi8((char)x);
}

static inline vb vb_and(vb a, vb b)
{
    return _mm256_and_si256(a, b);
}

static inline vb vb_or(vb a, vb b)
{
    return _mm256_or_si256(a, b);
}

static inline vb vb_xor(vb a, vb b)
{
    return _mm256_xor_si256(a, b);
}

static inline vb vb_shift_left(vb x, int n)
{
    return _mm256_slli_epi32(x, n);
}

/* Zeros come in from the left. */
static inline vb vb_shift_right(vb x, int n)
{
    return _mm256_srli_epi32(x, n);
}

static inline vb vb_shift_right_signed(vb x, int n)
{
    return _mm256_srai_epi32(x, n);
}

static inline vb vb_add(vb a, vb b)
{
    return _mm256_add_epi32(a, b);
}

/* Byte `byte` of every lane, by itself. */
static inline vb vb_take_byte(vb x, int byte)
{
    return _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(lane_byte(byte)));
}

static inline vf vb_to_float(vb x)
{
    return _mm256_cvtepi32_ps(x);
}

/* Four numbers in -127..127 of every lane, rounded, as unsigned bytes: code + 128. */
static inline vb vb_from_four(const vf x[4])
{
    vb bytes = _mm256_cvtps_epi32(x[0]);
    for (int i = 1; i < 4; i++) { /* the lower 8 i bits of what is there, then the next */
        vb low = _mm256_and_si256(bytes, _mm256_set1_epi32((1 << 8 * i) - 1));
        bytes = _mm256_or_si256(low, _mm256_slli_epi32(_mm256_cvtps_epi32(x[i]), 8 * i));
    }
    return _mm256_xor_si256(bytes, _mm256_set1_epi8(-128));
}

/* Each half of a lane: two of the products of unsigned w and signed x. */
static inline vb vb_pairs(vb w, vb x)
{
    return _mm256_maddubs_epi16(w, x);
}

/* Keeps a value in a register here, and what it is made of from being put off. */
static inline void vb_keep(vb *x)
{
    __asm__("" : "+x"(*x));
}

/* Each half of a lane: sum + two of the products. */
static inline vb vb_dot_short(vb sum, vb w, vb x)
{
    return _mm256_add_epi16(sum, vb_pairs(w, x));
}

/* Each lane: sum + the two halves of the lane of `pairs`, 16 bits each, times those of `factors`. */
static inline vb vb_add_scaled(vb sum, vb pairs, vb factors)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, factors));
}

static inline vb vb_add_wider(vb sum, vb pairs)
{
    return vb_add_scaled(sum, pairs, _mm256_set1_epi16(1));
}

#if defined(__AVXVNNI__) || defined(HG_EVEX_VNNI)
#define VB_SATURATES 0

/* Each lane: sum + the four products of unsigned w and signed x. */
X86_INLINE vb vb_dot(hg_dtype type, vb sum, vb w, vb x)
{
    (void)type;
#ifdef HG_EVEX_VNNI
    __asm__("%{evex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(w), "xm"(x));
    return sum;
#else
    return _mm256_dpbusd_avx_epi32(sum, w, x);
#endif
}
#else
#define VB_SATURATES 1

X86_INLINE vb vb_dot(hg_dtype type, vb sum, vb w, vb x)
{
    if (type == HG_DTYPE_Q8_0) {
        x = _mm256_sign_epi8(x, w);
        w = _mm256_abs_epi8(w);
    }
    return vb_add_wider(sum, _mm256_maddubs_epi16(w, x));
}
#endif

/* Lane c of row r becomes lane r of row c. */
static inline void vb_transpose(vb x[8])
{
    vb a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_epi32(x[i], x[i + 1]);
        a[i + 1] = _mm256_unpackhi_epi32(x[i], x[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        for (int j = 0; j < 2; j++) {
            b[i + 2 * j] = _mm256_unpacklo_epi64(a[i + j], a[i + j + 2]);
            b[i + 2 * j + 1] = _mm256_unpackhi_epi64(a[i + j], a[i + j + 2]);
        }
    }
    for (int i = 0; i < 4; i++) {
        x[i] = _mm256_permute2x128_si256(b[i], b[4 + i], 0x20);
        x[4 + i] = _mm256_permute2x128_si256(b[i], b[4 + i], 0x31);
    }
}

/* ---- units: as many weights as are looked at together, 32 or a block of 256 ---- */

X86_INLINE int rounded_unit(hg_dtype type)
{
    return (int)quant_block(type);
}

/* Codes of step `step` (32 weights) of a unit. */
X86_INLINE vb rounded_codes(hg_dtype type, const void *unit, int step, bool whole)
{
    (void)whole; /* a step is never cut here */
    vb codes = quant_bytes(type, unit, step);
    return type == HG_DTYPE_Q8_0 && !VB_SATURATES ? _mm256_xor_si256(codes, _mm256_set1_epi8(-128)) : codes;
}

/* The same, in whatever form rounded_take_scales fits. */
X86_INLINE vb rounded_raw_codes(hg_dtype type, const void *unit, int step, bool whole)
{
    return rounded_codes(type, unit, step, whole);
}

X86_INLINE vb rounded_load_x(const void *p, bool whole)
{
    (void)whole;
    return vb_load(p);
}

/* A unit's scales, or their products with those of x. */
typedef struct rounded_scales {
    __m256
        runs[2]; /* of 8 runs of 32; of 16 runs of 16 in q6_k; the same in all lanes for 32-weight blocks */
} rounded_scales;

/* Scales of the unit; minima (8) for q4_k. */
X86_INLINE rounded_scales rounded_take_scales(hg_dtype type, const void *unit, bool whole, __m256 *minima)
{
    (void)whole;
    rounded_scales s;
    quant_scales all;
    if (type == HG_DTYPE_Q4_K) {
        quant_eights_q4_k(unit, &s.runs[0], minima);
        s.runs[1] = s.runs[0];
    } else if (type == HG_DTYPE_Q6_K) {
        quant_scales_q6_k(unit, &all);
        s.runs[0] = _mm256_loadu_ps(all.scale);
        s.runs[1] = _mm256_loadu_ps(all.scale + 8);
    } else {
        s.runs[0] = s.runs[1] = _mm256_set1_ps(quant_f16(*(const uint16_t *)unit));
    }
    return s;
}

/* Times the scales of x from there on. */
X86_INLINE rounded_scales rounded_times(hg_dtype type, rounded_scales s, const float *x, bool whole)
{
    (void)whole;
    if (type == HG_DTYPE_Q4_K) {
        s.runs[0] = _mm256_mul_ps(s.runs[0], _mm256_loadu_ps(x));
    } else if (type == HG_DTYPE_Q6_K) { /* every scale of x for two of the weights */
        __m256 all = _mm256_loadu_ps(x);
        s.runs[0] = _mm256_mul_ps(s.runs[0],
                                  _mm256_permutevar8x32_ps(all, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3)));
        s.runs[1] = _mm256_mul_ps(s.runs[1],
                                  _mm256_permutevar8x32_ps(all, _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7)));
    } else {
        s.runs[0] = _mm256_mul_ps(s.runs[0], _mm256_set1_ps(*x));
    }
    return s;
}

/* What each lane of a step's sums is multiplied with. */
X86_INLINE vf rounded_lanes(hg_dtype type, const rounded_scales *s, int step)
{
    if (type == HG_DTYPE_Q4_K)
        return _mm256_permutevar8x32_ps(s->runs[0], _mm256_set1_epi32(step));
    if (type == HG_DTYPE_Q6_K) {
        int first = 2 * (step % 4);
        __m256i lanes =
            _mm256_setr_epi32(first, first, first, first, first + 1, first + 1, first + 1, first + 1);
        return _mm256_permutevar8x32_ps(s->runs[step / 4], lanes);
    }
    return s->runs[0];
}

#endif
