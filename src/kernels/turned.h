/* SPDX-License-Identifier: Apache-2.0
 *
 * turned.h: products in which the sum runs along the columns of block-quantised weights, as the gradient of a
 * layer's input does: dx = dy · w. Both sides are 8-bit codes.
 *
 * dy: as in rounded.h, one scale for every 32 of a row. Weights: their blocks lie along rows, so a column has
 * a scale for every weight and no sum of codes would fit it. Each column of up to HG_TURNED_ROWS rows
 * therefore gets one scale of its own, its largest magnitude / 127 (of what the blocks stand for), and codes
 * rounded to nearest even: w = scale · code within scale / 2. The same codes on every tier. Sums of 32
 * products are whole numbers and exact; they are scaled and added in floats, in their order.
 */
#ifndef HG_KERNELS_TURNED_H
#define HG_KERNELS_TURNED_H

#include <stddef.h>
#include <stdint.h>

/* Weights that a kernel takes at once: rows, all of whose products stay in registers, and columns. 512 rows
 * of 32 columns of codes are 16 KiB, a third of a first-level cache; all 256 columns as floats 0.5 MiB. */
#define HG_TURNED_ROWS 512
#define HG_TURNED_COLUMNS 256

/* Between rows of unpacked weights: not a power of two, whose columns would share a few lines of a cache. */
#define HG_TURNED_STRIDE (HG_TURNED_COLUMNS + 16)

/* Columns whose largest magnitude is smaller are rounded as if it were this: 127 / largest must be a float.
 */
#define HG_TURNED_LEAST 0x1p-100F

/* Bytes of scratch for t rows of dy, at a multiple of 64: unpacked weights, codes, scales, and a float a row.
 */
static inline size_t hg_turned_scratch(int64_t t)
{
    size_t floats = (size_t)HG_TURNED_ROWS * HG_TURNED_STRIDE + HG_TURNED_COLUMNS + (size_t)t;
    return floats * sizeof(float) + (size_t)HG_TURNED_ROWS * HG_TURNED_COLUMNS;
}

#endif
