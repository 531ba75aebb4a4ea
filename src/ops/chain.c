/* SPDX-License-Identifier: Apache-2.0
 *
 * chain.c: products of which one is added to another and made from the rest: H-LoRA beside a frozen layer.
 * Three ways: few rows, all in one region of threads; many rows as bytes with wide runs (kernels/wide.h),
 * where the chain's product is one more term of the frozen one and its result is written once; else one
 * product after the other.
 */
#include "ops/chain.h"

#include <assert.h>

/* Rows of x a chunk of the narrow products, whose weights are few. */
#define CHAIN_X_ROWS 128
static_assert(CHAIN_X_ROWS % HG_WIDE_ROWS == 0, "rows of x are cut where bytes may be");

/* ---- few rows ---- */

bool hg_chain_few_begin(hg_chain_few *c, hg_ctx *ctx, const hg_tensor *x, bool apart,
                        const hg_product *products, int n_products, const hg_chain *chain)
{
    *c = (hg_chain_few){.chained = chain != NULL};
    c->products = hg_products_begin(ctx, x, products, n_products);
    c->products.apart = apart;
    if (!hg_products_take_scratch(&c->products) || !hg_products_take_rows(&c->products))
        return false;
    if (chain == NULL)
        return true;
    const hg_product *wide = &products[n_products - 1];
    c->chain = *chain;
    c->last_product = (hg_product){chain->w, true, wide->y, wide->ldy};
    c->last = hg_products_begin(ctx, chain->z, &c->last_product, 1);
    atomic_init(&c->early, c->products.begin[n_products - 1] + 1);
    return hg_products_take_scratch(&c->last) && hg_products_take_rows(&c->last);
}

void hg_chain_few_round(const hg_chain_few *c)
{
    hg_products_round(&c->products, 1);
}

void hg_chain_few_round_columns(const hg_chain_few *c, int64_t begin, int64_t count)
{
    hg_products_round_columns(&c->products, begin, count);
}

void hg_chain_few_round_own(const hg_chain_few *c, int worker)
{
    hg_products_round_own(&c->products, worker);
}

/* A chunk of all products but the last; the thread that does the last chunk makes z. */
static void chain_early(void *arg, int64_t index, int worker)
{
    hg_chain_few *c = arg;
    hg_products_run_chunk(&c->products, index, worker);
    if (atomic_fetch_sub_explicit(&c->early, 1, memory_order_acq_rel) != 2)
        return;
    c->chain.make(c->chain.arg);
    hg_products_round(&c->last, 1);
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
        parts[0] = (hg_parallel_part){n_wide, chain_wide, c, !c->products.apart};
        return 1;
    }
    parts[0] = (hg_parallel_part){n_early, chain_early, c, !c->products.apart};
    parts[1] = (hg_parallel_part){n_wide, chain_wide, c, false};
    parts[2] = (hg_parallel_part){c->last.n_chunks, chain_late, c, true};
    return 3;
}

int64_t hg_chain_few_work(const hg_chain_few *c)
{
    return c->products.work + c->last.work;
}

static void chain_few(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products,
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

/* ---- many rows ---- */

/* The narrow products first, then the wide one with the chain's as a term. x is rounded once. False, and
 * nothing done, when the wide one does not go that way, or a narrow one wants x in bf16, too. */
static bool chain_joined(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products,
                         const hg_chain *chain, const hg_product *last_product)
{
    hg_products wide = hg_products_begin(ctx, x, &products[n_products - 1], 1),
                last = hg_products_begin(ctx, chain->z, last_product, 1),
                narrow = hg_products_begin(ctx, x, products, n_products - 1);
    if (!wide.wide || !last.rounds[0] || narrow.any_bf16)
        return false;
    last.wide = narrow.wide = true;
    wide.joined = &last;
    hg_products_cut(&narrow, HG_PRODUCTS_SMALL, CHAIN_X_ROWS);
    if (!hg_products_take_scratch(&wide) || !hg_products_take_rows(&wide) ||
        !hg_products_take_scratch(&narrow) || !hg_products_take_rows(&last))
        return true;
    narrow.wide_rows = wide.wide_rows;
    hg_products_round(&wide, hg_products_round_threads(&wide));
    hg_parallel_for(hg_products_threads(&narrow), narrow.n_chunks, hg_products_run_chunk, &narrow);
    chain->make(chain->arg);
    hg_products_round(&last, hg_products_round_threads(&last));
    hg_parallel_for(hg_products_threads(&wide), wide.n_chunks, hg_products_run_chunk, &wide);
    return true;
}

static void chain_apart(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products,
                        const hg_chain *chain, const hg_product *last)
{
    hg_matmul_products(ctx, x, products, n_products);
    if (hg_ctx_failed(ctx))
        return;
    chain->make(chain->arg);
    hg_matmul_products(ctx, chain->z, last, 1);
}

void hg_matmul_chain(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products,
                     const hg_chain *chain)
{
    const hg_product *wide = &products[n_products - 1];
    const hg_product last = {chain->w, true, wide->y, wide->ldy};
    assert(n_products >= 2 && wide->w->shape[0] == chain->w->shape[0]);
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    if (x->shape[0] <= HG_CHAIN_ROWS)
        chain_few(ctx, x, products, n_products, chain);
    else if (!chain_joined(ctx, x, products, n_products, chain, &last))
        chain_apart(ctx, x, products, n_products, chain, &last);
    hg_arena_reset(ctx->arena, mark);
}
