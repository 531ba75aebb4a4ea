/* SPDX-License-Identifier: Apache-2.0
 *
 * chain.c: products of which one is added to another and made from the rest: H-LoRA beside a frozen layer.
 * Three ways: few rows, all in one region of threads; many rows in tiles, where the chain's product is one
 * more term of the frozen one and its result is written once; else one product after the other.
 */
#include "ops/products.h"

#include "base/parallel.h"

#include <assert.h>

/* Rows of x a chunk of the narrow products, whose weights are few. */
#define CHAIN_X_ROWS 128
static_assert(CHAIN_X_ROWS % HG_WIDE_ROWS == 0, "rows of x are cut between tiles");

/* ---- few rows ---- */

typedef struct chain_job {
    hg_products products, last; /* `last` is the chain's own product */
    const hg_chain *chain;
    atomic_llong early; /* chunks that `make` waits for, and 1 for itself */
} chain_job;

/* A chunk of all products but the last; the thread that does the last chunk makes z. */
static void chain_early(void *arg, int64_t index, int worker)
{
    chain_job *job = arg;
    hg_products_run_chunk(&job->products, index, worker);
    if (atomic_fetch_sub_explicit(&job->early, 1, memory_order_acq_rel) != 2)
        return;
    job->chain->make(job->chain->arg);
    hg_products_round(&job->last, 1);
    atomic_store_explicit(&job->early, 0, memory_order_release);
}

static void chain_wide(void *arg, int64_t index, int worker)
{
    chain_job *job = arg;
    hg_products_run_chunk(&job->products, job->products.begin[job->products.n_products - 1] + index, worker);
}

/* After all of the wide product, not in turns with its chunks: those of a narrow weight are a few cache
 * lines, and each change from one stream of memory to another costs more than reading them. */
static void chain_late(void *arg, int64_t index, int worker)
{
    chain_job *job = arg;
    hg_parallel_wait(&job->early);
    hg_products_run_chunk(&job->last, index, worker);
}

static void chain_few(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products,
                      const hg_chain *chain, const hg_product *last)
{
    chain_job job = {.products = hg_products_begin(ctx, x, products, n_products),
                     .last = hg_products_begin(ctx, chain->z, last, 1),
                     .chain = chain};
    if (!hg_products_take_scratch(&job.products) || !hg_products_take_rows(&job.products) ||
        !hg_products_take_scratch(&job.last) || !hg_products_take_rows(&job.last))
        return;
    const int64_t n_early = job.products.begin[n_products - 1], n_wide = job.products.n_chunks - n_early;
    const hg_parallel_part parts[] = {
        {n_early, chain_early, false}, {n_wide, chain_wide, false}, {job.last.n_chunks, chain_late, true}};
    atomic_init(&job.early, n_early + 1);
    hg_products_round(&job.products, 1);
    hg_parallel_for_parts(hg_ctx_threads(ctx, job.products.work + job.last.work), 3, parts, &job);
}

/* ---- many rows ---- */

/* The narrow products first, then the wide one with the chain's as a term. x is rounded once. False, and
 * nothing done, when these do not go through tiles. */
static bool chain_joined(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products,
                         const hg_chain *chain, const hg_product *last_product)
{
    hg_products wide = hg_products_begin(ctx, x, &products[n_products - 1], 1),
                last = hg_products_begin(ctx, chain->z, last_product, 1),
                narrow = hg_products_begin(ctx, x, products, n_products - 1);
    if (!wide.wide || !wide.rounds[0] || !last.rounds[0])
        return false;
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
        chain_few(ctx, x, products, n_products, chain, &last);
    else if (!chain_joined(ctx, x, products, n_products, chain, &last))
        chain_apart(ctx, x, products, n_products, chain, &last);
    hg_arena_reset(ctx->arena, mark);
}
