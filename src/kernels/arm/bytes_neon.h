/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes_neon.h: sums of products of signed bytes; __ARM_FEATURE_DOTPROD says which tier is compiled.
 *
 * Without the dot product instructions two products are added in 16 bits, where 2 · 128 · 127 just fits.
 */
#ifndef HG_KERNELS_BYTES_NEON_H
#define HG_KERNELS_BYTES_NEON_H

#include "kernels/simd/simd_inline.h"

#include <arm_neon.h>

#ifdef __ARM_FEATURE_DOTPROD

/* sum + 16 products, four in each lane. */
SIMD_INLINE int32x4_t bytes_dot(int32x4_t sum, int8x16_t w, int8x16_t x)
{
    return vdotq_s32(sum, w, x);
}

/* Lane r: sum + 16 products of row r. w[i] has columns 4 i to 4 i + 3 of four rows, one after the other. */
SIMD_INLINE int32x4_t bytes_dot_rows(int32x4_t sum, const int8x16_t w[4], int8x16_t x)
{
    sum = vdotq_laneq_s32(sum, w[0], x, 0);
    sum = vdotq_laneq_s32(sum, w[1], x, 1);
    sum = vdotq_laneq_s32(sum, w[2], x, 2);
    return vdotq_laneq_s32(sum, w[3], x, 3);
}

#else

/* sum + 16 products, spread over the lanes. */
SIMD_INLINE int32x4_t bytes_dot(int32x4_t sum, int8x16_t w, int8x16_t x)
{
    int16x8_t pairs = vmull_s8(vget_low_s8(w), vget_low_s8(x));
    pairs = vmlal_high_s8(pairs, w, x);
    return vpadalq_s16(sum, pairs);
}

/* Products of columns 4 i to 4 i + 7, of which i is the first of two w, of two rows: two of them in each lane
 * of 16 bits. */
SIMD_INLINE int16x8_t bytes_pairs(int8x8_t first, int8x8_t second, int8x16_t x, int i)
{
    int32x4_t fours = vreinterpretq_s32_s8(x);
    int32x2_t half = i == 0 ? vget_low_s32(fours) : vget_high_s32(fours);
    int16x8_t pairs = vmull_s8(first, vreinterpret_s8_s32(vdup_lane_s32(half, 0)));
    return vmlal_s8(pairs, second, vreinterpret_s8_s32(vdup_lane_s32(half, 1)));
}

SIMD_INLINE int32x4_t bytes_dot_rows(int32x4_t sum, const int8x16_t w[4], int8x16_t x)
{
    int32x4_t low = vpaddlq_s16(bytes_pairs(vget_low_s8(w[0]), vget_low_s8(w[1]), x, 0));
    low = vpadalq_s16(low, bytes_pairs(vget_low_s8(w[2]), vget_low_s8(w[3]), x, 2));
    int32x4_t high = vpaddlq_s16(bytes_pairs(vget_high_s8(w[0]), vget_high_s8(w[1]), x, 0));
    high = vpadalq_s16(high, bytes_pairs(vget_high_s8(w[2]), vget_high_s8(w[3]), x, 2));
    return vaddq_s32(sum, vpaddq_s32(low, high));
}

#endif

#endif
