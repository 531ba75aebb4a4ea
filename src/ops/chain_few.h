/* SPDX-License-Identifier: Apache-2.0
 *
 * chain_few.h: a chain (matmul.h) of few rows of x, as parts of one region of threads (base/parallel.h), so
 * that others can stand before and behind it.
 */
#ifndef HG_OPS_CHAIN_FEW_H
#define HG_OPS_CHAIN_FEW_H

#include "base/parallel.h"
#include "ops/products.h"

typedef struct hg_chain_few {
    hg_products products, last; /* `last` is the chain's own product */
    hg_product last_product;
    hg_chain chain;
    bool chained;
    atomic_llong early; /* chunks that `make` waits for, and 1 for itself */
} hg_chain_few;

/* Makes c ready, with memory of the context's arena: for x of at most HG_CHAIN_ROWS rows, whose numbers are
 * not read yet. With `apart`, x is one row, and each worker has its own (products.h). `chain` may be NULL:
 * products alone. c and `products` stay where they are until all is done. False, and the context fails, when
 * memory is short. */
bool hg_chain_few_begin(hg_chain_few *c, hg_ctx *ctx, const hg_tensor *x, bool apart,
                        const hg_product *products, int n_products, const hg_chain *chain);

/* What comes before the parts: x is rounded, if that is the products' way. All of it, or, of one row, columns
 * begin to begin + count, multiples of HG_ROUNDED_RUN, or, when apart, that of a worker. */
void hg_chain_few_round(const hg_chain_few *c);
void hg_chain_few_round_columns(const hg_chain_few *c, int64_t begin, int64_t count);
void hg_chain_few_round_own(const hg_chain_few *c, int worker);

/* Writes the parts, at most HG_CHAIN_PARTS; returns how many. Unless x is apart, the first waits for what is
 * before it. */
#define HG_CHAIN_PARTS 3
int hg_chain_few_parts(hg_chain_few *c, hg_parallel_part *parts);

/* Multiply-adds of all products. */
int64_t hg_chain_few_work(const hg_chain_few *c);

/* All of it: x is there. Memory of the context's arena, which the caller gives back. */
void hg_chain_few_run(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products,
                      const hg_chain *chain);

#endif
