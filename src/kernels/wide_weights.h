/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_weights.h: how a run of 256 weights in blocks becomes bytes with one scale: in whole numbers, so that
 * every kernel gives the same bits.
 *
 * A run's parts, 16 weights each, share scales within their block. The byte of a weight is the upper half of
 *     code · factor + offset    in 16 bits, of which too large products only lose what the offset takes away,
 * where code is as it is stored, factor the part's scale and offset what is subtracted from the weights, both
 * over the run's scale and in 2^-8; half a unit is added for rounding. Factors are rounded: by half of 2^-8,
 * times up to 128 in q8_0.
 */
#ifndef HG_KERNELS_WIDE_WEIGHTS_H
#define HG_KERNELS_WIDE_WEIGHTS_H

#include "kernels/wide.h"
#include "tensor/dtype.h"
#include "tensor/quant_blocks.h"

#define HG_WIDE_PARTS 16

typedef struct hg_wide_plan {
    float scale; /* not a number when one of the blocks' is none or infinite */
    uint16_t factor[HG_WIDE_PARTS];
    uint16_t offset[HG_WIDE_PARTS];
} hg_wide_plan;

/* A value for each part: GNU vectors, arithmetic goes lane by lane. They are passed by address, as not all
 * processors have registers of their size. There gcc would compare lane by lane, too: they are not compared.
 */
#define HG_WIDE_VECTOR(type) type __attribute__((vector_size(HG_WIDE_PARTS * sizeof(type))))
typedef HG_WIDE_VECTOR(float) hg_wide_floats;
typedef HG_WIDE_VECTOR(int32_t) hg_wide_words;
typedef HG_WIDE_VECTOR(uint16_t) hg_wide_halves;
typedef HG_WIDE_VECTOR(uint8_t) hg_wide_bytes16;

/* -1 where x < y, else 0; neither negative. */
static inline void hg_wide_less(const hg_wide_words *x, int32_t y, hg_wide_words *to)
{
    *to = (*x - y) >> 31;
}

/* As hg_f16_to_f32, without a branch. */
static inline void hg_wide_from_f16(const hg_wide_halves *from, hg_wide_floats *to)
{
    hg_wide_words x = __builtin_convertvector(*from, hg_wide_words), size = (x & 0x7fff) << 13;
    hg_wide_words finite;
    hg_wide_less(&size, 0x1f << 23, &finite);
    hg_wide_words special = ~finite & 0x7f800000; /* infinities, NaNs */
    *to = (hg_wide_floats)size * 0x1p112F;        /* what the exponents' biases differ by */
    *to = (hg_wide_floats)((hg_wide_words)*to | special | (x & 0x8000) << 16);
}

/* Makes each lane of `most` the larger magnitude, by its bits, of which a NaN's are largest. */
static inline void hg_wide_larger(hg_wide_words *most, const hg_wide_floats *x)
{
    hg_wide_words more = ((hg_wide_words)*x & 0x7fffffff) - *most;
    *most += more & ~(more >> 31);
}

/* The largest lane, as the float it is the bits of. */
static inline float hg_wide_largest(const hg_wide_words *lanes)
{
    hg_wide_words x = *lanes, y;
    y = __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    hg_wide_larger(&x, (const hg_wide_floats *)&y);
    y = __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
    hg_wide_larger(&x, (const hg_wide_floats *)&y);
    y = __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    hg_wide_larger(&x, (const hg_wide_floats *)&y);
    y = __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
    hg_wide_larger(&x, (const hg_wide_floats *)&y);
    hg_wide_floats largest = (hg_wide_floats)x;
    return largest[0];
}

/* To the nearest whole number, |x| < 2^15. */
static inline void hg_wide_whole(const hg_wide_floats *x, hg_wide_halves *to)
{
    hg_wide_floats sum = *x + 0x1.8p23F; /* leaves it in the lowest bits */
    *to = __builtin_convertvector((hg_wide_words)sum, hg_wide_halves);
}

/* Weights of a part are scale · code - minimum; the largest magnitude among all is that of `most`. */
static inline void hg_wide_plan_parts(const hg_wide_floats *scale, const hg_wide_floats *minimum,
                                      const hg_wide_words *most, hg_wide_plan *plan)
{
    float largest = hg_wide_largest(most);
    float to_code = largest >= 0x1p-100F && largest < INFINITY ? 127 * 256 / largest : 0;
    hg_wide_floats factor = *scale * to_code, offset = *minimum * to_code;
    hg_wide_halves whole;
    hg_wide_whole(&factor, &whole);
    memcpy(plan->factor, &whole, sizeof whole);
    hg_wide_whole(&offset, &whole);
    whole = 128 - whole;
    memcpy(plan->offset, &whole, sizeof whole);
    plan->scale = largest < INFINITY ? largest / 127 : NAN;
}

