/* SPDX-License-Identifier: Apache-2.0
 *
 * elementwise.h: what the activation functions share: y[i] = f(x[i]) over a contiguous tensor, and dx[i] +=
 * dy[i] f'(x[i]).
 */
#ifndef HG_OPS_ELEMENTWISE_H
#define HG_OPS_ELEMENTWISE_H

#include "ops/tape.h"

/* Runs the kernel `fn` over x, which must be contiguous, and records `op`. */
hg_tensor *hg_elementwise_forward(hg_ctx *ctx, const hg_op *op, hg_tensor *x,
                                  void (*fn)(int64_t n, const hg_real *x, hg_real *y));

/* Adds to the gradient of the record's input; `slope` is f'. */
void hg_elementwise_backward(hg_ctx *ctx, const hg_record *record, hg_real (*slope)(hg_real x));

#endif
