/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_kept.h: weights of 4 bits that keep their codes beside activations with one scale for 256 inputs
 * (wide.h). Products of a code and one of x, 32 at a time, fit into 16 bits two by two; the scales of blocks
 * of 32 are whole numbers, too, so that all of a run is one:
 *
 *     sum over a run of w x = x's scale · (scale · sum of factor · code · x - minimum · sum of offset · x)
 *
 * with a factor and an offset for every 32 inputs. Those of q4_k are its own. A block's scale in q4_0 becomes
 * a multiple of the largest in the run over HG_KEPT_MOST, and moves by half of that at most.
 */
#ifndef HG_KERNELS_WIDE_KEPT_H
#define HG_KERNELS_WIDE_KEPT_H

#include "kernels/wide_weights.h"

/* The largest factor: a run's sum, 256 times 15 · 127 times that, fits 32 bits. */
#define HG_KEPT_MOST 4095

/* How far a weight moves, in steps as in wide.h: half of the largest magnitude over HG_KEPT_MOST. */
#define HG_KEPT_ERROR 0.0156

/* A run of weights, but for the codes. */
typedef struct hg_wide_kept {
    float scale, minimum; /* not numbers when one of the blocks' is none or infinite */
    int16_t factor[HG_WIDE_SUMS], offset[HG_WIDE_SUMS];
} hg_wide_kept;

/* Whether weights of this type can keep their codes. */
static inline bool hg_wide_kept_holds(hg_dtype type)
{
    return type == HG_DTYPE_Q4_0 || type == HG_DTYPE_Q4_K;
}

static inline float hg_kept_number(float x)
{
    return isfinite(x) ? x : NAN;
}

static inline void hg_wide_kept_q4_k(const hg_block_q4_k *block, hg_wide_kept *kept)
{
    uint8_t scales[8], minima[8];
    hg_q4_k_unpack(block->packed, scales, minima);
    kept->scale = hg_kept_number(hg_f16_to_f32(block->scale));
    kept->minimum = hg_kept_number(hg_f16_to_f32(block->minimum));
    for (int i = 0; i < HG_WIDE_SUMS; i++) {
        kept->factor[i] = scales[i];
        kept->offset[i] = minima[i];
    }
}

/* n: of 32 columns each. */
static inline void hg_wide_kept_q4_0(int n, const hg_block_q4_0 *blocks, hg_wide_kept *kept)
{
    float scale[HG_WIDE_SUMS] = {0}, largest = 0;
    for (int i = 0; i < n; i++) {
        scale[i] = hg_f16_to_f32(blocks[i].scale);
        const float size = hg_kept_number(fabsf(scale[i]));
        largest = isnan(size) || size > largest ? size : largest;
    }
    const float factor = largest >= 0x1p-100F ? HG_KEPT_MOST / largest : 0;
    for (int i = 0; i < HG_WIDE_SUMS; i++) {
        kept->factor[i] = (int16_t)lrintf(factor > 0 ? scale[i] * factor : 0);
        kept->offset[i] = (int16_t)(8 * kept->factor[i]);
    }
    kept->scale = kept->minimum = largest / HG_KEPT_MOST;
}

/* A run of n weights (whole blocks) at `blocks`. */
static inline void hg_wide_kept_make(hg_dtype type, int64_t n, const void *blocks, hg_wide_kept *kept)
{
    if (type == HG_DTYPE_Q4_K)
        hg_wide_kept_q4_k(blocks, kept);
    else
        hg_wide_kept_q4_0((int)(n / 32), blocks, kept);
}

#endif
