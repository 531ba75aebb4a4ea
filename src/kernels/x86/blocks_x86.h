/* SPDX-License-Identifier: Apache-2.0
 *
 * blocks_x86.h: taking blocks apart in the x86 tiers; see simd_blocks.h.
 */
#ifndef HG_KERNELS_BLOCKS_X86_H
#define HG_KERNELS_BLOCKS_X86_H

#include "kernels/simd/simd_blocks.h"
#include "kernels/x86/x86_inline.h"

/* The 32 codes of a run. */
typedef __m256i vcodes;

X86_INLINE float quant_f16(uint16_t x)
{
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(x)));
}

/* Eight unsigned bytes, times a factor. */
X86_INLINE __m256 quant_eight(__m128i bytes, float factor)
{
    return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)), _mm256_set1_ps(factor));
}

/* The scales and minima of a block's 8 runs. */
X86_INLINE void quant_eights_q4_k(const hg_block_q4_k *block, __m256 *scales, __m256 *minima)
{
    uint64_t bytes[2];
    quant_packed_q4_k(block, bytes);
    *scales = quant_eight(_mm_cvtsi64_si128((long long)bytes[0]), quant_f16(block->scale));
    *minima = quant_eight(_mm_cvtsi64_si128((long long)bytes[1]), quant_f16(block->minimum));
}

X86_INLINE void quant_scales_q4_k(const hg_block_q4_k *block, quant_scales *s)
{
    float scale[8];
    __m256 scales, minima;
    quant_eights_q4_k(block, &scales, &minima);
    _mm256_storeu_ps(scale, scales);
    _mm256_storeu_ps(s->minimum, minima);
    for (int i = 0; i < 8; i++)
        s->scale[2 * i] = s->scale[2 * i + 1] = scale[i];
}

X86_INLINE void quant_scales_q6_k(const hg_block_q6_k *block, quant_scales *s)
{
    __m256 factor = _mm256_set1_ps(quant_f16(block->scale));
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)block->scales);
    __m256i first = _mm256_cvtepi8_epi32(bytes),
            second = _mm256_cvtepi8_epi32(_mm_unpackhi_epi64(bytes, bytes));
    _mm256_storeu_ps(s->scale, _mm256_mul_ps(_mm256_cvtepi32_ps(first), factor));
    _mm256_storeu_ps(s->scale + 8, _mm256_mul_ps(_mm256_cvtepi32_ps(second), factor));
}

X86_INLINE void quant_take_scales(hg_dtype type, const void *block, quant_scales *s)
{
    if (type == HG_DTYPE_Q4_K)
        quant_scales_q4_k(block, s);
    else if (type == HG_DTYPE_Q6_K)
        quant_scales_q6_k(block, s);
    else /* both have the scale in front */
        s->scale[0] = s->scale[1] = quant_f16(*(const uint16_t *)block);
}

X86_INLINE __m256i quant_load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

X86_INLINE __m256i quant_bytes_q4_0(const hg_block_q4_0 *block)
{
    __m128i packed = _mm_loadu_si128((const __m128i *)(const void *)block->codes);
    __m256i both = _mm256_set_m128i(_mm_srli_epi16(packed, 4), packed);
    return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

X86_INLINE __m256i quant_bytes_q6_k(const hg_block_q6_k *block, int run)
{
    int quarter = run % 4;
    __m256i low = quant_load(block->low + run / 4 * 64 + quarter % 2 * 32);
    __m256i high = quant_load(block->high + run / 4 * 32);
    low = _mm256_and_si256(quarter < 2 ? low : _mm256_srli_epi16(low, 4), _mm256_set1_epi8(15));
    /* The two bits of this quarter to bits 4 and 5. */
    high = quarter == 0   ? _mm256_slli_epi16(high, 4)
           : quarter == 1 ? _mm256_slli_epi16(high, 2)
           : quarter == 2 ? high
                          : _mm256_srli_epi16(high, 2);
    high = _mm256_and_si256(high, _mm256_set1_epi8(0x30));
    return _mm256_or_si256(low, high);
}

/* The 32 codes of a run as they are stored: signed bytes of q8_0, else unsigned ones. */
X86_INLINE __m256i quant_bytes(hg_dtype type, const void *block, int run)
{
    if (type == HG_DTYPE_Q8_0)
        return quant_load(((const hg_block_q8_0 *)block)->codes);
    if (type == HG_DTYPE_Q4_0)
        return quant_bytes_q4_0(block);
    if (type == HG_DTYPE_Q6_K)
        return quant_bytes_q6_k(block, run);
    __m256i pair = quant_load(((const hg_block_q4_k *)block)->codes + run / 2 * 32);
    return _mm256_and_si256(run % 2 == 0 ? pair : _mm256_srli_epi16(pair, 4), _mm256_set1_epi8(15));
}

/* The 32 codes of a run as signed bytes. */
X86_INLINE vcodes quant_codes(hg_dtype type, const void *block, int run)
{
    __m256i bytes = quant_bytes(type, block, run);
    if (type == HG_DTYPE_Q4_0)
        return _mm256_sub_epi8(bytes, _mm256_set1_epi8(8));
    return type == HG_DTYPE_Q6_K ? _mm256_sub_epi8(bytes, _mm256_set1_epi8(32)) : bytes;
}

/* For a shuffle: byte `byte` of each of four 32-bit lanes to its lowest, zeros above it. */
X86_INLINE __m128i lane_byte(int byte)
{
    const __m128i first =
        _mm_setr_epi8(0, -128, -128, -128, 4, -128, -128, -128, 8, -128, -128, -128, 12, -128, -128, -128);
    return _mm_add_epi8(first, _mm_set1_epi32(byte));
}

#endif
