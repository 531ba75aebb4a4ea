/* SPDX-License-Identifier: Apache-2.0
 *
 * rows.h: what a product reads: rows that are there, or that are made when the product rounds them. A norm or
 * an activation between two products of many rows would write them all to memory, for the next product to
 * read them once: made one at a time where they are rounded, they stay in a cache. Only without a tape.
 */
#ifndef HG_OPS_ROWS_H
#define HG_OPS_ROWS_H

#include "ops/context.h"

typedef struct hg_rows {
    const hg_tensor *x;  /* (T, K); without data while the rows are only promised */
    hg_tensor *promised; /* x, to be filled in; NULL: it was there from the beginning */
    void (*make)(const struct hg_rows *rows, int64_t t, hg_real *row);
    const hg_kernels *kernels;
    const hg_tensor *from[2]; /* what rows are made of */
    hg_real eps;
} hg_rows;

/* Those of x. */
hg_rows hg_rows_of(const hg_tensor *x);

/* Promised: rows of hg_op_rmsnorm, and of hg_op_swiglu, of the same shapes, bit for bit. What they are made
 * of must be there, unchanged, until they have been read. They are for one product: where it has to keep them
 * it gives their memory back with its own. */
hg_rows hg_rows_rmsnorm(hg_ctx *ctx, const hg_tensor *x, const hg_tensor *gain, hg_real eps);
hg_rows hg_rows_swiglu(hg_ctx *ctx, const hg_tensor *gate, const hg_tensor *up);

bool hg_rows_are_there(const hg_rows *rows);

/* Makes all rows that are only promised, into memory of the context's arena. False, and the context fails,
 * when there is none. */
bool hg_rows_keep(hg_rows *rows, hg_ctx *ctx);

#endif
