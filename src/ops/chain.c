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
/* Weights of so few rows, as a router is, stay in a first or second-level cache while x passes. */
#define CHAIN_BESIDE_ROWS 8

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
    for (int64_t t = 0; t < c->chain.z->shape[0]; t++)
        c->chain.make(c->chain.arg, t);
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

static bool chain_rounds(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products)
{
    const hg_products job = hg_products_begin(ctx, x, products, n_products);
    return hg_products_round_all(&job);
}

/* How many of the products are made row by row where x is rounded: the first, if it is very narrow and alone
 * reads x itself. */
static int chain_beside(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products)
{
    const bool beside = n_products > 1 && products[0].w->shape[0] <= CHAIN_BESIDE_ROWS &&
                        !chain_rounds(ctx, x, products, 1) &&
                        chain_rounds(ctx, x, products + 1, n_products - 1);
    return beside ? 1 : 0;
}

/* The wide product with the chain's as a term, and the narrow ones, all of x rounded once. */
typedef struct chain_joined {
    hg_products wide, last, narrow;
} chain_joined;

/* False when the wide one does not go that way, or a narrow one wants x in bf16, too. */
static bool joined_begin(chain_joined *j, hg_ctx *ctx, const hg_tensor *x, const hg_product *products,
                         int n_products, const hg_chain *chain, const hg_product *last)
{
    j->wide = hg_products_begin(ctx, x, &products[n_products - 1], 1);
    if (!j->wide.wide || chain == NULL)
        return j->wide.wide;
    j->last = hg_products_begin(ctx, chain->z, last, 1);
    const int n_beside = chain_beside(ctx, x, products, n_products);
    j->wide.beside = products;
    j->wide.n_beside = n_beside;
    j->narrow = hg_products_begin(ctx, x, products + n_beside, n_products - 1 - n_beside);
    if (!j->last.rounds[0] || j->narrow.any_bf16)
        return false;
    j->last.wide = j->narrow.wide = true;
    j->last.chain = chain;
    j->wide.joined = &j->last;
    hg_products_cut(&j->narrow, HG_PRODUCTS_SMALL, CHAIN_X_ROWS);
    return true;
}

/* The narrow products first, then the wide one. */
static void joined_run(chain_joined *j, const hg_rows *x)
{
    j->wide.rows = x;
    if (!hg_products_take_scratch(&j->wide) || !hg_products_take_rows(&j->wide) ||
        !hg_products_take_scratch(&j->narrow) || !hg_products_take_rows(&j->last))
        return;
    j->narrow.wide_rows = j->wide.wide_rows;
    hg_products_round(&j->wide, hg_products_round_threads(&j->wide));
    hg_parallel_for(hg_products_threads(&j->narrow), j->narrow.n_chunks, hg_products_run_chunk, &j->narrow);
    hg_products_round(&j->last, hg_products_round_threads(&j->last));
    hg_parallel_for(hg_products_threads(&j->wide), j->wide.n_chunks, hg_products_run_chunk, &j->wide);
}

static void chain_products(hg_ctx *ctx, const hg_rows *x, const hg_product *products, int n_products)
{
    const int n_beside = chain_beside(ctx, x->x, products, n_products);
    hg_products job = hg_products_begin(ctx, x->x, products + n_beside, n_products - n_beside);
    job.rows = x;
    job.beside = products;
    job.n_beside = n_beside;
    hg_products_run(&job);
}

static void chain_make_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const hg_chain *chain = arg;
    chain->make(chain->arg, t);
}

static void chain_apart(hg_ctx *ctx, const hg_rows *x, const hg_product *products, int n_products,
                        const hg_chain *chain, const hg_product *last)
{
    chain_products(ctx, x, products, n_products);
    if (hg_ctx_failed(ctx))
        return;
    hg_parallel_for(hg_ctx_threads(ctx, 16 * hg_tensor_count(chain->z)), chain->z->shape[0], chain_make_row,
                    (void *)(uintptr_t)chain);
    hg_matmul_products(ctx, chain->z, last, 1);
}

/* ---- any ---- */

static hg_product chain_last(const hg_product *products, int n_products, const hg_chain *chain)
{
    const hg_product *wide = &products[n_products - 1];
    assert(chain == NULL || (n_products >= 2 && wide->w->shape[0] == chain->w->shape[0]));
    return (hg_product){chain == NULL ? NULL : chain->w, true, wide->y, wide->ldy};
}

/* The three ways. */
typedef enum chain_way { CHAIN_FEW, CHAIN_JOINED, CHAIN_APART } chain_way;

static chain_way chain_choose(chain_joined *j, hg_ctx *ctx, const hg_tensor *x, const hg_product *products,
                              int n_products, const hg_chain *chain, const hg_product *last)
{
    if (x->shape[0] <= HG_CHAIN_ROWS)
        return CHAIN_FEW;
    return joined_begin(j, ctx, x, products, n_products, chain, last) ? CHAIN_JOINED : CHAIN_APART;
}

bool hg_matmul_writes_once(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products,
                           const hg_chain *chain)
{
    const hg_product last = chain_last(products, n_products, chain);
    chain_joined joined;
    return chain_choose(&joined, ctx, x, products, n_products, chain, &last) == CHAIN_JOINED;
}

/* Whether x itself is read, not only when it is rounded. */
static bool chain_reads_x(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products)
{
    const int n_beside = chain_beside(ctx, x, products, n_products);
    return !chain_rounds(ctx, x, products + n_beside, n_products - n_beside);
}

void hg_matmul_chain(hg_ctx *ctx, hg_rows *x, const hg_product *products, int n_products,
                     const hg_chain *chain)
{
    const hg_product last = chain_last(products, n_products, chain);
    chain_joined joined;
    const chain_way way = chain_choose(&joined, ctx, x->x, products, n_products, chain, &last);
    const bool reads = way == CHAIN_FEW || chain_reads_x(ctx, x->x, products, n_products);
    if (reads && !hg_rows_keep(x, ctx))
        return;
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    if (chain == NULL)
        chain_products(ctx, x, products, n_products);
    else if (way == CHAIN_FEW)
        chain_few(ctx, x->x, products, n_products, chain);
    else if (way == CHAIN_JOINED)
        joined_run(&joined, x);
    else
        chain_apart(ctx, x, products, n_products, chain, &last);
    hg_arena_reset(ctx->arena, mark);
}
