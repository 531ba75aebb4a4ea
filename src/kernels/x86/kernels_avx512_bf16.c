/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels_avx512_bf16.c: the tier for AVX512-BF16: products of bf16. This file alone is compiled with those
 * instructions; nothing in it but hg_kernels_set_avx512_bf16 is visible outside.
 *
 * The instruction that rounds to bf16 takes subnormal floats for zero, which the reference does not: such
 * values are below 1.2e-38.
 */
#include "kernels/onednn_bf16.h"
#include "kernels/reference/reference.h"

#include <immintrin.h>

#define LANES 16

static __m512 bf16_load(hg_dtype type, const void *from, int64_t i, __mmask16 mask)
{
    if (type == HG_DTYPE_F32)
        return _mm512_maskz_loadu_ps(mask, (const float *)from + i);
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, (const uint16_t *)from + i));
}

static void bf16_from(hg_dtype type, int64_t n, const void *from, uint16_t *to)
{
    if (type == HG_DTYPE_BF16) {
        memcpy(to, from, (size_t)n * sizeof *to);
        return;
    }
    if (type != HG_DTYPE_F32 && type != HG_DTYPE_F16) {
        hg_reference_to_bf16(type, n, from, to);
        return;
    }
    for (int64_t i = 0; i < n; i += LANES) {
        __mmask16 mask = n - i < LANES ? (__mmask16)((1U << (n - i)) - 1) : (__mmask16)0xffff;
        __m256i bits = (__m256i)_mm512_cvtneps_pbh(bf16_load(type, from, i, mask));
        _mm256_mask_storeu_epi16(to + i, mask, bits);
    }
}

void hg_kernels_set_avx512_bf16(hg_kernels *table)
{
    table->fast_bf16 = true;
    table->to_bf16 = bf16_from;
    table->gemm_bf16 = hg_onednn_gemm_bf16;
}
