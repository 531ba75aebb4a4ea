/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_out.h: from sums of a block of rows of x by a panel of weight rows to results.
 */
#ifndef HG_KERNELS_WIDE_OUT_H
#define HG_KERNELS_WIDE_OUT_H

#include "kernels/simd/simd_inline.h"
#include "kernels/wide_weights.h"

#ifdef __AVX__
#include <immintrin.h>
#endif

/* Where results go: n columns of y, whose rows are ldy apart. */
typedef struct wide_out {
    float *y;
    int64_t ldy, n;
    bool add;
    bool passes; /* past the caches */
} wide_out;

/* From so many bytes on results do not stay in a core's cache until they are read: they go to memory without
 * being fetched from there first. */
#define WIDE_PASSES ((int64_t)4 << 20)

static wide_out wide_out_make(const hg_wide *x, int64_t n, bool add, float *y, int64_t ldy)
{
    const bool lines = (uintptr_t)y % 64 == 0 && ldy % HG_WIDE_PARTS == 0 && n % HG_WIDE_PARTS == 0;
    const bool large = x->t * ldy * (int64_t)sizeof *y >= WIDE_PASSES;
    return (wide_out){y, ldy, n, add, lines && large && !add};
}

/* A row's sums, n of them, to y. */
SIMD_INLINE void wide_store_row(const float *restrict sums, int64_t n, bool add, float *restrict y)
{
    int64_t i = 0;
    for (; i + HG_WIDE_PARTS <= n; i += HG_WIDE_PARTS) {
        hg_wide_floats lanes, before;
        memcpy(&lanes, sums + i, sizeof lanes);
        if (add) {
            memcpy(&before, y + i, sizeof before);
            lanes += before;
        }
        memcpy(y + i, &lanes, sizeof lanes);
    }
    for (; i < n; i++)
        y[i] = add ? y[i] + sums[i] : sums[i];
}

/* The same past the caches; y begins at a cache line, n is a multiple of 16. */
SIMD_INLINE void wide_pass_row(const float *restrict sums, int64_t n, float *restrict y)
{
#ifdef __AVX512F__
    for (int64_t i = 0; i < n; i += HG_WIDE_PARTS)
        _mm512_stream_ps(y + i, _mm512_loadu_ps(sums + i));
#elif defined(__AVX__)
    for (int64_t i = 0; i < n; i += 8)
        _mm256_stream_ps(y + i, _mm256_loadu_ps(sums + i));
#else
    memcpy(y, sums, (size_t)n * sizeof *y);
#endif
}

SIMD_INLINE void wide_clear_row(float *sums, int64_t n)
{
    const hg_wide_floats zero = {0};
    for (int64_t i = 0; i < n; i += HG_WIDE_PARTS)
        memcpy(sums + i, &zero, sizeof zero);
}

/* `whole` sums of a row of x, a multiple of 16, of which n are results, to y; they are zeros again. */
SIMD_INLINE void wide_store_sums(const wide_out *out, float *sums, int64_t whole, int64_t n, float *y)
{
    if (out->passes)
        wide_pass_row(sums, n, y);
    else if (out->add)
        wide_store_row(sums, n, true, y);
    else
        wide_store_row(sums, n, false, y);
    wide_clear_row(sums, whole);
}

/* What has passed the caches is there for other threads. */
static void wide_store_end(const wide_out *out)
{
#ifdef __AVX__
    if (out->passes)
        _mm_sfence();
#else
    (void)out;
#endif
}

#endif
