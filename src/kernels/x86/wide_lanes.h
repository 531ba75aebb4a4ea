/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_lanes.h: 16 weight rows, interleaved (tensor/interleave.h), become bytes as wide_weights.h says: a row
 * in each 32-bit lane. Four columns of 16 rows are a vector, and a row of a tile that is the right factor.
 * Whoever includes this says before what the byte of code 0 is: WIDE_ZERO, 0 or, where bytes are multiplied
 * as unsigned ones, 128. WIDE_KEEPS is 1 where weights of 4 bits keep their codes (wide_kept_lanes.h).
 *
 * q6_k, which has no interleaved order in memory, is brought into one: the scales of 16 blocks, then `low`,
 * `high` and `scales` in words of 4 bytes.
 */
#ifndef HG_KERNELS_WIDE_LANES_H
#define HG_KERNELS_WIDE_LANES_H

#include "kernels/simd/simd_inline.h"
#include "kernels/wide_weights.h"
#include "tensor/interleave.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

#ifndef WIDE_KEEPS
#define WIDE_KEEPS 0
#endif

/* Rows that are in a vector: 16, or 8 at a time where registers have no more. gcc takes longer vectors apart,
 * but keeps the parts in memory. */
#if defined(__AVX2__) && !defined(__AVX512F__)
#define WIDE_LANES 8
#else
#define WIDE_LANES 16
#endif

/* GNU vectors. */
#define WIDE_VECTOR(type, n) type __attribute__((vector_size((n) * sizeof(type))))
typedef WIDE_VECTOR(uint16_t, 2 * WIDE_LANES) wide_halves;
typedef WIDE_VECTOR(int16_t, 2 * WIDE_LANES) wide_signed;
typedef WIDE_VECTOR(uint32_t, WIDE_LANES) wide_words;
typedef WIDE_VECTOR(int32_t, WIDE_LANES) wide_numbers;
typedef WIDE_VECTOR(float, WIDE_LANES) wide_floats;

#define WIDE_LINE 64 /* bytes of a tile's row: four columns of 16 rows */

/* What wide_weights.h calls a plan, of WIDE_LANES rows: a row's factor and offset twice in its lane. */
typedef struct wide_plan {
    wide_halves factor[HG_WIDE_PARTS], offset[HG_WIDE_PARTS]; /* one for 32 columns; q6_k: for 16 */
    wide_floats scale;
} wide_plan;

/* Where the weights of a run lie: a step's bytes apart. */
typedef struct wide_steps {
    const uint8_t *at;
    size_t bytes;
    int count;
} wide_steps;

/* A step as the WIDE_LANES rows from `row` on, 0 or 8, see it. */
typedef struct wide_step {
    const uint8_t *at;
    int row;
} wide_step;

SIMD_INLINE void wide_word(const wide_step *step, int word, wide_words *to)
{
    memcpy(to, step->at + HG_INTERLEAVE_HEAD + word * WIDE_LINE + step->row * 4, sizeof *to);
}

/* hg_wide_from_f16 and hg_wide_larger of wide_weights.h, with the instructions that compilers do not see in
 * them. A NaN stays one, with other bits. */
SIMD_INLINE void wide_from_f16(const uint8_t *from, wide_floats *to)
{
#if defined(__AVX512F__)
    *to = (wide_floats)_mm512_cvtph_ps(_mm256_loadu_si256((const void *)from));
#elif defined(__AVX2__)
    *to = (wide_floats)_mm256_cvtph_ps(_mm_loadu_si128((const void *)from));
#else
    hg_wide_halves halves;
    memcpy(&halves, from, sizeof halves);
    hg_wide_from_f16(&halves, to);
#endif
}

SIMD_INLINE void wide_larger(wide_numbers *most, const wide_floats *x)
{
#if defined(__AVX512F__)
    *most = (wide_numbers)_mm512_max_epi32((__m512i)*most, (__m512i)((wide_numbers)*x & 0x7fffffff));
#elif defined(__AVX2__)
    *most = (wide_numbers)_mm256_max_epi32((__m256i)*most, (__m256i)((wide_numbers)*x & 0x7fffffff));
#else
    hg_wide_larger(most, x);
#endif
}

