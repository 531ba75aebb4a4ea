/* SPDX-License-Identifier: Apache-2.0
 *
 * quant_x86.h: block-quantised weights in both x86 tiers, with float activations. All types are read as runs
 * of 32 codes, signed bytes in one register, and their scales; what a type packs together is taken apart once
 * a block. A run's products are summed before they are scaled, so that a scale costs one multiplication for
 * four (eight) vectors. Included by kernels_x86.h. As there, the type is a constant argument: each loop is
 * compiled once per type.
 */
#ifndef HG_KERNELS_QUANT_X86_H
#define HG_KERNELS_QUANT_X86_H

#include "kernels/x86/x86_inline.h"
#include "tensor/dtype.h"
#include "tensor/quant_blocks.h"

#define QUANT_RUN 32
#define QUANT_VECTORS (QUANT_RUN / VF_LANES)
#define QUANT_MAX_RUNS (HG_DTYPE_MAX_BLOCK / QUANT_RUN)

/* Scales of a block's runs: two each, for the first and the second 16 codes, and what is subtracted. */
typedef struct quant_scales {
    float scale[2 * QUANT_MAX_RUNS];
    float minimum[QUANT_MAX_RUNS]; /* of q4_k only */
} quant_scales;

X86_INLINE int64_t quant_block(hg_dtype type)
{
    return type == HG_DTYPE_Q8_0 || type == HG_DTYPE_Q4_0 ? 32 : 256;
}

X86_INLINE int64_t quant_block_bytes(hg_dtype type)
{
    switch (type) {
    case HG_DTYPE_Q8_0:
        return sizeof(hg_block_q8_0);
    case HG_DTYPE_Q4_0:
        return sizeof(hg_block_q4_0);
    case HG_DTYPE_Q4_K:
        return sizeof(hg_block_q4_k);
    default:
        return sizeof(hg_block_q6_k);
    }
}

X86_INLINE float quant_f16(uint16_t x)
{
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(x)));
}

/* Eight unsigned bytes, times a factor. */
X86_INLINE void quant_store_scales(__m128i bytes, float factor, float *to)
{
    _mm256_storeu_ps(to,
                     _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)), _mm256_set1_ps(factor)));
}

X86_INLINE void quant_scales_q4_k(const hg_block_q4_k *block, quant_scales *s)
{
    uint32_t word[3];
    memcpy(word, block->packed, sizeof word);
    const uint32_t low = 0x3f3f3f3f, four = 0x0f0f0f0f, two = 0x03030303;
    uint32_t scale_end = (word[2] & four) | ((word[0] >> 6 & two) << 4);
    uint32_t minimum_end = (word[2] >> 4 & four) | ((word[1] >> 6 & two) << 4);
    float scale[8];
    quant_store_scales(_mm_set_epi32(0, 0, (int)scale_end, (int)(word[0] & low)), quant_f16(block->scale),
                       scale);
    quant_store_scales(_mm_set_epi32(0, 0, (int)minimum_end, (int)(word[1] & low)), quant_f16(block->minimum),
                       s->minimum);
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

X86_INLINE __m256i quant_codes_q4_0(const hg_block_q4_0 *block)
{
    __m128i packed = _mm_loadu_si128((const __m128i *)(const void *)block->codes);
    __m256i both = _mm256_set_m128i(_mm_srli_epi16(packed, 4), packed);
    return _mm256_sub_epi8(_mm256_and_si256(both, _mm256_set1_epi8(15)), _mm256_set1_epi8(8));
}

X86_INLINE __m256i quant_codes_q6_k(const hg_block_q6_k *block, int run)
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
    return _mm256_sub_epi8(_mm256_or_si256(low, high), _mm256_set1_epi8(32));
}

/* The 32 codes of a run as signed bytes. */
X86_INLINE __m256i quant_codes(hg_dtype type, const void *block, int run)
{
    if (type == HG_DTYPE_Q8_0)
        return quant_load(((const hg_block_q8_0 *)block)->codes);
    if (type == HG_DTYPE_Q4_0)
        return quant_codes_q4_0(block);
    if (type == HG_DTYPE_Q6_K)
        return quant_codes_q6_k(block, run);
    __m256i pair = quant_load(((const hg_block_q4_k *)block)->codes + run / 2 * 32);
    return _mm256_and_si256(run % 2 == 0 ? pair : _mm256_srli_epi16(pair, 4), _mm256_set1_epi8(15));
}

/* ---- to activations ---- */

X86_INLINE void quant_to_real_type(hg_dtype type, int64_t n, const void *from, float *to)
{
    for (int64_t i = 0; i < n; i += quant_block(type)) {
        const void *block = (const uint8_t *)from + i / quant_block(type) * quant_block_bytes(type);
        quant_scales s;
        quant_take_scales(type, block, &s);
        for (int run = 0; run < quant_block(type) / QUANT_RUN; run++) {
            __m256i codes = quant_codes(type, block, run);
            for (int v = 0; v < QUANT_VECTORS; v++) {
                vf scale = vf_set1(s.scale[2 * run + v * 2 / QUANT_VECTORS]);
                vf value = vf_mul(vf_from_codes(codes, v), scale);
                if (type == HG_DTYPE_Q4_K)
                    value = vf_sub(value, vf_set1(s.minimum[run]));
                vf_store(to + i + run * QUANT_RUN + v * VF_LANES, value);
            }
        }
    }
}

