/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_lanes.h: 16 weight rows, interleaved (tensor/interleave.h), become bytes as wide_weights.h says: a row
 * in each 32-bit lane. Four columns of 16 rows are a vector, and a row of a tile that is the right factor.
 * Whoever includes this says before what the byte of code 0 is: WIDE_ZERO, 0 or, where bytes are multiplied
 * as unsigned ones, 128.
 *
 * q6_k, which has no interleaved order in memory, is brought into one: the scales of 16 blocks, then `low`,
 * `high` and `scales` in words of 4 bytes.
 */
#ifndef HG_KERNELS_WIDE_LANES_H
#define HG_KERNELS_WIDE_LANES_H

#include "kernels/simd/simd_inline.h"
#include "kernels/wide_weights.h"
#include "tensor/interleave.h"

#ifdef __AVX512F__
#include <immintrin.h>
#endif

/* GNU vectors, which compilers take apart where the processor has shorter ones. */
#define WIDE_VECTOR(type, n) type __attribute__((vector_size((n) * sizeof(type))))
typedef WIDE_VECTOR(uint16_t, 32) wide_halves;
typedef WIDE_VECTOR(int16_t, 32) wide_signed;
typedef WIDE_VECTOR(uint32_t, 16) wide_words;

#define WIDE_LINE 64 /* bytes of a vector: four columns of 16 rows */

/* What wide_weights.h calls a plan, of 16 rows: a row's factor and offset twice in its lane. */
typedef struct wide_plan {
    wide_halves factor[HG_WIDE_PARTS], offset[HG_WIDE_PARTS]; /* one for 32 columns; q6_k: for 16 */
    hg_wide_floats scale;
} wide_plan;

/* Where the weights of a run lie: a step's bytes apart. */
typedef struct wide_steps {
    const uint8_t *at;
    size_t bytes;
    int count;
} wide_steps;

SIMD_INLINE void wide_word(const uint8_t *step, int word, wide_words *to)
{
    memcpy(to, step + HG_INTERLEAVE_HEAD + (size_t)word * WIDE_LINE, sizeof *to);
}

/* hg_wide_from_f16 and hg_wide_larger with the instructions that compilers do not see in them. A NaN stays
 * one, with other bits. In halves, for shorter vectors, they were slower. */
SIMD_INLINE void wide_from_f16(const hg_wide_halves *from, hg_wide_floats *to)
{
#ifdef __AVX512F__
    *to = (hg_wide_floats)_mm512_cvtph_ps((__m256i)*from);
#else
    hg_wide_from_f16(from, to);
#endif
}

SIMD_INLINE void wide_larger(hg_wide_words *most, const hg_wide_floats *x)
{
#ifdef __AVX512F__
    const hg_wide_words size = (hg_wide_words)*x & 0x7fffffff;
    *most = (hg_wide_words)_mm512_max_epi32((__m512i)*most, (__m512i)size);
#else
    hg_wide_larger(most, x);
#endif
}

/* The 16-bit numbers that blocks begin with, as floats. */
SIMD_INLINE void wide_head(const uint8_t *step, int head, hg_wide_floats *to)
{
    hg_wide_halves halves;
    memcpy(&halves, step + (size_t)head * sizeof halves, sizeof halves);
    wide_from_f16(&halves, to);
}

/* ---- plans ---- */

/* The nearest whole number, twice in each lane. */
SIMD_INLINE void wide_twice(const hg_wide_floats *x, wide_halves *to)
{
    wide_words whole = (wide_words)(*x + 0x1.8p23F) & 0xffff;
    *to = (wide_halves)(whole | whole << 16);
}

/* Those of the smallest magnitude that is not taken for zero, 2^-100. */
#define WIDE_LEAST_BITS ((127 - 100) << 23)

