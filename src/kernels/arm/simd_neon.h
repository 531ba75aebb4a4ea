/* SPDX-License-Identifier: Apache-2.0
 *
 * simd_neon.h: eight floats at a time, two registers, under the names of simd_avx2.h: with four, too few sums
 * would run side by side. Partial loads read no byte past the n elements that they are given, and fill up
 * with zeros.
 */
#ifndef HG_KERNELS_SIMD_NEON_H
#define HG_KERNELS_SIMD_NEON_H

#include <arm_neon.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define VF_LANES 8

/* Vectors of sums that stay in registers while rows pass. */
#define VF_KEPT 12

typedef float32x4x2_t vf;

#define VF_EACH(f, a) ((vf){{f((a).val[0]), f((a).val[1])}})
#define VF_BOTH(f, a, b) ((vf){{f((a).val[0], (b).val[0]), f((a).val[1], (b).val[1])}})

static inline vf vf_set1(float x)
{
    return (vf){{vdupq_n_f32(x), vdupq_n_f32(x)}};
}

static inline vf vf_load(const float *p)
{
    return (vf){{vld1q_f32(p), vld1q_f32(p + 4)}};
}

static inline void vf_store(float *p, vf x)
{
    vst1q_f32(p, x.val[0]);
    vst1q_f32(p + 4, x.val[1]);
}

static inline vf vf_load_part(const float *p, int64_t n)
{
    float copy[VF_LANES] = {0};
    memcpy(copy, p, (size_t)n * sizeof *p);
    return vf_load(copy);
}

static inline void vf_store_part(float *p, int64_t n, vf x)
{
    float copy[VF_LANES];
    vf_store(copy, x);
    memcpy(p, copy, (size_t)n * sizeof *p);
}

static inline vf vf_load_f16(const uint16_t *p)
{
    float16x8_t x = vreinterpretq_f16_u16(vld1q_u16(p));
    return (vf){{vcvt_f32_f16(vget_low_f16(x)), vcvt_high_f32_f16(x)}};
}

static inline void vf_store_f16(uint16_t *p, vf x)
{
    vst1q_u16(p, vreinterpretq_u16_f16(vcvt_high_f16_f32(vcvt_f16_f32(x.val[0]), x.val[1])));
}

static inline vf vf_load_bf16(const uint16_t *p)
{
    uint16x8_t x = vld1q_u16(p);
    return (vf){{vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(x), 16)),
                 vreinterpretq_f32_u32(vshll_high_n_u16(x, 16))}};
}

static inline vf vf_load_f16_part(const uint16_t *p, int64_t n)
{
    uint16_t copy[VF_LANES] = {0};
    memcpy(copy, p, (size_t)n * sizeof *p);
    return vf_load_f16(copy);
}

static inline vf vf_load_bf16_part(const uint16_t *p, int64_t n)
{
    uint16_t copy[VF_LANES] = {0};
    memcpy(copy, p, (size_t)n * sizeof *p);
    return vf_load_bf16(copy);
}

static inline vf vf_from_s16(int16x8_t x)
{
    return (vf){{vcvtq_f32_s32(vmovl_s16(vget_low_s16(x))), vcvtq_f32_s32(vmovl_high_s16(x))}};
}

/* Vector v < 4 of 32 signed bytes, in their order. */
static inline vf vf_from_codes(int8x16x2_t codes, int v)
{
    int8x16_t half = codes.val[v / 2];
    return vf_from_s16(v % 2 == 0 ? vmovl_s8(vget_low_s8(half)) : vmovl_high_s8(half));
}

/* Vector v < 4 of 32 bytes in another order: the first register has bytes 4 v to 4 v + 3 of the first 16, the
 * second the same of the second 16. */
static inline vf vf_mixed_codes(int8x16x2_t codes, int v, bool has_sign)
{
    (void)has_sign; /* those without are small */
    float32x4_t half[2];
    for (int i = 0; i < 2; i++) {
        int16x8_t eight = v < 2 ? vmovl_s8(vget_low_s8(codes.val[i])) : vmovl_high_s8(codes.val[i]);
        half[i] = vcvtq_f32_s32(v % 2 == 0 ? vmovl_s16(vget_low_s16(eight)) : vmovl_high_s16(eight));
    }
    return (vf){{half[0], half[1]}};
}

/* 32 floats in the same order. */
static inline void vf_mixed_load(const float *x, vf to[4])
{
    for (int i = 0; i < 4; i++)
        to[i] = (vf){{vld1q_f32(x + 4 * i), vld1q_f32(x + 16 + 4 * i)}};
}

/* What the lanes of the first and of the second 16 of them are multiplied with. */
static inline vf vf_mixed_pair(const float two[2])
{
    return (vf){{vdupq_n_f32(two[0]), vdupq_n_f32(two[1])}};
}

static inline vf vf_add(vf a, vf b)
{
    return VF_BOTH(vaddq_f32, a, b);
}

static inline vf vf_sub(vf a, vf b)
{
    return VF_BOTH(vsubq_f32, a, b);
}

static inline vf vf_mul(vf a, vf b)
{
    return VF_BOTH(vmulq_f32, a, b);
}

static inline vf vf_div(vf a, vf b)
{
    return VF_BOTH(vdivq_f32, a, b);
}

/* a b + c, rounded once. */
static inline vf vf_fma(vf a, vf b, vf c)
{
    return (vf){{vfmaq_f32(c.val[0], a.val[0], b.val[0]), vfmaq_f32(c.val[1], a.val[1], b.val[1])}};
}

/* Not a number where either is not. */
static inline vf vf_max(vf a, vf b)
{
    return VF_BOTH(vmaxq_f32, a, b);
}

static inline vf vf_min(vf a, vf b)
{
    return VF_BOTH(vminq_f32, a, b);
}

/* To the nearest whole number, ties to even. */
static inline vf vf_round(vf x)
{
    return VF_EACH(vrndnq_f32, x);
}

static inline float32x4_t vf_exp2_half(float32x4_t n)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23));
}

/* 2^n for whole n in -126..127. */
static inline vf vf_exp2_whole(vf n)
{
    return VF_EACH(vf_exp2_half, n);
}

/* Where x is negative, a; else b. */
static inline vf vf_if_negative(vf x, vf a, vf b)
{
    vf chosen;
    for (int i = 0; i < 2; i++)
        chosen.val[i] = vbslq_f32(vcltzq_s32(vreinterpretq_s32_f32(x.val[i])), a.val[i], b.val[i]);
    return chosen;
}

static inline vf vf_abs(vf x)
{
    return VF_EACH(vabsq_f32, x);
}

static inline float vf_sum(vf x)
{
    return vaddvq_f32(vaddq_f32(x.val[0], x.val[1]));
}

/* The sums of four, each with the bits of vf_sum. */
static inline void vf_sum4(const vf x[4], float *sum)
{
    float32x4_t four[4];
    for (int i = 0; i < 4; i++)
        four[i] = vaddq_f32(x[i].val[0], x[i].val[1]);
    vst1q_f32(sum, vpaddq_f32(vpaddq_f32(four[0], four[1]), vpaddq_f32(four[2], four[3])));
}

#endif
