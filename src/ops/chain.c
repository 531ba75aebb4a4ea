/* SPDX-License-Identifier: Apache-2.0
 *
 * chain.c: the plan is made from the shapes, types and numbers of rows alone.
 */
#include "ops/chain.h"

#include "base/parallel.h"
#include "ops/chain_few.h"

#include <assert.h>

/* Rows of x a chunk of the narrow products, whose weights are few. */
#define CHAIN_X_ROWS 128
static_assert(CHAIN_X_ROWS % HG_WIDE_ROWS == 0, "rows of x are cut where bytes may be");
/* Weights of so few rows, as a router is, stay in a first or second-level cache while x passes. */
#define CHAIN_BESIDE_ROWS 8

/* ---- plan ---- */

/* Whether products from `first` on read x only when it is rounded. */
static bool chain_rounds(const hg_products *all, int first)
{
    for (int i = first; i < all->n_products; i++) {
        if (!hg_products_rounds(all, i))
            return false;
    }
    return true;
}

/* How many of the products are made row by row where x is rounded: the first, if it is very narrow and alone
 * reads x itself. */
static int chain_beside(const hg_products *all)
{
    const bool beside = all->n_products > 1 && all->products[0].w->shape[0] <= CHAIN_BESIDE_ROWS &&
                        !hg_products_rounds(all, 0) && chain_rounds(all, 1);
    return beside ? 1 : 0;
}

/* The chain's product as a term of the frozen one. False when they do not go that way, or a narrow one wants
 * x in bf16, too. */
static bool chain_join(hg_chain_plan *p, const hg_tensor *x)
{
    const int frozen = p->n_products - 1;
    p->wide = hg_products_begin(p->ctx, x, &p->products[frozen], 1);
    if (!p->wide.x.wide)
        return false;
    p->added = hg_products_begin(p->ctx, p->chain->z, &p->last, 1);
    p->narrow = hg_products_begin(p->ctx, x, p->products + p->n_beside, frozen - p->n_beside);
    if (!p->added.rounds[0] || p->narrow.x.bf16)
        return false;
    p->added.x.wide = p->narrow.x.wide = true;
    p->added.x.chain = p->chain;
    p->wide.joined = &p->added;
    hg_products_cut(&p->narrow, HG_PRODUCTS_SMALL, CHAIN_X_ROWS);
    return true;
}

static void chain_put_apart(hg_chain_plan *p, const hg_tensor *x)
{
    p->way = HG_CHAIN_APART;
    p->wide = hg_products_begin(p->ctx, x, p->products + p->n_beside, p->n_products - p->n_beside);
    p->writes_once = p->chain == NULL && p->wide.x.wide;
}

void hg_chain_plan_begin(hg_chain_plan *p, hg_ctx *ctx, const hg_tensor *x, const hg_product *products,
                         int n_products, const hg_chain *chain)
{
    const hg_product *frozen = &products[n_products - 1];
    assert(chain == NULL || (n_products >= 2 && frozen->w->shape[0] == chain->w->shape[0]));
    const hg_products all = hg_products_begin(ctx, x, products, n_products);
    *p = (hg_chain_plan){
        .ctx = ctx, .products = products, .n_products = n_products, .chain = chain, .way = HG_CHAIN_FEW};
    p->n_beside = chain_beside(&all);
    p->reads_x = x->shape[0] <= HG_CHAIN_ROWS || !chain_rounds(&all, p->n_beside);
    if (chain == NULL) {
        chain_put_apart(p, x);
    } else if (x->shape[0] > HG_CHAIN_ROWS) {
        p->last = (hg_product){chain->w, true, frozen->y, frozen->ldy};
        p->way = HG_CHAIN_JOINED;
        p->writes_once = chain_join(p, x);
        if (!p->writes_once)
            chain_put_apart(p, x);
    }
}

/* ---- run ---- */

/* The narrow products first, then the frozen one. */
static void chain_run_joined(hg_chain_plan *p)
{
    if (!hg_products_take_scratch(&p->wide) || !hg_operand_take(&p->wide.x) ||
        !hg_products_take_scratch(&p->narrow) || !hg_operand_take(&p->added.x))
        return;
    p->narrow.x.wide_rows = p->wide.x.wide_rows;
    hg_operand_round(&p->wide.x, hg_operand_threads(&p->wide.x));
    hg_parallel_for(hg_products_threads(&p->narrow), p->narrow.n_chunks, hg_products_run_chunk, &p->narrow);
    hg_operand_round(&p->added.x, hg_operand_threads(&p->added.x));
    hg_parallel_for(hg_products_threads(&p->wide), p->wide.n_chunks, hg_products_run_chunk, &p->wide);
}

static void chain_make_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const hg_chain *chain = arg;
    chain->make(chain->arg, t);
}

static void chain_run_apart(hg_chain_plan *p)
{
    hg_products_run(&p->wide);
    if (p->chain == NULL || hg_ctx_failed(p->ctx))
        return;
    const hg_tensor *z = p->chain->z;
    hg_parallel_for(hg_ctx_threads(p->ctx, 16 * hg_tensor_count(z)), z->shape[0], chain_make_row,
                    (void *)(uintptr_t)p->chain);
    hg_matmul_products(p->ctx, z, &p->last, 1);
}

void hg_chain_plan_run(hg_chain_plan *p, hg_rows *x)
{
    if (p->reads_x && !hg_rows_keep(x, p->ctx))
        return;
    hg_arena_mark mark = hg_arena_get_mark(p->ctx->arena);
    p->wide.x.rows = x;
    p->wide.x.beside = p->products;
    p->wide.x.n_beside = p->n_beside;
    if (p->way == HG_CHAIN_FEW)
        hg_chain_few_run(p->ctx, x->x, p->products, p->n_products, p->chain);
    else if (p->way == HG_CHAIN_JOINED)
        chain_run_joined(p);
    else
        chain_run_apart(p);
    hg_arena_reset(p->ctx->arena, mark);
}
