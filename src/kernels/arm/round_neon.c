/* SPDX-License-Identifier: Apache-2.0
 *
 * round_neon.c: activations to bytes, for all NEON tiers: it is little work beside the products.
 */
#include "kernels/arm/kernels_neon.h"
#include "kernels/simd/simd_inline.h"

#include <arm_neon.h>
#include <math.h>
#include <string.h>

/* The largest magnitude of 32 floats, by their bits: a NaN is larger than infinity. */
SIMD_INLINE uint32_t round_max_bits(const float32x4_t x[8])
{
    uint32x4_t most = vreinterpretq_u32_f32(vabsq_f32(x[0]));
    for (int i = 1; i < 8; i++)
        most = vmaxq_u32(most, vreinterpretq_u32_f32(vabsq_f32(x[i])));
    return vmaxvq_u32(most);
}

/* Eight floats times `inverse` to whole numbers, ties to even. */
SIMD_INLINE int16x8_t round_eight(const float32x4_t x[2], float inverse)
{
    int16x4_t first = vqmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(x[0], inverse)));
    return vqmovn_high_s32(first, vcvtnq_s32_f32(vmulq_n_f32(x[1], inverse)));
}

/* 16 codes of a run and minus their sums; returns minus the sum of all. */
SIMD_INLINE int32_t round_store(int8x16_t codes, const hg_rounded *r, int64_t sixteen)
{
    vst1q_s8(r->codes + 16 * sixteen, codes);
    int32x4_t fours = vnegq_s32(vpaddlq_s16(vpaddlq_s8(codes)));
    vst1q_s32(r->minus_4 + 4 * sixteen, fours);
    int32_t sum = vaddvq_s32(fours);
    r->minus_16[sixteen] = sum;
    return sum;
}

SIMD_INLINE void round_run(const float *from, const hg_rounded *r, int64_t run)
{
    float32x4_t x[8];
    for (int i = 0; i < 8; i++)
        x[i] = vld1q_f32(from + 4 * i);
    uint32_t bits = round_max_bits(x);
    float max, scale = 0, inverse = 0;
    memcpy(&max, &bits, sizeof max);
    if (bits >= 0x7f800000) {
        scale = NAN;
    } else if (max >= 0x1p-100F) {
        scale = max / 127;
        inverse = 127 / max;
    }
    int32_t minus = 0;
    for (int half = 0; half < 2; half++) {
        int8x16_t codes = vdupq_n_s8(0);
        if (inverse != 0)
            codes = vqmovn_high_s16(vqmovn_s16(round_eight(x + 4 * half, inverse)),
                                    round_eight(x + 4 * half + 2, inverse));
        minus += round_store(codes, r, 2 * run + half);
    }
    r->minus_32[run] = minus;
    r->scales[run] = scale;
    r->sums[run] = -scale * (float)minus;
}

void hg_round_neon(const float *x, const hg_rounded *to, int64_t row)
{
    hg_rounded r = hg_rounded_rows(to, row, 1);
    for (int64_t run = 0; run < r.k / HG_ROUNDED_RUN; run++)
        round_run(x + run * HG_ROUNDED_RUN, &r, run);
}
