/* SPDX-License-Identifier: Apache-2.0
 *
 * round_avx2.c: activations to bytes, for all x86 tiers: it is little work beside the products.
 */
#include "kernels/x86/rounded_set.h"

#include "kernels/x86/x86_inline.h"

#include <math.h>

/* The largest magnitude of 32 floats, by their bits: a NaN is larger than infinity. */
X86_INLINE uint32_t round_max_bits(const __m256 x[4])
{
    const __m256i size = _mm256_set1_epi32(0x7fffffff);
    __m256i most = _mm256_and_si256(_mm256_castps_si256(x[0]), size);
    for (int i = 1; i < 4; i++)
        most = _mm256_max_epu32(most, _mm256_and_si256(_mm256_castps_si256(x[i]), size));
    __m128i half = _mm_max_epu32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
    half = _mm_max_epu32(half, _mm_unpackhi_epi64(half, half));
    return (uint32_t)_mm_cvtsi128_si32(_mm_max_epu32(half, _mm_shuffle_epi32(half, 1)));
}

/* 32 floats times `inverse` to bytes, in their order. */
X86_INLINE __m256i round_codes(const __m256 x[4], float inverse)
{
    __m256i whole[4];
    for (int i = 0; i < 4; i++)
        whole[i] = _mm256_cvtps_epi32(_mm256_mul_ps(x[i], _mm256_set1_ps(inverse)));
    __m256i bytes =
        _mm256_packs_epi16(_mm256_packs_epi32(whole[0], whole[1]), _mm256_packs_epi32(whole[2], whole[3]));
    return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

X86_INLINE void round_run(const float *from, const hg_rounded *r, int64_t run)
{
    __m256 x[4];
    for (int i = 0; i < 4; i++)
        x[i] = _mm256_loadu_ps(from + 8 * i);
    uint32_t bits = round_max_bits(x);
    float max, scale = 0, inverse = 0;
    memcpy(&max, &bits, sizeof max);
    if (bits >= 0x7f800000) {
        scale = NAN;
    } else if (max >= 0x1p-100F) {
        scale = max / 127;
        inverse = 127 / max;
    }
    __m256i codes = inverse == 0 ? _mm256_setzero_si256() : round_codes(x, inverse);
    _mm256_storeu_si256((__m256i *)(void *)(r->codes + 32 * run), codes);
    __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), codes);
    __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi16(-1));
    _mm256_storeu_si256((__m256i *)(void *)(r->minus_4 + 8 * run), fours);
    __m128i sixteens = _mm_hadd_epi32(_mm256_castsi256_si128(fours), _mm256_extracti128_si256(fours, 1));
    sixteens = _mm_hadd_epi32(sixteens, sixteens); /* two of them */
    r->minus_16[2 * run] = _mm_cvtsi128_si32(sixteens);
    r->minus_16[2 * run + 1] = _mm_extract_epi32(sixteens, 1);
    r->minus_32[run] = r->minus_16[2 * run] + r->minus_16[2 * run + 1];
    r->scales[run] = scale;
    r->sums[run] = -scale * (float)r->minus_32[run];
}

void hg_round_avx2(const float *x, const hg_rounded *to, int64_t row)
{
    hg_rounded r = hg_rounded_rows(to, row, 1);
    for (int64_t run = 0; run < r.k / HG_ROUNDED_RUN; run++)
        round_run(x + run * HG_ROUNDED_RUN, &r, run);
}
