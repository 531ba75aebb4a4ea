/* SPDX-License-Identifier: Apache-2.0
 *
 * blocks_neon.h: taking blocks apart with NEON; see simd_blocks.h. Codes are signed bytes, without an offset:
 * NEON's products of bytes are signed on both sides.
 */
#ifndef HG_KERNELS_BLOCKS_NEON_H
#define HG_KERNELS_BLOCKS_NEON_H

#include "kernels/simd/simd_blocks.h"

#include <arm_neon.h>

/* The 32 codes of a run. */
typedef int8x16x2_t vcodes;

SIMD_INLINE float quant_f16(uint16_t x)
{
    return vgetq_lane_f32(vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(x))), 0);
}

/* Eight whole numbers times a factor. */
SIMD_INLINE void quant_eight(int16x8_t whole, float factor, float to[8])
{
    vst1q_f32(to, vmulq_n_f32(vcvtq_f32_s32(vmovl_s16(vget_low_s16(whole))), factor));
    vst1q_f32(to + 4, vmulq_n_f32(vcvtq_f32_s32(vmovl_high_s16(whole)), factor));
}

SIMD_INLINE int16x8_t quant_unsigned_bytes(uint64_t bytes)
{
    return vreinterpretq_s16_u16(vmovl_u8(vcreate_u8(bytes)));
}

SIMD_INLINE void quant_scales_q4_k(const hg_block_q4_k *block, quant_scales *s)
{
    uint64_t bytes[2];
    float scale[8];
    quant_packed_q4_k(block, bytes);
    quant_eight(quant_unsigned_bytes(bytes[0]), quant_f16(block->scale), scale);
    quant_eight(quant_unsigned_bytes(bytes[1]), quant_f16(block->minimum), s->minimum);
    for (int i = 0; i < 8; i++)
        s->scale[2 * i] = s->scale[2 * i + 1] = scale[i];
}

SIMD_INLINE void quant_scales_q6_k(const hg_block_q6_k *block, quant_scales *s)
{
    int8x16_t bytes = vld1q_s8(block->scales);
    quant_eight(vmovl_s8(vget_low_s8(bytes)), quant_f16(block->scale), s->scale);
    quant_eight(vmovl_high_s8(bytes), quant_f16(block->scale), s->scale + 8);
}

SIMD_INLINE void quant_take_scales(hg_dtype type, const void *block, quant_scales *s)
{
    if (type == HG_DTYPE_Q4_K)
        quant_scales_q4_k(block, s);
    else if (type == HG_DTYPE_Q6_K)
        quant_scales_q6_k(block, s);
    else /* both have the scale in front */
        s->scale[0] = s->scale[1] = quant_f16(*(const uint16_t *)block);
}

/* The lower or the upper halves of 16 bytes. */
SIMD_INLINE uint8x16_t quant_halves(const uint8_t *bytes, bool upper)
{
    uint8x16_t both = vld1q_u8(bytes);
    return upper ? vshrq_n_u8(both, 4) : vandq_u8(both, vdupq_n_u8(15));
}

SIMD_INLINE int8x16_t quant_less(uint8x16_t codes, int8_t offset)
{
    return vsubq_s8(vreinterpretq_s8_u8(codes), vdupq_n_s8(offset));
}

/* 16 codes from column 32 · run + 16 · half on. */
SIMD_INLINE int8x16_t quant_codes_q6_k(const hg_block_q6_k *block, int run, int half)
{
    int quarter = run % 4;
    uint8x16_t low = quant_halves(block->low + run / 4 * 64 + quarter % 2 * 32 + 16 * half, quarter >= 2);
    uint8x16_t high = vld1q_u8(block->high + run / 4 * 32 + 16 * half);
    /* The two bits of this quarter to bits 4 and 5. */
    high = quarter == 0   ? vshlq_n_u8(high, 4)
           : quarter == 1 ? vshlq_n_u8(high, 2)
           : quarter == 2 ? high
                          : vshrq_n_u8(high, 2);
    return quant_less(vorrq_u8(low, vandq_u8(high, vdupq_n_u8(0x30))), 32);
}

/* The 32 codes of a run as signed bytes. */
SIMD_INLINE vcodes quant_codes(hg_dtype type, const void *block, int run)
{
    vcodes codes;
    for (int half = 0; half < 2; half++) {
        if (type == HG_DTYPE_Q8_0)
            codes.val[half] = vld1q_s8(((const hg_block_q8_0 *)block)->codes + 16 * half);
        else if (type == HG_DTYPE_Q4_0)
            codes.val[half] = quant_less(quant_halves(((const hg_block_q4_0 *)block)->codes, half == 1), 8);
        else if (type == HG_DTYPE_Q6_K)
            codes.val[half] = quant_codes_q6_k(block, run, half);
        else
            codes.val[half] = vreinterpretq_s8_u8(
                quant_halves(((const hg_block_q4_k *)block)->codes + run / 2 * 32 + 16 * half, run % 2 == 1));
    }
    return codes;
}

#endif
