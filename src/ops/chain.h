/* SPDX-License-Identifier: Apache-2.0
 *
 * chain.h: products of which one is added to another and made from the rest: H-LoRA beside a frozen layer.
 * How that is done is decided once, in a plan, which can be asked before it is run.
 */
#ifndef HG_OPS_CHAIN_H
#define HG_OPS_CHAIN_H

#include "ops/products.h"

typedef enum hg_chain_way {
    HG_CHAIN_FEW,    /* few rows of x: all in one region of threads (chain_few.h) */
    HG_CHAIN_JOINED, /* as bytes with wide runs: the chain's product is one more term of the frozen one */
    HG_CHAIN_APART   /* one product after the other; also without a chain */
} hg_chain_way;

typedef struct hg_chain_plan {
    hg_ctx *ctx;
    const hg_product *products;
    int n_products;
    const hg_chain *chain; /* NULL: the products alone */
    hg_product last;       /* the chain's own */
    hg_chain_way way;
    int n_beside;     /* of the products, the first: made row by row where x is rounded */
    bool reads_x;     /* itself, not only when it is rounded */
    bool writes_once; /* y: then a last product with `add` has the bits of one whose result is added to y */
    /* Apart, all products but those beside are `wide`; joined, the frozen one is, to which `added` is joined,
     * and `narrow` are the others. */
    hg_products wide, narrow, added;
} hg_chain_plan;

/* Plans `products` of x (T, K), whose numbers are not read, and the chain, which may be NULL. The plan and
 * what it is made from stay where they are until it has been run. */
void hg_chain_plan_begin(hg_chain_plan *p, hg_ctx *ctx, const hg_tensor *x, const hg_product *products,
                         int n_products, const hg_chain *chain);

/* All products, waking threads as seldom as can be. Rows of x that are only promised are kept if anything but
 * rounding reads them. */
void hg_chain_plan_run(hg_chain_plan *p, hg_rows *x);

#endif
