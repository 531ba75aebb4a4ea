/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_kept_lanes.h: 16 weight rows, interleaved, to what wide_kept.h says of them: codes in the order that
 * bytes have in wide_lanes.h, and a row in each 32-bit lane of the rest.
 */
#ifndef HG_KERNELS_WIDE_KEPT_LANES_H
#define HG_KERNELS_WIDE_KEPT_LANES_H

#include "kernels/wide_kept.h"
#include "kernels/x86/wide_lanes.h"

/* A panel's run, or from some of its rows on. The minimum is negative. */
typedef struct wide_kept {
    int32_t factor[HG_WIDE_SUMS][HG_WIDE_PANEL];     /* twice, in 16 bits */
    int32_t offset[HG_WIDE_SUMS / 2][HG_WIDE_PANEL]; /* of 32 columns in the lower half, of the next above */
    float minimum[HG_WIDE_PANEL];
} wide_kept;

/* Not a number unless x is finite. */
SIMD_INLINE void kept_number(wide_floats *x)
{
    *x += *x * 0.0F;
}

/* Two numbers in each lane, the second in its upper half. */
SIMD_INLINE void kept_pair(const wide_words *first, const wide_words *second, int32_t *to)
{
    const wide_words both = (*first & 0xffff) | *second << 16;
    memcpy(to, &both, sizeof both);
}

SIMD_INLINE void kept_plan_q4_k(const wide_step *block, float *scales, wide_kept *to)
{
    wide_floats scale, minimum;
    wide_head(block, 0, &scale);
    wide_head(block, 1, &minimum);
    minimum = -minimum;
    kept_number(&scale);
    kept_number(&minimum);
    memcpy(scales, &scale, sizeof scale);
    memcpy(to->minimum, &minimum, sizeof minimum);
    wide_words word[3], offset[HG_WIDE_SUMS];
    for (int i = 0; i < 3; i++)
        wide_word(block, i, &word[i]);
    for (int i = 0; i < HG_WIDE_SUMS; i++) {
        wide_words factor;
        wide_six(word, i, &factor, &offset[i]);
        kept_pair(&factor, &factor, to->factor[i]);
    }
    for (int i = 0; i < HG_WIDE_SUMS; i += 2)
        kept_pair(&offset[i], &offset[i + 1], to->offset[i / 2]);
}

SIMD_INLINE void kept_plan_q4_0(const wide_steps *run, int row, float *scales, wide_kept *to)
{
    wide_floats scale[HG_WIDE_SUMS] = {{0}};
    wide_numbers most = {0};
    for (int i = 0; i < 2 * run->count; i++) {
        const wide_step step = {run->at + (size_t)(i / 2) * run->bytes, row};
        wide_head(&step, i % 2, &scale[i]);
        wide_larger(&most, &scale[i]);
    }
    wide_floats largest = (wide_floats)most, to_factor;
    wide_over(HG_KEPT_MOST, &most, &to_factor);
    wide_words factor[HG_WIDE_SUMS];
    for (int i = 0; i < HG_WIDE_SUMS; i++) {
        const wide_floats whole = scale[i] * to_factor + 0x1.8p23F; /* the number in its lowest bits */
        factor[i] = (wide_words)whole;
        kept_pair(&factor[i], &factor[i], to->factor[i]);
    }
    for (int i = 0; i < HG_WIDE_SUMS; i += 2) {
        const wide_words first = factor[i] << 3, second = factor[i + 1] << 3;
        kept_pair(&first, &second, to->offset[i / 2]);
    }
    kept_number(&largest);
    largest /= (float)HG_KEPT_MOST;
    memcpy(scales, &largest, sizeof largest);
    largest = -largest;
    memcpy(to->minimum, &largest, sizeof largest);
}

/* A word's lower and upper halves of bytes, `apart` lines from each other. */
SIMD_INLINE void kept_halves(const wide_step *step, int word, int apart, int8_t *to)
{
    wide_words both;
    wide_word(step, word, &both);
    const wide_words low = both & 0x0f0f0f0f, high = both >> 4 & 0x0f0f0f0f;
    memcpy(to, &low, sizeof low);
    memcpy(to + apart * WIDE_LINE, &high, sizeof high);
}

/* WIDE_LANES rows of a run from `row` on. */
SIMD_INLINE void kept_unpack_rows(hg_dtype type, const wide_steps *run, int row, int8_t *tiles, float *scales,
                                  wide_kept *kept)
{
    const wide_step block = {run->at, row};
    if (type == HG_DTYPE_Q4_K)
        kept_plan_q4_k(&block, scales, kept);
    else
        kept_plan_q4_0(run, row, scales, kept);
    for (int i = 0; type == HG_DTYPE_Q4_K && i < 4; i++, tiles += WIDE_APART) {
        for (int word = 0; word < 8; word++)
            kept_halves(&block, 3 + 8 * i + word, 8, tiles + word * WIDE_LINE);
    }
    for (int i = 0; type == HG_DTYPE_Q4_0 && i < run->count; i++, tiles += WIDE_APART) {
        const wide_step step = {run->at + (size_t)i * run->bytes, row};
        for (int word = 0; word < 8; word++)
            kept_halves(&step, word, 4, tiles + (word / 4 * 8 + word % 4) * WIDE_LINE);
    }
}

/* `kept` from a row's numbers on. */
SIMD_INLINE wide_kept *kept_from(wide_kept *kept, int64_t row)
{
    return (wide_kept *)(void *)(kept->factor[0] + row);
}

/* A run of 16 rows. */
SIMD_INLINE void kept_unpack_run(hg_dtype type, const wide_steps *run, int8_t *tiles, float *scales,
                                 wide_kept *kept)
{
    for (int row = 0; row < HG_WIDE_TILE_ROWS; row += WIDE_LANES)
        kept_unpack_rows(type, run, row, tiles + row * 4, scales + row, kept_from(kept, row));
}

#endif
