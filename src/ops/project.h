/* SPDX-License-Identifier: Apache-2.0
 *
 * project.h: a frozen linear layer with its H-LoRA (op_project in ops.h) when nothing is trained: of many
 * rows of x, and of few as parts of one region of threads.
 */
#ifndef HG_OPS_PROJECT_H
#define HG_OPS_PROJECT_H

#include "ops/chain_few.h"
#include "ops/ops.h"

/* From A x and R x to what B is multiplied with. */
typedef struct hg_project_gate {
    hg_ctx *ctx;
    hg_tensor *rank, *gate; /* (T, R), (T, E) */
    hg_real scale;
    const hg_real *mask; /* (T, R) or NULL */
} hg_project_gate;

#define HG_PROJECT_PRODUCTS 3

typedef struct hg_project {
    hg_product products[HG_PROJECT_PRODUCTS];
    int n_products;
    hg_project_gate gate;
    hg_chain chain; /* `make` NULL: there is no plug-in */
} hg_project;

/* y (T, N) = W x + B (e · s A x) for w (N, K), the same added to y; x (T, K), plug may be NULL, y is
 * contiguous. Same bits as hg_op_project, and as hg_op_add after it. False, and the context fails, when
 * shapes do not fit or memory is short. */
bool hg_project_many(hg_ctx *ctx, hg_rows *x, const hg_tensor *w, const hg_hlora *plug, hg_tensor *y);
bool hg_project_many_add(hg_ctx *ctx, hg_rows *x, const hg_tensor *w, const hg_hlora *plug, hg_tensor *y);

typedef struct hg_project_few {
    hg_project project;
    hg_chain_few chain;
} hg_project_few;

/* The first of the above for at most HG_CHAIN_ROWS rows of x. `apart` and memory as of hg_chain_few_begin;
 * its parts are those of p->chain. */
bool hg_project_few_begin(hg_project_few *p, hg_ctx *ctx, const hg_tensor *x, bool apart, const hg_tensor *w,
                          const hg_hlora *plug, hg_tensor *y);

#endif
