/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes_avx512.h: sums of products of bytes, 64 at a time, and the scales that go with them, under the names
 * of bytes_avx2.h, where what happens without VNNI is said, too. Include after simd_avx512.h; __AVX512VNNI__
 * says which tier is compiled.
 *
 * Of types with blocks of 32 a step takes two, the last of a row perhaps one: it is not `whole`, reads half
 * and has zeros for scales in the other half.
 */
#ifndef HG_KERNELS_BYTES_AVX512_H
#define HG_KERNELS_BYTES_AVX512_H

#include "kernels/x86/blocks_x86.h"

#define VB_BYTES 64
#define ROUNDED_TILE_ROWS 6 /* of x, against two panels: 24 of the 32 registers hold sums */

typedef __m512i vb;

static inline vb vb_zero(void)
{
    return _mm512_setzero_si512();
}

static inline vb vb_load(const void *p)
{
    return _mm512_loadu_si512(p);
}

static inline void vb_store(void *p, vb x)
{
    _mm512_storeu_si512(p, x);
}

static inline vb vb_lanes(const void *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
}

static inline vb vb_set1_lane(int x)
{
    return _mm512_set1_epi32(x);
}

static inline vb vb_set1_byte(int x)
{
    return _mm512_set1_epi8((char)x);
}

static inline vb vb_and(vb a, vb b)
{
    return _mm512_and_si512(a, b);
}

static inline vb vb_or(vb a, vb b)
{
    return _mm512_or_si512(a, b);
}

static inline vb vb_xor(vb a, vb b)
{
    return _mm512_xor_si512(a, b);
}

static inline vb vb_shift_left(vb x, int n)
{
    return _mm512_slli_epi32(x, (unsigned)n);
}

static inline vb vb_shift_right(vb x, int n)
{
    return _mm512_srli_epi32(x, (unsigned)n);
}

static inline vb vb_shift_right_signed(vb x, int n)
{
    return _mm512_srai_epi32(x, (unsigned)n);
}

static inline vb vb_add(vb a, vb b)
{
    return _mm512_add_epi32(a, b);
}

/* Byte `byte` of every lane, by itself. */
static inline vb vb_take_byte(vb x, int byte)
{
    return _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(lane_byte(byte)));
}

static inline vf vb_to_float(vb x)
{
    return _mm512_cvtepi32_ps(x);
}

/* Four numbers in -127..127 of every lane, rounded, as unsigned bytes: code + 128. */
static inline vb vb_from_four(const vf x[4])
{
    vb bytes = _mm512_cvtps_epi32(x[0]);
    for (unsigned i = 1; i < 4; i++) { /* the lower 8 i bits of what is there, then the next */
        vb low = _mm512_set1_epi32((1 << 8 * i) - 1),
           next = _mm512_slli_epi32(_mm512_cvtps_epi32(x[i]), 8 * i);
        bytes = _mm512_ternarylogic_epi32(low, bytes, next, 0xea);
    }
    return _mm512_xor_si512(bytes, _mm512_set1_epi8(-128));
}

/* Each half of a lane: two of the products of unsigned w and signed x. */
static inline vb vb_pairs(vb w, vb x)
{
    return _mm512_maddubs_epi16(w, x);
}

/* Keeps a value in a register here, and what it is made of from being put off. */
static inline void vb_keep(vb *x)
{
    __asm__("" : "+v"(*x));
}

/* Each half of a lane: sum + two of the products. */
static inline vb vb_dot_short(vb sum, vb w, vb x)
{
    return _mm512_add_epi16(sum, vb_pairs(w, x));
}

/* Each lane: sum + the two halves of the lane of `pairs`, 16 bits each, times those of `factors`. */
static inline vb vb_add_scaled(vb sum, vb pairs, vb factors)
{
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, factors));
}

static inline vb vb_add_wider(vb sum, vb pairs)
{
    return vb_add_scaled(sum, pairs, _mm512_set1_epi16(1));
}

#ifdef __AVX512VNNI__
#define VB_SATURATES 0

X86_INLINE vb vb_dot(hg_dtype type, vb sum, vb w, vb x)
{
    (void)type;
    return _mm512_dpbusd_epi32(sum, w, x);
}
#else
#define VB_SATURATES 1