/* As hg_wide_plan_parts, with a row in each lane instead of a part. */
SIMD_INLINE void wide_plan_parts(int n, const hg_wide_floats *scale, const hg_wide_floats *minimum,
                                 const hg_wide_words *most, wide_plan *plan)
{
    const hg_wide_floats largest = (hg_wide_floats)*most;
    hg_wide_words finite, tiny;
    hg_wide_less(most, 0xff << 23, &finite);
    hg_wide_less(most, WIDE_LEAST_BITS, &tiny);
    const hg_wide_words usable = finite & ~tiny;
    const hg_wide_floats to_code = (hg_wide_floats)((hg_wide_words)(127.0F * 256 / largest) & usable);
    for (int i = 0; i < n; i++) {
        hg_wide_floats factor = scale[i] * to_code, offset = minimum[i] * to_code;
        wide_twice(&factor, &plan->factor[i]);
        wide_twice(&offset, &plan->offset[i]);
        plan->offset[i] = 128 + WIDE_ZERO * 256 - plan->offset[i];
    }
    plan->scale = (hg_wide_floats)((hg_wide_words)(largest / 127) | (~finite & 0x7fc00000));
}

SIMD_INLINE void wide_plan_short(hg_dtype type, const wide_steps *run, wide_plan *plan)
{
    hg_wide_floats scale[8] = {{0}}, minimum[8] = {{0}};
    hg_wide_words most = {0};
    for (int i = 0; i < 2 * run->count; i++) {
        wide_head(run->at + (size_t)(i / 2) * run->bytes, i % 2, &scale[i]);
        hg_wide_floats range = scale[i] * (type == HG_DTYPE_Q8_0 ? 128.0F : 8.0F);
        wide_larger(&most, &range);
        if (type == HG_DTYPE_Q4_0)
            minimum[i] = range;
    }
    wide_plan_parts(8, scale, minimum, &most, plan);
}

SIMD_INLINE void wide_plan_q4_k(const uint8_t *block, wide_plan *plan)
{
    hg_wide_floats scale[8], minimum[8], factor, factor_minimum;
    wide_words word[3];
    wide_head(block, 0, &factor);
    wide_head(block, 1, &factor_minimum);
    for (int i = 0; i < 3; i++)
        wide_word(block, i, &word[i]);
    hg_wide_words most = {0};
    for (int i = 0; i < 8; i++) { /* quant_blocks.h says where they are */
        const int j = i % 4 * 8;
        wide_words s = word[0] >> j & 63, m = word[1] >> j & 63;
        if (i >= 4) {
            s = (word[2] >> j & 15) | (word[0] >> (j + 6) & 3) << 4;
            m = (word[2] >> (j + 4) & 15) | (word[1] >> (j + 6) & 3) << 4;
        }
        scale[i] = __builtin_convertvector((hg_wide_words)s, hg_wide_floats) * factor;
        minimum[i] = __builtin_convertvector((hg_wide_words)m, hg_wide_floats) * factor_minimum;
        hg_wide_floats high = scale[i] * 15.0F - minimum[i];
        wide_larger(&most, &minimum[i]);
        wide_larger(&most, &high);
    }
    wide_plan_parts(8, scale, minimum, &most, plan);
}

#define WIDE_Q6_K_HIGH 32 /* words of `low` before those of `high` */
#define WIDE_Q6_K_SCALES 48
#define WIDE_Q6_K_WORDS 52

SIMD_INLINE void wide_plan_q6_k(const uint8_t *block, wide_plan *plan)
{
    hg_wide_floats scale[16], minimum[16], factor;
    hg_wide_words most = {0};
    wide_head(block, 0, &factor);
    for (int i = 0; i < 16; i++) {
        wide_words word;
        wide_word(block, WIDE_Q6_K_SCALES + i / 4, &word);
        hg_wide_words signed_scale = (hg_wide_words)(word << (24 - i % 4 * 8)) >> 24;
        scale[i] = __builtin_convertvector(signed_scale, hg_wide_floats) * factor;
        minimum[i] = scale[i] * 32.0F;
        wide_larger(&most, &minimum[i]);
    }
    wide_plan_parts(16, scale, minimum, &most, plan);
}

/* ---- bytes ---- */

/* Codes to bytes: those of even columns in one vector, of odd ones in the other. */
SIMD_INLINE void wide_finish(const wide_halves *even, const wide_halves *odd, const wide_plan *plan, int part,
                             int8_t *to)
{
    wide_halves low = *even * plan->factor[part] + plan->offset[part],
                high = *odd * plan->factor[part] + plan->offset[part];
    wide_halves bytes = low >> 8 | (high & 0xff00);
    memcpy(to, &bytes, sizeof bytes);
}

