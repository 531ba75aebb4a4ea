/* SPDX-License-Identifier: Apache-2.0
 *
 * project.c: a frozen linear layer and its H-LoRA at once, y = W x + b + B (e · m · s A x), when nothing is
 * trained. Shapes as in op_linear.c and op_hlora.c, whose operations it stands for: it has no backward of its
 * own. Training goes through those two with a tape and without: a layer's result has the same bits whether it
 * is recorded or not.
 */
#include "ops/project.h"

#include "ops/adapter.h"
#include "ops/chain.h"

/* The two operations, one after the other. */
static hg_tensor *project_apart(hg_ctx *ctx, hg_tensor *x, hg_tensor *w, hg_tensor *bias, hg_hlora *plug,
                                const hg_real *mask)
{
    hg_tensor *y = hg_op_linear(ctx, x, w, bias);
    return plug == NULL || y == NULL ? y : hg_op_hlora(ctx, y, x, plug, mask);
}

static void project_bias(const hg_tensor *bias, const hg_tensor *y)
{
    for (int64_t t = 0; bias != NULL && t < y->shape[0]; t++)
        memcpy(hg_tensor_real(y) + t * y->shape[1], hg_tensor_real(bias),
               (size_t)y->shape[1] * sizeof(hg_real));
}

static void project_make(void *arg, int64_t t)
{
    const hg_project_gate *g = arg;
    const int64_t r = g->rank->shape[1], n_experts = g->gate->shape[1];
    hg_real *a = hg_tensor_real(g->rank) + t * r, *w = hg_tensor_real(g->gate) + t * n_experts;
    g->ctx->kernels->softmax(n_experts, 1, w);
    hg_adapter_scale(r, g->scale, g->mask == NULL ? NULL : g->mask + t * r, a);
    hg_adapter_gate_row(r, n_experts, a, w, a);
}

static bool project_fits(hg_ctx *ctx, const hg_tensor *y, const hg_tensor *x, const hg_tensor *w,
                         const hg_hlora *plug)
{
    if (x->shape[1] != w->shape[1] || y->shape[1] != w->shape[0] || y->shape[0] != x->shape[0])
        (void)hg_ctx_fail(ctx, HG_STATUS_INPUT, "linear: the weight does not fit input and output");
    else if (plug != NULL && !hg_hlora_fits(y, x, plug))
        (void)hg_ctx_fail(ctx, HG_STATUS_INPUT, "hlora: A, B and router do not fit the layer");
    return !hg_ctx_failed(ctx);
}

/* The products of x (T, K) that a layer and its plug-in, which may be NULL, need, in this order: the router's
 * and A's, which go to memory of the arena, the layer's, which goes to y; and the chain from those to B's.
 * False, and the context fails, when shapes do not fit or memory is short. */
static bool project_begin(hg_project *p, hg_ctx *ctx, const hg_tensor *x, const hg_product *layer,
                          const hg_hlora *plug, const hg_real *mask, const hg_tensor *y)
{
    *p = (hg_project){.products = {*layer}, .n_products = 1};
    if (!project_fits(ctx, y, x, layer->w, plug) || plug == NULL)
        return !hg_ctx_failed(ctx);
    const int64_t t = x->shape[0], r = plug->a.shape[0], e = plug->router.shape[0];
    hg_project_gate *gate = &p->gate;
    *gate = (hg_project_gate){.ctx = ctx, .scale = plug->scale, .mask = mask};
    gate->rank = hg_ctx_tensor(ctx, 2, (int64_t[]){t, r}, false);
    gate->gate = hg_ctx_tensor(ctx, 2, (int64_t[]){t, e}, false);
    if (hg_ctx_failed(ctx))
        return false;
    p->products[0] = (hg_product){&plug->router, false, hg_tensor_real(gate->gate), e};
    p->products[1] = (hg_product){&plug->a, false, hg_tensor_real(gate->rank), r};
    p->products[2] = *layer;
    p->n_products = HG_PROJECT_PRODUCTS;
    p->chain = (hg_chain){project_make, gate, gate->rank, &plug->b};
    return true;
}

