/* SPDX-License-Identifier: Apache-2.0
 *
 * project.h: a frozen linear layer with its H-LoRA (op_project in ops.h) of few rows of x, as parts of one
 * region of threads.
 */
#ifndef HG_OPS_PROJECT_H
#define HG_OPS_PROJECT_H

#include "ops/chain.h"
#include "ops/ops.h"

/* From A x and R x to what B is multiplied with. */
typedef struct hg_project_gate {
    hg_ctx *ctx;
    hg_tensor *rank, *gate; /* (T, R), (T, E) */
    hg_real scale;
    const hg_real *mask; /* (T, R) or NULL */
} hg_project_gate;

#define HG_PROJECT_PRODUCTS 3

typedef struct hg_project_few {
    hg_product products[HG_PROJECT_PRODUCTS];
    hg_project_gate gate;
    hg_chain_few chain;
} hg_project_few;

/* y (T, N) = W x + B (e · m · s A x); plug may be NULL. `apart`, memory and failures as of
 * hg_chain_few_begin, and it fails when shapes do not fit. Its parts are those of p->chain. */
bool hg_project_few_begin(hg_project_few *p, hg_ctx *ctx, const hg_tensor *x, bool apart, const hg_tensor *w,
                          const hg_hlora *plug, hg_tensor *y);

#endif