SIMD_INLINE void wide_unpack_q8_0(const uint8_t *step, const wide_plan *plan, int part, int8_t *to)
{
    for (int i = 0; i < 16; i++, to += WIDE_LINE) {
        wide_words word;
        wide_word(step, i, &word);
        wide_halves codes = (wide_halves)word, even = (wide_halves)((wide_signed)(codes << 8) >> 8),
                    odd = (wide_halves)((wide_signed)codes >> 8);
        wide_finish(&even, &odd, plan, part + i / 8, to);
    }
}

/* A word's four bytes hold four columns in their lower halves, and four of those `apart` lines behind in
 * their upper ones. */
SIMD_INLINE void wide_unpack_four(const uint8_t *step, int word, const wide_plan *plan, int part,
                                  int part_above, int apart, int8_t *to)
{
    wide_words both;
    wide_word(step, word, &both);
    const wide_halves codes = (wide_halves)both;
    wide_halves even = codes & 15, odd = codes >> 8 & 15;
    wide_finish(&even, &odd, plan, part, to);
    even = codes >> 4 & 15;
    odd = codes >> 12;
    wide_finish(&even, &odd, plan, part_above, to + apart * WIDE_LINE);
}

SIMD_INLINE void wide_unpack_q4_0(const uint8_t *step, const wide_plan *plan, int part, int8_t *to)
{
    for (int i = 0; i < 8; i++)
        wide_unpack_four(step, i, plan, part + i / 4, part + i / 4, 4, to + (i / 4 * 8 + i % 4) * WIDE_LINE);
}

/* 64 columns of the 256. */
SIMD_INLINE void wide_unpack_q4_k(const uint8_t *block, const wide_plan *plan, int quarter, int8_t *to)
{
    for (int i = 0; i < 8; i++)
        wide_unpack_four(block, 3 + 8 * quarter + i, plan, 2 * quarter, 2 * quarter + 1, 8,
                         to + i * WIDE_LINE);
}

SIMD_INLINE void wide_unpack_q6_k(const uint8_t *block, const wide_plan *plan, int quarter, int8_t *to)
{
    const int half = quarter / 2, shift = quarter % 2 * 4;
    for (int i = 0; i < 16; i++, to += WIDE_LINE) {
        wide_words low, high;
        wide_word(block, 16 * half + i, &low);
        wide_word(block, WIDE_Q6_K_HIGH + 8 * half + i % 8, &high);
        const wide_halves codes = (wide_halves)low >> shift, upper = (wide_halves)high >> (shift + i / 8 * 2);
        wide_halves even = (codes & 15) | (upper & 3) << 4, odd = (codes >> 8 & 15) | (upper >> 8 & 3) << 4;
        wide_finish(&even, &odd, plan, 4 * quarter + i / 4, to);
    }
}

/* A run of 16 rows: a tile for every 64 columns, WIDE_APART bytes apart, and their scales. */
#define WIDE_APART (2 * 16 * WIDE_LINE)

SIMD_INLINE void wide_unpack_run(hg_dtype type, const wide_steps *run, int8_t *tiles, float *scales)
{
    wide_plan plan;
    if (type == HG_DTYPE_Q4_K)
        wide_plan_q4_k(run->at, &plan);
    else if (type == HG_DTYPE_Q6_K)
        wide_plan_q6_k(run->at, &plan);
    else
        wide_plan_short(type, run, &plan);
    memcpy(scales, &plan.scale, sizeof plan.scale);
    for (int i = 0; (type == HG_DTYPE_Q4_K || type == HG_DTYPE_Q6_K) && i < 4; i++, tiles += WIDE_APART) {
        if (type == HG_DTYPE_Q4_K)
            wide_unpack_q4_k(run->at, &plan, i, tiles);
        else
            wide_unpack_q6_k(run->at, &plan, i, tiles);
    }
    for (int i = 0; (type == HG_DTYPE_Q8_0 || type == HG_DTYPE_Q4_0) && i < run->count;
         i++, tiles += WIDE_APART) {
        const uint8_t *step = run->at + (size_t)i * run->bytes;
        if (type == HG_DTYPE_Q8_0)
            wide_unpack_q8_0(step, &plan, 2 * i, tiles);
        else
            wide_unpack_q4_0(step, &plan, 2 * i, tiles);
    }
}

#endif