/* The 16-bit numbers that blocks begin with, as floats. */
SIMD_INLINE void wide_head(const wide_step *step, int head, wide_floats *to)
{
    wide_from_f16(step->at + (size_t)(head * HG_WIDE_TILE_ROWS + step->row) * 2, to);
}

/* ---- plans ---- */

/* The nearest whole number, twice in each lane. */
SIMD_INLINE void wide_twice(const wide_floats *x, wide_halves *to)
{
    wide_words whole = (wide_words)(*x + 0x1.8p23F) & 0xffff;
    *to = (wide_halves)(whole | whole << 16);
}

/* Those of the smallest magnitude that is not taken for zero, 2^-100. */
#define WIDE_LEAST_BITS ((127 - 100) << 23)

/* x over the numbers whose bits `most` has; 0 where that is tiny or not finite. */
SIMD_INLINE void wide_over(float x, const wide_numbers *most, wide_floats *to)
{
    const wide_numbers finite = (*most - (0xff << 23)) >> 31, tiny = (*most - WIDE_LEAST_BITS) >> 31;
    *to = (wide_floats)((wide_numbers)(x / (wide_floats)*most) & finite & ~tiny);
}

/* As hg_wide_plan_parts, with a row in each lane instead of a part. */
SIMD_INLINE void wide_plan_parts(int n, const wide_floats *scale, const wide_floats *minimum,
                                 const wide_numbers *most, wide_plan *plan)
{
    const wide_floats largest = (wide_floats)*most;
    const wide_numbers finite = (*most - (0xff << 23)) >> 31;
    wide_floats to_code;
    wide_over(127.0F * 256, most, &to_code);
    for (int i = 0; i < n; i++) {
        wide_floats factor = scale[i] * to_code, offset = minimum[i] * to_code;
        wide_twice(&factor, &plan->factor[i]);
        wide_twice(&offset, &plan->offset[i]);
        plan->offset[i] = 128 + WIDE_ZERO * 256 - plan->offset[i];
    }
    plan->scale = (wide_floats)((wide_numbers)(largest / 127) | (~finite & 0x7fc00000));
}

SIMD_INLINE void wide_plan_short(hg_dtype type, const wide_steps *run, int row, wide_plan *plan)
{
    wide_floats scale[8] = {{0}}, minimum[8] = {{0}};
    wide_numbers most = {0};
    for (int i = 0; i < 2 * run->count; i++) {
        const wide_step step = {run->at + (size_t)(i / 2) * run->bytes, row};
        wide_head(&step, i % 2, &scale[i]);
        wide_floats range = scale[i] * (type == HG_DTYPE_Q8_0 ? 128.0F : 8.0F);
        wide_larger(&most, &range);
        if (type == HG_DTYPE_Q4_0)
            minimum[i] = range;
    }
    wide_plan_parts(8, scale, minimum, &most, plan);
}

/* Scale and minimum i, 6 bits each, from a block's three words of them; quant_blocks.h says where they are.
 */
SIMD_INLINE void wide_six(const wide_words word[3], int i, wide_words *scale, wide_words *minimum)
{
    const int j = i % 4 * 8;
    *scale = word[0] >> j & 63;
    *minimum = word[1] >> j & 63;
    if (i < 4)
        return;
    *scale = (word[2] >> j & 15) | (word[0] >> (j + 6) & 3) << 4;
    *minimum = (word[2] >> (j + 4) & 15) | (word[1] >> (j + 6) & 3) << 4;
}

SIMD_INLINE void wide_plan_q4_k(const wide_step *block, wide_plan *plan)
{
    wide_floats scale[8], minimum[8], factor, factor_minimum;
    wide_words word[3];
    wide_head(block, 0, &factor);
    wide_head(block, 1, &factor_minimum);
    for (int i = 0; i < 3; i++)
        wide_word(block, i, &word[i]);
    wide_numbers most = {0};
    for (int i = 0; i < 8; i++) {
        wide_words s, m;
        wide_six(word, i, &s, &m);
        scale[i] = __builtin_convertvector((wide_numbers)s, wide_floats) * factor;
        minimum[i] = __builtin_convertvector((wide_numbers)m, wide_floats) * factor_minimum;
        wide_floats high = scale[i] * 15.0F - minimum[i];
        wide_larger(&most, &minimum[i]);
        wide_larger(&most, &high);
    }
    wide_plan_parts(8, scale, minimum, &most, plan);
}

