/* SPDX-License-Identifier: Apache-2.0
 *
 * project.c: a frozen linear layer and its H-LoRA at once, y = W x + b + B (e · m · s A x), when nothing is
 * trained. Shapes as in op_linear.c and op_hlora.c, whose operations it stands for: it has no backward of its
 * own. Training goes through those two with a tape and without: a layer's result has the same bits whether it
 * is recorded or not.
 */
#include "ops/adapter.h"
#include "ops/matmul.h"

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

/* From A x and R x to what B is multiplied with. */
typedef struct project_gate {
    hg_ctx *ctx;
    hg_tensor *rank, *gate; /* (T, R), (T, E) */
    hg_real scale;
    const hg_real *mask;
} project_gate;

static void project_make(void *arg)
{
    const project_gate *g = arg;
    hg_adapter_softmax(g->ctx, g->gate);
    hg_adapter_scale(hg_tensor_count(g->rank), g->scale, g->mask, hg_tensor_real(g->rank));
    hg_adapter_apply_gate(g->rank, g->gate, hg_tensor_real(g->rank));
}

hg_tensor *hg_op_project(hg_ctx *ctx, hg_tensor *x, hg_tensor *w, hg_tensor *bias, hg_hlora *plug,
                         const hg_real *mask)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    bool trains = ctx->tape != NULL || ctx->compute != HG_COMPUTE_INFER;
    if (trains || plug == NULL || x->n_dims != 2 || x->shape[1] != w->shape[1])
        return project_apart(ctx, x, w, bias, plug, mask);
    int64_t t = x->shape[0], n = w->shape[0], r = plug->a.shape[0], e = plug->router.shape[0];
    hg_tensor *y = hg_ctx_tensor(ctx, 2, (int64_t[]){t, n}, false);
    if (y == NULL)
        return NULL;
    if (!hg_hlora_fits(y, x, plug))
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "hlora: A, B and router do not fit the layer");
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_tensor *rank = hg_ctx_tensor(ctx, 2, (int64_t[]){t, r}, false);
    hg_tensor *gate = hg_ctx_tensor(ctx, 2, (int64_t[]){t, e}, false);
    if (hg_ctx_failed(ctx))
        return NULL;
    project_bias(bias, y);
    const hg_product products[] = {{&plug->a, false, hg_tensor_real(rank), r},
                                   {&plug->router, false, hg_tensor_real(gate), e},
                                   {w, bias != NULL, hg_tensor_real(y), n}};
    project_gate make = {ctx, rank, gate, plug->scale, mask};
    const hg_chain chain = {project_make, &make, rank, &plug->b};
    hg_matmul_chain(ctx, x, products, 3, &chain);
    hg_arena_reset(ctx->arena, mark);
    return hg_ctx_failed(ctx) ? NULL : y;
}