/* Up to 8 blocks of 32 weights with the scale in front, whose codes are in 0..2 m - 1, or -m..m - 1 (q8_0).
 */
static inline void hg_wide_plan_short(hg_dtype type, int64_t n, const uint8_t *blocks, hg_wide_plan *plan)
{
    const bool has_sign = type == HG_DTYPE_Q8_0;
    const int64_t bytes = has_sign ? sizeof(hg_block_q8_0) : sizeof(hg_block_q4_0);
    const float m = has_sign ? 128 : 8;
    uint16_t s[HG_WIDE_PARTS / 2] = {0};
    for (int64_t i = 0; i < n / 32; i++)
        memcpy(&s[i], blocks + i * bytes, sizeof *s);
    /* One by one: a vector would wait until what was stored in parts is in the cache. */
    const hg_wide_halves halves = {s[0], s[0], s[1], s[1], s[2], s[2], s[3], s[3],
                                   s[4], s[4], s[5], s[5], s[6], s[6], s[7], s[7]};
    hg_wide_floats scale;
    hg_wide_from_f16(&halves, &scale);
    hg_wide_floats range = scale * m, minimum = range * (has_sign ? 0.0F : 1.0F);
    hg_wide_words most = {0};
    hg_wide_larger(&most, &range);
    hg_wide_plan_parts(&scale, &minimum, &most, plan);
}

/* Eight bytes, each for two parts. */
static inline void hg_wide_twice(const uint8_t bytes[8], hg_wide_floats *to)
{
    hg_wide_bytes16 x = {0};
    memcpy(&x, bytes, 8);
    x = __builtin_shufflevector(x, x, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    *to = __builtin_convertvector(__builtin_convertvector(x, hg_wide_words), hg_wide_floats);
}

static inline void hg_wide_plan_q4_k(const hg_block_q4_k *block, hg_wide_plan *plan)
{
    const hg_wide_halves halves = {block->scale, block->minimum};
    hg_wide_floats factors, scale, minimum;
    uint8_t scales[8], minima[8];
    hg_wide_from_f16(&halves, &factors);
    hg_q4_k_unpack(block->packed, scales, minima);
    hg_wide_twice(scales, &scale);
    hg_wide_twice(minima, &minimum);
    scale *= factors[0];
    minimum *= factors[1];
    hg_wide_floats high = scale * 15.0F - minimum;
    hg_wide_words most = {0};
    hg_wide_larger(&most, &minimum);
    hg_wide_larger(&most, &high);
    hg_wide_plan_parts(&scale, &minimum, &most, plan);
}

static inline void hg_wide_plan_q6_k(const hg_block_q6_k *block, hg_wide_plan *plan)
{
    const hg_wide_halves halves = {block->scale};
    HG_WIDE_VECTOR(int8_t) scales;
    hg_wide_floats factors, scale;
    hg_wide_from_f16(&halves, &factors);
    memcpy(&scales, block->scales, sizeof scales);
    scale = __builtin_convertvector(__builtin_convertvector(scales, hg_wide_words), hg_wide_floats);
    scale *= factors[0];
    hg_wide_floats minimum = scale * 32.0F;
    hg_wide_words most = {0};
    hg_wide_larger(&most, &minimum);
    hg_wide_plan_parts(&scale, &minimum, &most, plan);
}

/* The plan of a run of n weights (whole blocks) at `blocks`. */
static inline void hg_wide_plan_make(hg_dtype type, int64_t n, const void *blocks, hg_wide_plan *plan)
{
    if (type == HG_DTYPE_Q4_K)
        hg_wide_plan_q4_k(blocks, plan);
    else if (type == HG_DTYPE_Q6_K)
        hg_wide_plan_q6_k(blocks, plan);
    else
        hg_wide_plan_short(type, n, blocks, plan);
}

static inline int8_t hg_wide_byte(int code, uint16_t factor, uint16_t offset)
{
    return (int8_t)((uint16_t)(code * factor + offset) >> 8);
}

#endif