/* False for types that are not quantised. */
static bool x86_quant_to_real(hg_dtype type, int64_t n, const void *from, float *to)
{
    switch (type) {
    case HG_DTYPE_Q8_0:
        quant_to_real_type(HG_DTYPE_Q8_0, n, from, to);
        return true;
    case HG_DTYPE_Q4_0:
        quant_to_real_type(HG_DTYPE_Q4_0, n, from, to);
        return true;
    case HG_DTYPE_Q4_K:
        quant_to_real_type(HG_DTYPE_Q4_K, n, from, to);
        return true;
    case HG_DTYPE_Q6_K:
        quant_to_real_type(HG_DTYPE_Q6_K, n, from, to);
        return true;
    default:
        return false;
    }
}

/* ---- one activation row against weight rows ---- */

#define QUANT_ROWS 4 /* that share each load of x */

/* One run of one row: sum + scale · <codes, x> - minimum · <1, x>, lane by lane; x is in the mixed order. */
X86_INLINE vf quant_add_run(hg_dtype type, const void *block, int run, const quant_scales *s, const vf *x,
                            vf x_sum, vf sum)
{
    __m256i codes = quant_codes(type, block, run);
    const bool has_sign = type != HG_DTYPE_Q4_K;
    vf product = vf_mul(vf_mixed_codes(codes, 0, has_sign), x[0]);
    for (int v = 1; v < QUANT_VECTORS; v++)
        product = vf_fma(vf_mixed_codes(codes, v, has_sign), x[v], product);
    vf scale = type == HG_DTYPE_Q6_K ? vf_mixed_pair(&s->scale[2 * run]) : vf_set1(s->scale[2 * run]);
    sum = vf_fma(scale, product, sum);
    return type == HG_DTYPE_Q4_K ? vf_sub(sum, vf_mul(vf_set1(s->minimum[run]), x_sum)) : sum;
}

/* One block of n_rows rows; `block` is that of the first. */
X86_INLINE void quant_add_block(hg_dtype type, int n_rows, const uint8_t *block, int64_t row_bytes,
                                const float *x, vf *sum)
{
    quant_scales s[QUANT_ROWS];
    for (int r = 0; r < n_rows; r++)
        quant_take_scales(type, block + r * row_bytes, &s[r]);
    for (int run = 0; run < quant_block(type) / QUANT_RUN; run++) {
        vf part[QUANT_VECTORS];
        vf_mixed_load(x + run * QUANT_RUN, part);
        vf x_sum = part[0];
        for (int v = 1; v < QUANT_VECTORS && type == HG_DTYPE_Q4_K; v++)
            x_sum = vf_add(x_sum, part[v]);
        for (int r = 0; r < n_rows; r++) {
            if (run % 2 == 0) /* a cache line a time, or nearly */
                x86_prefetch(block + r * row_bytes + run * QUANT_RUN);
            sum[r] = quant_add_run(type, block + r * row_bytes, run, &s[r], part, x_sum, sum[r]);
        }
    }
}

X86_INLINE void quant_matvec_rows(hg_dtype type, int n_rows, int64_t k, const uint8_t *w, int64_t row_bytes,
                                  const float *x, float *y)
{
    vf sum[QUANT_ROWS];
    for (int r = 0; r < n_rows; r++)
        sum[r] = vf_set1(0);
    for (int64_t j = 0; j < k; j += quant_block(type), w += quant_block_bytes(type))
        quant_add_block(type, n_rows, w, row_bytes, x + j, sum);
    for (int r = 0; r < n_rows; r++)
        y[r] = vf_sum(sum[r]);
}

X86_INLINE void quant_matvec_type(hg_dtype type, int64_t n, int64_t k, const uint8_t *w, int64_t ldw,
                                  const float *x, float *y)
{
    int64_t i = 0, row_bytes = ldw / quant_block(type) * quant_block_bytes(type);
    for (; i + QUANT_ROWS <= n; i += QUANT_ROWS)
        quant_matvec_rows(type, QUANT_ROWS, k, w + i * row_bytes, row_bytes, x, y + i);
    for (; i < n; i++)
        quant_matvec_rows(type, 1, k, w + i * row_bytes, row_bytes, x, y + i);
}

/* False for types that are not quantised. */
static bool x86_quant_matvec(hg_dtype type, int64_t n, int64_t k, const void *w, int64_t ldw, const float *x,
                             float *y)
{
    switch (type) {
    case HG_DTYPE_Q8_0:
        quant_matvec_type(HG_DTYPE_Q8_0, n, k, w, ldw, x, y);
        return true;
    case HG_DTYPE_Q4_0:
        quant_matvec_type(HG_DTYPE_Q4_0, n, k, w, ldw, x, y);
        return true;
    case HG_DTYPE_Q4_K:
        quant_matvec_type(HG_DTYPE_Q4_K, n, k, w, ldw, x, y);
        return true;
    case HG_DTYPE_Q6_K:
        quant_matvec_type(HG_DTYPE_Q6_K, n, k, w, ldw, x, y);
        return true;
    default:
        return false;
    }
}

#endif