/* NULL without a plug-in. */
static const hg_chain *project_chain(const hg_project *p)
{
    return p->chain.make == NULL ? NULL : &p->chain;
}

static void project_run(const hg_project *p, hg_ctx *ctx, hg_rows *x)
{
    hg_chain_plan plan;
    hg_chain_plan_begin(&plan, ctx, x->x, p->products, p->n_products, project_chain(p));
    hg_chain_plan_run(&plan, x);
}

bool hg_project_few_begin(hg_project_few *few, hg_ctx *ctx, const hg_tensor *x, bool apart,
                          const hg_tensor *w, const hg_hlora *plug, hg_tensor *y)
{
    hg_project *p = &few->project;
    const hg_product layer = {w, false, hg_tensor_real(y), y->shape[1]};
    return project_begin(p, ctx, x, &layer, plug, NULL, y) &&
           hg_chain_few_begin(&few->chain, ctx, x, apart, p->products, p->n_products, project_chain(p));
}

bool hg_project_many(hg_ctx *ctx, hg_rows *x, const hg_tensor *w, const hg_hlora *plug, hg_tensor *y)
{
    const hg_product layer = {w, false, hg_tensor_real(y), y->shape[1]};
    hg_project p;
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    if (!hg_ctx_failed(ctx) && project_begin(&p, ctx, x->x, &layer, plug, NULL, y))
        project_run(&p, ctx, x);
    hg_arena_reset(ctx->arena, mark);
    return !hg_ctx_failed(ctx);
}

bool hg_project_many_add(hg_ctx *ctx, hg_rows *x, const hg_tensor *w, const hg_hlora *plug, hg_tensor *y)
{
    const hg_product layer = {w, true, hg_tensor_real(y), y->shape[1]};
    hg_project p;
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    if (hg_ctx_failed(ctx) || !project_begin(&p, ctx, x->x, &layer, plug, NULL, y))
        return false;
    hg_chain_plan plan;
    hg_chain_plan_begin(&plan, ctx, x->x, p.products, p.n_products, project_chain(&p));
    if (plan.writes_once) {
        hg_chain_plan_run(&plan, x);
    } else {
        hg_tensor *all = hg_ctx_tensor(ctx, 2, y->shape, false);
        if (all != NULL) {
            p.products[p.n_products - 1] = (hg_product){w, false, hg_tensor_real(all), all->shape[1]};
            project_run(&p, ctx, x);
            (void)hg_op_add_to(ctx, y, all, y);
        }
    }
    hg_arena_reset(ctx->arena, mark);
    return !hg_ctx_failed(ctx);
}

hg_tensor *hg_op_project(hg_ctx *ctx, hg_tensor *x, hg_tensor *w, hg_tensor *bias, hg_hlora *plug,
                         const hg_real *mask)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    bool trains = ctx->tape != NULL || ctx->compute != HG_COMPUTE_INFER;
    if (trains || plug == NULL || x->n_dims != 2 || x->shape[1] != w->shape[1])
        return project_apart(ctx, x, w, bias, plug, mask);
    hg_tensor *y = hg_ctx_tensor(ctx, 2, (int64_t[]){x->shape[0], w->shape[0]}, false);
    if (y == NULL)
        return NULL;
    const hg_product layer = {w, bias != NULL, hg_tensor_real(y), y->shape[1]};
    hg_rows rows = hg_rows_of(x);
    hg_project p;
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    if (!project_begin(&p, ctx, x, &layer, plug, mask, y))
        return NULL;
    project_bias(bias, y);
    project_run(&p, ctx, &rows);
    hg_arena_reset(ctx->arena, mark);
    return hg_ctx_failed(ctx) ? NULL : y;
}