X86_INLINE vb vb_dot(hg_dtype type, vb sum, vb w, vb x)
{
    if (type == HG_DTYPE_Q8_0) { /* -128 becomes the unsigned 128 */
        x = _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(w), vb_zero(), x);
        w = _mm512_abs_epi8(w);
    }
    return vb_add_wider(sum, _mm512_maddubs_epi16(w, x));
}
#endif

static inline void vb_transpose(vb x[16])
{
    vb a[16], b[16];
    for (int i = 0; i < 16; i += 2) {
        a[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
        a[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) { /* in every quarter, a column of four rows */
        for (int j = 0; j < 2; j++) {
            b[i + 2 * j] = _mm512_unpacklo_epi64(a[i + j], a[i + j + 2]);
            b[i + 2 * j + 1] = _mm512_unpackhi_epi64(a[i + j], a[i + j + 2]);
        }
    }
    for (int i = 0; i < 4; i++) { /* quarters of four vectors to their columns */
        vb even = _mm512_shuffle_i32x4(b[i], b[4 + i], 0x88),
           odd = _mm512_shuffle_i32x4(b[i], b[4 + i], 0xdd);
        vb even2 = _mm512_shuffle_i32x4(b[8 + i], b[12 + i], 0x88),
           odd2 = _mm512_shuffle_i32x4(b[8 + i], b[12 + i], 0xdd);
        x[i] = _mm512_shuffle_i32x4(even, even2, 0x88);
        x[4 + i] = _mm512_shuffle_i32x4(odd, odd2, 0x88);
        x[8 + i] = _mm512_shuffle_i32x4(even, even2, 0xdd);
        x[12 + i] = _mm512_shuffle_i32x4(odd, odd2, 0xdd);
    }
}

/* ---- units: as many weights as are looked at together, 64 or a block of 256 ---- */

X86_INLINE int rounded_unit(hg_dtype type)
{
    return quant_block(type) == 32 ? 64 : 256;
}

/* 32 bytes, twice. */
X86_INLINE vb bytes_twice(const void *p)
{
    return _mm512_broadcast_i64x4(quant_load(p));
}

/* Shifts of 16-bit elements to the right: by `first` in the first half and by `second` in the second. */
X86_INLINE vb bytes_halves(int first, int second)
{
    return _mm512_inserti64x4(_mm512_set1_epi16((short)first), _mm256_set1_epi16((short)second), 1);
}

X86_INLINE vb bytes_q8_0(const hg_block_q8_0 *block, bool whole)
{
    vb codes = _mm512_zextsi256_si512(quant_load(block->codes));
    if (whole)
        codes = _mm512_inserti64x4(codes, quant_load(block[1].codes), 1);
    return VB_SATURATES ? codes : _mm512_xor_si512(codes, _mm512_set1_epi8(-128));
}

/* Blocks of q4_0 are 9 words: each block's 8 words of codes go to two quarters, whose halves are then taken.
 */
X86_INLINE vb bytes_q4_0(const hg_block_q4_0 *block, bool whole)
{
    const vb words = _mm512_set_epi16(17, 16, 15, 14, 13, 12, 11, 10, 17, 16, 15, 14, 13, 12, 11, 10, 8, 7, 6,
                                      5, 4, 3, 2, 1, 8, 7, 6, 5, 4, 3, 2, 1);
    const vb shift = _mm512_set_epi64(0x0004000400040004, 0x0004000400040004, 0, 0, 0x0004000400040004,
                                      0x0004000400040004, 0, 0);
    vb both = _mm512_maskz_loadu_epi16(whole ? 0x3ffff : 0x1ff, block);
    both = _mm512_srlv_epi16(_mm512_permutexvar_epi16(words, both), shift);
    return _mm512_and_si512(both, _mm512_set1_epi8(15));
}

X86_INLINE vb bytes_q6_k(const hg_block_q6_k *block, int step)
{
    vb low = vb_load(block->low + step / 2 * 64), high = bytes_twice(block->high + step / 2 * 32);
    low = step % 2 == 0 ? low : _mm512_srli_epi16(low, 4);
    high = _mm512_srlv_epi16(high, step % 2 == 0 ? bytes_halves(0, 2) : bytes_halves(4, 6));
    high = _mm512_slli_epi16(_mm512_and_si512(high, _mm512_set1_epi8(3)), 4);
    /* (low & 15) | high */
    return _mm512_ternarylogic_epi32(low, _mm512_set1_epi8(15), high, 0xea);
}

/* Codes of step `step` (64 weights) of a unit. */
X86_INLINE vb rounded_codes(hg_dtype type, const void *unit, int step, bool whole)
{
    if (type == HG_DTYPE_Q8_0)
        return bytes_q8_0(unit, whole);
    if (type == HG_DTYPE_Q4_0)
        return bytes_q4_0(unit, whole);
    if (type == HG_DTYPE_Q6_K)
        return bytes_q6_k(unit, step);
    vb both = bytes_twice(((const hg_block_q4_k *)unit)->codes + 32 * step);
    return _mm512_and_si512(_mm512_srlv_epi16(both, bytes_halves(0, 4)), _mm512_set1_epi8(15));
}

/* The same for the decoding path, where odd runs of q4_k stay in the upper halves of their bytes, 16 times as
 * large: their scales make up for it. Pairs of their products would not fit 16 bits. */
X86_INLINE vb rounded_raw_codes(hg_dtype type, const void *unit, int step, bool whole)
{
    if (type != HG_DTYPE_Q4_K || VB_SATURATES)
        return rounded_codes(type, unit, step, whole);
    const vb halves = _mm512_inserti64x4(_mm512_set1_epi8(15), _mm256_set1_epi8((char)0xf0), 1);
    return _mm512_and_si512(bytes_twice(((const hg_block_q4_k *)unit)->codes + 32 * step), halves);
}

X86_INLINE vb rounded_load_x(const void *p, bool whole)
{
    return whole ? vb_load(p) : _mm512_zextsi256_si512(quant_load(p));
}

typedef struct rounded_scales {
    __m512 runs; /* 2 of 32, 8 of 32 (q4_k) or 16 of 16 (q6_k) in the first lanes */
} rounded_scales;

X86_INLINE __m512 scales_of_pair(const uint16_t *first, const uint16_t *second, bool whole)
{
    __m128i both = _mm_cvtsi32_si128(*first);
    if (whole)
        both = _mm_insert_epi16(both, *second, 1);
    return _mm512_castps128_ps512(_mm_cvtph_ps(both));
}

/* The 8 scales, then the 8 minima; every second scale / 16, for rounded_raw_codes. */
X86_INLINE __m512 scales_q4_k(const hg_block_q4_k *block)
{
    const __m512i factors = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
    const __m512 sixteenths =
        _mm512_setr_ps(1, 0x1p-4F, 1, 0x1p-4F, 1, 0x1p-4F, 1, 0x1p-4F, 1, 1, 1, 1, 1, 1, 1, 1);
    /* Scale and minimum in one word, then the packed ones in three: hg_q4_k_unpack on four of each at a time.
     */
    __m128i head = _mm_loadu_si128((const __m128i *)(const void *)block);
    __m128i low = _mm_and_si128(_mm_srlv_epi32(_mm_shuffle_epi32(head, 0xed), _mm_setr_epi32(0, 0, 0, 4)),
                                _mm_setr_epi32(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f));
    __m128i high = _mm_and_si128(_mm_srli_epi32(_mm_shuffle_epi32(head, 0x94), 2),
                                 _mm_setr_epi32(0, 0x30303030, 0, 0x30303030));
    __m512 whole = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_or_si128(low, high)));
    __m512 factor = _mm512_permutexvar_ps(factors, _mm512_castps128_ps512(_mm_cvtph_ps(head)));
    return _mm512_mul_ps(whole, VB_SATURATES ? factor : _mm512_mul_ps(factor, sixteenths));
}