#define WIDE_Q6_K_HIGH 32 /* words of `low` before those of `high` */
#define WIDE_Q6_K_SCALES 48
#define WIDE_Q6_K_WORDS 52

SIMD_INLINE void wide_plan_q6_k(const wide_step *block, wide_plan *plan)
{
    wide_floats scale[16], minimum[16], factor;
    wide_numbers most = {0};
    wide_head(block, 0, &factor);
    for (int i = 0; i < 16; i++) {
        wide_words word;
        wide_word(block, WIDE_Q6_K_SCALES + i / 4, &word);
        wide_numbers signed_scale = (wide_numbers)(word << (24 - i % 4 * 8)) >> 24;
        scale[i] = __builtin_convertvector(signed_scale, wide_floats) * factor;
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

SIMD_INLINE void wide_unpack_q8_0(const wide_step *step, const wide_plan *plan, int part, int8_t *to)
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
SIMD_INLINE void wide_unpack_four(const wide_step *step, int word, const wide_plan *plan, int part,
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

SIMD_INLINE void wide_unpack_q4_0(const wide_step *step, const wide_plan *plan, int part, int8_t *to)
{
    for (int i = 0; i < 8; i++)
        wide_unpack_four(step, i, plan, part + i / 4, part + i / 4, 4, to + (i / 4 * 8 + i % 4) * WIDE_LINE);
}

/* 64 columns of the 256. */
SIMD_INLINE void wide_unpack_q4_k(const wide_step *block, const wide_plan *plan, int quarter, int8_t *to)
{
    for (int i = 0; i < 8; i++)
        wide_unpack_four(block, 3 + 8 * quarter + i, plan, 2 * quarter, 2 * quarter + 1, 8,
                         to + i * WIDE_LINE);
}

SIMD_INLINE void wide_unpack_q6_k(const wide_step *block, const wide_plan *plan, int quarter, int8_t *to)
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

/* A tile for every 64 columns of a run, WIDE_APART bytes apart. */
#define WIDE_APART (2 * 16 * WIDE_LINE)

/* WIDE_LANES rows of a run from `row` on, and their scales. */
SIMD_INLINE void wide_unpack_rows(hg_dtype type, const wide_steps *run, int row, int8_t *tiles, float *scales)
{
    const bool is_long = type == HG_DTYPE_Q4_K || type == HG_DTYPE_Q6_K;
    const wide_step block = {run->at, row};
    wide_plan plan;
    if (type == HG_DTYPE_Q4_K)
        wide_plan_q4_k(&block, &plan);
    else if (type == HG_DTYPE_Q6_K)
        wide_plan_q6_k(&block, &plan);
    else
        wide_plan_short(type, run, row, &plan);
    memcpy(scales, &plan.scale, sizeof plan.scale);
    for (int i = 0; is_long && i < 4; i++, tiles += WIDE_APART) {
        if (type == HG_DTYPE_Q4_K)
            wide_unpack_q4_k(&block, &plan, i, tiles);
        else
            wide_unpack_q6_k(&block, &plan, i, tiles);
    }
    for (int i = 0; !is_long && i < run->count; i++, tiles += WIDE_APART) {
        const wide_step step = {run->at + (size_t)i * run->bytes, row};
        if (type == HG_DTYPE_Q8_0)
            wide_unpack_q8_0(&step, &plan, 2 * i, tiles);
        else
            wide_unpack_q4_0(&step, &plan, 2 * i, tiles);
    }
}

/* A run of 16 rows. */
SIMD_INLINE void wide_unpack_run(hg_dtype type, const wide_steps *run, int8_t *tiles, float *scales)
{
    for (int row = 0; row < HG_WIDE_TILE_ROWS; row += WIDE_LANES)
        wide_unpack_rows(type, run, row, tiles + row * 4, scales + row);
}

#endif
