/* SPDX-License-Identifier: Apache-2.0
 *
 * interleave.h: 16 rows of a block-quantised matrix side by side, so that a kernel's vectors have a row of
 * weights in every lane: nothing is added up across lanes, and 16 scales are one load. The same bytes in
 * another order: rows 16 i to 16 i + 15 lie where they lay before, so matrices may be cut there.
 *
 * In steps of 64 columns (q4_k: of 256), each a multiple of 64 bytes: first the 16-bit numbers that a block
 * begins with, for 16 rows one after the other, then the rest of it in words of 4 bytes, likewise. Of two
 * blocks in a step, both have their scales before the words of the first.
 */
#ifndef HG_TENSOR_INTERLEAVE_H
#define HG_TENSOR_INTERLEAVE_H

#include "tensor/dtype.h"

#define HG_INTERLEAVE_ROWS 16
/* Bytes of a step's 16-bit numbers. */
#define HG_INTERLEAVE_HEAD 64

/* Whether n rows of k elements can be interleaved: of q8_0, q4_0 or q4_k, n a multiple of 16 and k of a step.
 */
bool hg_interleave_holds(hg_dtype type, int64_t n, int64_t k);

/* Columns of a step. */
int64_t hg_interleave_columns(hg_dtype type);

/* 16 rows of k elements, one after the other, to as many bytes at `to`. */
void hg_interleave_pack(hg_dtype type, int64_t k, const void *rows, void *to);

/* The other way, one row's blocks of a step. */
void hg_interleave_take(hg_dtype type, const void *step, int row, void *blocks);

#endif
