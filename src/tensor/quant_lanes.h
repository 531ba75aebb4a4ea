/* SPDX-License-Identifier: Apache-2.0
 *
 * quant_lanes.h: what the two writers of 256-element blocks share. They look for the scales of four groups of
 * a block at once, one group a lane of a vector: sums run down the lanes, never across, so the results do not
 * depend on the machine, and what a group needs reads like scalar code.
 *
 * Blocks are searched after division by a power of two that brings the largest magnitude into [1, 2): no
 * square overflows or vanishes, whatever the size of the values.
 */
#ifndef HG_TENSOR_QUANT_LANES_H
#define HG_TENSOR_QUANT_LANES_H

#include "tensor/dtype.h"

#define HG_LANES 4

/* GNU vectors: arithmetic and comparisons go lane by lane; a comparison gives -1 or 0. */
#define HG_VECTOR_OF(type) type __attribute__((vector_size(HG_LANES * sizeof(type))))
typedef HG_VECTOR_OF(float) hg_lanes;
typedef HG_VECTOR_OF(int32_t) hg_lanes_mask;

#define HG_LANES_F16_MAX 65504.0F
#define HG_LANES_F16_NORMAL 0x1p-14F /* below it binary16 has fewer than 11 significant bits */
#define HG_LANES_F16_LEAST 0x1p-24F

static inline hg_lanes hg_lanes_all(float x)
{
    return (hg_lanes){x, x, x, x};
}

/* yes where the mask is set, else no. */
static inline hg_lanes hg_lanes_select(hg_lanes_mask mask, hg_lanes yes, hg_lanes no)
{
    return (hg_lanes)(((hg_lanes_mask)yes & mask) | ((hg_lanes_mask)no & ~mask));
}

static inline hg_lanes hg_lanes_clamp(hg_lanes x, float least, float most)
{
    x = hg_lanes_select(x < least, hg_lanes_all(least), x);
    return hg_lanes_select(x > most, hg_lanes_all(most), x);
}

/* To the nearest even integer, |x| < 2^22. */
static inline hg_lanes hg_lanes_round(hg_lanes x)
{
    return (x + 0x1.8p23F) - 0x1.8p23F;
}

/* 1 / x, or 0 where |x| is too small to divide by. */
static inline hg_lanes hg_lanes_inverse(hg_lanes x)
{
    hg_lanes_mask usable = (x >= 0x1p-126F) | (x <= -0x1p-126F);
    return (hg_lanes)((hg_lanes_mask)(1.0F / hg_lanes_select(usable, x, hg_lanes_all(1))) & usable);
}

static inline hg_lanes hg_lanes_abs(hg_lanes x)
{
    return (hg_lanes)((hg_lanes_mask)x & 0x7fffffff);
}

/* The power of two that a block of n finite values is divided by; 0 when binary16 has no scale small enough
 * for any of them. */
static inline float hg_lanes_unit(int n, const float *x)
{
    float largest = 0;
    for (int i = 0; i < n; i++)
        largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
    if (largest <= HG_LANES_F16_LEAST / 2)
        return 0;
    uint32_t bits;
    memcpy(&bits, &largest, sizeof bits);
    bits &= 0x7f800000; /* the exponent alone */
    memcpy(&largest, &bits, sizeof largest);
    return largest;
}

/* Four groups of n values, one after the other, to lanes. */
static inline void hg_lanes_take(int n, const float *x, float factor, hg_lanes *to)
{
    for (int i = 0; i < n; i++)
        to[i] = (hg_lanes){x[i], x[n + i], x[2 * n + i], x[3 * n + i]} * factor;
}

/* Stores scale · unit as binary16 and returns what was stored, divided by unit again. A scale that binary16
 * holds with less than its full precision is rounded away from zero, so that the whole numbers it is
 * multiplied with stay in their range. */
static inline float hg_lanes_store_scale(float scale, float unit, uint16_t *stored)
{
    float value = scale * unit;
    if (fabsf(value) > HG_LANES_F16_MAX)
        value = copysignf(HG_LANES_F16_MAX, value);
    else if (fabsf(value) < HG_LANES_F16_NORMAL)
        value = copysignf(ceilf(fabsf(value) / HG_LANES_F16_LEAST) * HG_LANES_F16_LEAST, value);
    *stored = hg_f32_to_f16(value);
    return hg_f16_to_f32(*stored) / unit;
}

#endif
