/* SPDX-License-Identifier: Apache-2.0
 *
 * rounded.h: activations rounded to 8 bits, which products with block-quantised weights are made of on the
 * fast tiers: whole numbers multiply exactly and four times as many at a time.
 *
 * Every run of 32 of a row has one scale, its largest magnitude / 127: x = scale · code within scale / 2.
 * Beside codes and scales lie sums of codes, because weights' codes are multiplied without their offset (as
 * unsigned bytes), which is then taken off as offset · sum. All are made once per row and shared by all
 * weights.
 *
 * The whole numbers are exact, so what a product loses is the rounding of x alone; its floats are summed in
 * an order that depends on the tier, never on threads or on the rows computed beside it.
 */
#ifndef HG_KERNELS_ROUNDED_H
#define HG_KERNELS_ROUNDED_H

#include <stddef.h>
#include <stdint.h>

#define HG_ROUNDED_RUN 32

/* Weight rows that are unpacked together, and the bytes they take: codes, scales of 16 and minima of 32. */
#define HG_ROUNDED_PANEL 64

static inline size_t hg_rounded_scratch(int64_t k)
{
    return HG_ROUNDED_PANEL * (size_t)(k + k / 16 * 4 + k / 32 * 4);
}

/* T rows of K activations, K a multiple of 32. */
typedef struct hg_rounded {
    int64_t t, k;
    int8_t *codes;     /* (T, K), in -127..127 */
    float *scales;     /* (T, K / 32); not a number where x is not finite */
    float *sums;       /* (T, K / 32): scale · the run's sum of codes */
    int32_t *minus_32; /* (T, K / 32): minus the sum of 32 codes */
    int32_t *minus_16; /* (T, K / 16): of 16 */
    int32_t *minus_4;  /* (T, K / 4): of 4 */
} hg_rounded;

/* Bytes that (T, K) rows take, for memory at a multiple of 64. */
static inline size_t hg_rounded_bytes(int64_t t, int64_t k)
{
    return (size_t)t * (size_t)(k + k / 32 * 12 + k / 16 * 4 + k / 4 * 4);
}

static inline hg_rounded hg_rounded_make(int64_t t, int64_t k, void *memory)
{
    hg_rounded r = {.t = t, .k = k, .codes = memory};
    r.scales = (float *)(void *)(r.codes + t * k);
    r.sums = r.scales + t * (k / 32);
    r.minus_32 = (int32_t *)(void *)(r.sums + t * (k / 32));
    r.minus_16 = r.minus_32 + t * (k / 32);
    r.minus_4 = r.minus_16 + t * (k / 16);
    return r;
}

/* Rows begin to begin + count. */
static inline hg_rounded hg_rounded_rows(const hg_rounded *r, int64_t begin, int64_t count)
{
    int64_t k = r->k;
    return (hg_rounded){count,
                        k,
                        r->codes + begin * k,
                        r->scales + begin * (k / 32),
                        r->sums + begin * (k / 32),
                        r->minus_32 + begin * (k / 32),
                        r->minus_16 + begin * (k / 16),
                        r->minus_4 + begin * (k / 4)};
}

/* Columns begin to begin + count of the only row, multiples of HG_ROUNDED_RUN. */
static inline hg_rounded hg_rounded_columns(const hg_rounded *r, int64_t begin, int64_t count)
{
    return (hg_rounded){1,
                        count,
                        r->codes + begin,
                        r->scales + begin / 32,
                        r->sums + begin / 32,
                        r->minus_32 + begin / 32,
                        r->minus_16 + begin / 16,
                        r->minus_4 + begin / 4};
}

#endif
