/* SPDX-License-Identifier: Apache-2.0
 *
 * project.c: a frozen linear layer and its H-LoRA at once, y = W x + b + B (e · m · s A x), when nothing is
 * trained. Shapes as in op_linear.c and op_hlora.c, whose operations it stands for: it has no backward of its
 * own. Training goes through those two with a tape and without: a layer's result has the same bits whether it
 * is recorded or not.
 */
#include "ops/project.h"

#include "ops/adapter.h"

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

static void project_make(void *arg)
{
    const hg_project_gate *g = arg;
    hg_adapter_softmax(g->ctx, g->gate);
    hg_adapter_scale(hg_tensor_count(g->rank), g->scale, g->mask, hg_tensor_real(g->rank));
    hg_adapter_apply_gate(g->rank, g->gate, hg_tensor_real(g->rank));
}

/* The products of x (T, K) that a plug-in and a layer need, in this order, and where they go: memory of the
 * arena for A's and the router's, y for the layer's. False, and the context fails, when there is none. */
static bool project_products(hg_ctx *ctx, int64_t t, const hg_product *layer, const hg_hlora *plug,
                             const hg_real *mask, hg_project_gate *gate, hg_product *products)
{
    const int64_t r = plug->a.shape[0], e = plug->router.shape[0];
    *gate = (hg_project_gate){.ctx = ctx, .scale = plug->scale, .mask = mask};
    gate->rank = hg_ctx_tensor(ctx, 2, (int64_t[]){t, r}, false);
    gate->gate = hg_ctx_tensor(ctx, 2, (int64_t[]){t, e}, false);
    if (hg_ctx_failed(ctx))
        return false;
    products[0] = (hg_product){&plug->a, false, hg_tensor_real(gate->rank), r};
    products[1] = (hg_product){&plug->router, false, hg_tensor_real(gate->gate), e};
    products[2] = *layer;
    return true;
}

static bool project_fits(hg_ctx *ctx, const hg_tensor *y, const hg_tensor *x, const hg_hlora *plug)
{
    if (!hg_hlora_fits(y, x, plug))
        (void)hg_ctx_fail(ctx, HG_STATUS_INPUT, "hlora: A, B and router do not fit the layer");
    return !hg_ctx_failed(ctx);
}

bool hg_project_few_begin(hg_project_few *p, hg_ctx *ctx, const hg_tensor *x, bool apart, const hg_tensor *w,
                          const hg_hlora *plug, hg_tensor *y)
{
    const hg_product layer = {w, false, hg_tensor_real(y), y->shape[1]};
    if (x->shape[1] != w->shape[1] || y->shape[1] != w->shape[0]) {
        (void)hg_ctx_fail(ctx, HG_STATUS_INPUT, "linear: the weight does not fit input and output");
        return false;
    }
    if (plug == NULL) {
        p->products[0] = layer;
        return hg_chain_few_begin(&p->chain, ctx, x, apart, p->products, 1, NULL);
    }
    if (!project_fits(ctx, y, x, plug) ||
        !project_products(ctx, x->shape[0], &layer, plug, NULL, &p->gate, p->products))
        return false;
    const hg_chain chain = {project_make, &p->gate, p->gate.rank, &plug->b};
    return hg_chain_few_begin(&p->chain, ctx, x, apart, p->products, HG_PROJECT_PRODUCTS, &chain);
}

hg_tensor *hg_op_project(hg_ctx *ctx, hg_tensor *x, hg_tensor *w, hg_tensor *bias, hg_hlora *plug,
                         const hg_real *mask)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    bool trains = ctx->tape != NULL || ctx->compute != HG_COMPUTE_INFER;
    if (trains || plug == NULL || x->n_dims != 2 || x->shape[1] != w->shape[1])
        return project_apart(ctx, x, w, bias, plug, mask);
    const int64_t t = x->shape[0], n = w->shape[0];
    hg_tensor *y = hg_ctx_tensor(ctx, 2, (int64_t[]){t, n}, false);
    if (y == NULL || !project_fits(ctx, y, x, plug))
        return NULL;
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    const hg_product layer = {w, bias != NULL, hg_tensor_real(y), n};
    hg_product products[HG_PROJECT_PRODUCTS];
    hg_project_gate make;
    if (!project_products(ctx, t, &layer, plug, mask, &make, products))
        return NULL;
    project_bias(bias, y);
    const hg_chain chain = {project_make, &make, make.rank, &plug->b};
    hg_matmul_chain(ctx, x, products, HG_PROJECT_PRODUCTS, &chain);
    hg_arena_reset(ctx->arena, mark);
    return hg_ctx_failed(ctx) ? NULL : y;
}