X86_INLINE rounded_scales rounded_take_scales(hg_dtype type, const void *unit, bool whole, __m256 *minima)
{
    rounded_scales s;
    if (type == HG_DTYPE_Q4_K) {
        s.runs = scales_q4_k(unit);
        *minima = _mm512_extractf32x8_ps(s.runs, 1);
    } else if (type == HG_DTYPE_Q6_K) {
        const hg_block_q6_k *block = unit;
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)block->scales);
        s.runs = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)),
                               _mm512_set1_ps(quant_f16(block->scale)));
    } else if (type == HG_DTYPE_Q8_0) {
        const hg_block_q8_0 *block = unit;
        s.runs = scales_of_pair(&block[0].scale, &block[whole ? 1 : 0].scale, whole);
    } else {
        const hg_block_q4_0 *block = unit;
        s.runs = scales_of_pair(&block[0].scale, &block[whole ? 1 : 0].scale, whole);
    }
    return s;
}

X86_INLINE rounded_scales rounded_times(hg_dtype type, rounded_scales s, const float *x, bool whole)
{
    if (type == HG_DTYPE_Q4_K) {
        s.runs = _mm512_mul_ps(s.runs, _mm512_castps256_ps512(_mm256_loadu_ps(x)));
    } else if (type == HG_DTYPE_Q6_K) {
        const __m512i twice = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
        s.runs =
            _mm512_mul_ps(s.runs, _mm512_permutexvar_ps(twice, _mm512_castps256_ps512(_mm256_loadu_ps(x))));
    } else {
        __m128 two =
            whole ? _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(const void *)x)) : _mm_load_ss(x);
        s.runs = _mm512_castps128_ps512(_mm_mul_ps(_mm512_castps512_ps128(s.runs), two));
    }
    return s;
}

