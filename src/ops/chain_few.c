/* SPDX-License-Identifier: Apache-2.0
 *
 * chain_few.c: what many products of x give goes to the chain's as soon as it is there, while the frozen
 * weight is read.
 */
#include "ops/chain_few.h"

bool hg_chain_few_begin(hg_chain_few *c, hg_ctx *ctx, const hg_tensor *x, bool apart,
                        const hg_product *products, int n_products, const hg_chain *chain)
{
    *c = (hg_chain_few){.chained = chain != NULL};
    c->products = hg_products_begin(ctx, x, products, n_products);
    c->products.x.apart = apart;
    if (!hg_products_take_scratch(&c->products) || !hg_operand_take(&c->products.x))
        return false;
    if (chain == NULL)
        return true;
    const hg_product *wide = &products[n_products - 1];
    c->chain = *chain;
    c->last_product = (hg_product){chain->w, true, wide->y, wide->ldy};
    c->last = hg_products_begin(ctx, chain->z, &c->last_product, 1);
    atomic_init(&c->early, c->products.begin[n_products - 1] + 1);
    return hg_products_take_scratch(&c->last) && hg_operand_take(&c->last.x);
}

void hg_chain_few_round(const hg_chain_few *c)
{
    hg_operand_round(&c->products.x, 1);
}

void hg_chain_few_round_columns(const hg_chain_few *c, int64_t begin, int64_t count)
{
    hg_operand_round_columns(&c->products.x, begin, count);
}

void hg_chain_few_round_own(const hg_chain_few *c, int worker)
{
    hg_operand_round_own(&c->products.x, worker);
}

/* A chunk of all products but the last; the thread that does the last chunk makes z. */
static void chain_early(void *arg, int64_t index, int worker)
{
    hg_chain_few *c = arg;
    hg_products_run_chunk(&c->products, index, worker);
    if (atomic_fetch_sub_explicit(&c->early, 1, memory_order_acq_rel) != 2)
        return;
    for (int64_t t = 0; t < c->chain.z->shape[0]; t++)
        c->chain.make(c->chain.arg, t);
    hg_operand_round(&c->last.x, 1);
    atomic_store_explicit(&c->early, 0, memory_order_release);
}

/* Chunks of all products but the last. */
static int64_t chain_n_early(const hg_chain_few *c)
{
    return c->products.begin[c->products.n_products - 1];
}

static void chain_wide(void *arg, int64_t index, int worker)
{
    hg_chain_few *c = arg;
    hg_products_run_chunk(&c->products, chain_n_early(c) + index, worker);
}

/* After all of the wide product, not in turns with its chunks: those of a narrow weight are a few cache
 * lines, and each change from one stream of memory to another costs more than reading them. */
static void chain_late(void *arg, int64_t index, int worker)
{
    hg_chain_few *c = arg;
    hg_parallel_wait(&c->early);
    hg_products_run_chunk(&c->last, index, worker);
}

int hg_chain_few_parts(hg_chain_few *c, hg_parallel_part *parts)
{
    const int64_t n_early = chain_n_early(c), n_wide = c->products.n_chunks - n_early;
    if (!c->chained) {
        parts[0] = (hg_parallel_part){n_wide, chain_wide, c, !c->products.x.apart};
        return 1;
    }
    parts[0] = (hg_parallel_part){n_early, chain_early, c, !c->products.x.apart};
    parts[1] = (hg_parallel_part){n_wide, chain_wide, c, false};
    parts[2] = (hg_parallel_part){c->last.n_chunks, chain_late, c, true};
    return 3;
}

int64_t hg_chain_few_work(const hg_chain_few *c)
{
    return c->products.work + c->last.work;
}

void hg_chain_few_run(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products,
                      const hg_chain *chain)
{
    hg_chain_few c;
    hg_parallel_part parts[HG_CHAIN_PARTS];
    if (!hg_chain_few_begin(&c, ctx, x, false, products, n_products, chain))
        return;
    hg_chain_few_round(&c);
    const int n_parts = hg_chain_few_parts(&c, parts);
    hg_parallel_for_parts(hg_ctx_threads(ctx, hg_chain_few_work(&c)), n_parts, parts);
}