/* Elements first and second, eight times each. */
X86_INLINE __m512i lanes_of_two(int first, int second)
{
    return _mm512_inserti64x4(_mm512_set1_epi32(first), _mm256_set1_epi32(second), 1);
}

X86_INLINE vf rounded_lanes(hg_dtype type, const rounded_scales *s, int step)
{
    if (type == HG_DTYPE_Q6_K) {
        const __m512i fours = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
        return _mm512_permutexvar_ps(_mm512_add_epi32(fours, _mm512_set1_epi32(4 * step)), s->runs);
    }
    int first = type == HG_DTYPE_Q4_K ? 2 * step : 0;
    return _mm512_permutexvar_ps(lanes_of_two(first, first + 1), s->runs);
}

/* ---- four blocks of q4_0 at once ---- */

#define ROUNDED_HAS_FOUR 1

/* Words of four blocks' codes, and of their scales, among the 36. */
X86_INLINE vb four_words(const vb words[2])
{
    const vb codes = _mm512_set_epi16(35, 34, 33, 32, 31, 30, 29, 28, 26, 25, 24, 23, 22, 21, 20, 19, 17, 16,
                                      15, 14, 13, 12, 11, 10, 8, 7, 6, 5, 4, 3, 2, 1);
    return _mm512_permutex2var_epi16(words[0], codes, words[1]);
}

X86_INLINE __m128 four_scales(const vb words[2])
{
    const vb scales = _mm512_castsi128_si512(_mm_setr_epi16(0, 9, 18, 27, 0, 0, 0, 0));
    return _mm_cvtph_ps(_mm512_castsi512_si128(_mm512_permutexvar_epi16(scales, words[0])));
}

/* Quarter b of a register has the first 16 codes of block b, another the second 16: both add to the same
 * lanes. x is brought into that order. Adds to *lanes scale · sum of code · x, and to *minima scale · sum of
 * x. */
X86_INLINE void four_add(const vb words[2], const int8_t *x, const float *scales, const float *sums,
                         vf *lanes, __m128 *minima)
{
    const vb low = _mm512_set1_epi8(15);
    const __m512i quarters = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    vb codes = four_words(words), first = vb_load(x), second = vb_load(x + VB_BYTES);
    vb dot = vb_dot(HG_DTYPE_Q4_0, vb_zero(), _mm512_and_si512(codes, low),
                    _mm512_shuffle_i32x4(first, second, 0x88));
    dot = vb_dot(HG_DTYPE_Q4_0, dot, _mm512_and_si512(_mm512_srli_epi16(codes, 4), low),
                 _mm512_shuffle_i32x4(first, second, 0xdd));
    __m128 scale = four_scales(words), product = _mm_mul_ps(scale, _mm_loadu_ps(scales));
    *minima = _mm_fmadd_ps(scale, _mm_loadu_ps(sums), *minima);
    *lanes =
        vf_fma(vb_to_float(dot), _mm512_permutexvar_ps(quarters, _mm512_castps128_ps512(product)), *lanes);
}

#endif
