/* SPDX-License-Identifier: Apache-2.0
 *
 * op_lora.c: y += B (m · s A x): H-LoRA with one expert, whose weight is always 1, and so without a router.
 *
 * Shapes: x (T, K), A (R, K), B (N, R), mask m (T, R), y (T, N). The mask stands after A as in H-LoRA, so
 * that the two differ in the router alone. Gradient, with a = m s A x and upstream g: dB += gᵀ a; du = s m (g
 * B); dA += duᵀ x; dx += du A.
 */
#include "ops/adapter.h"
#include "ops/matmul.h"
#include "ops/narrow.h"
#include "ops/registry.h"

typedef struct lora_saved {
    hg_hlora *plug;
    const hg_real *mask; /* (T, R) or NULL */
    hg_real *rank;       /* a, (T, R) */
} lora_saved;

static void lora_backward(hg_ctx *ctx, const hg_record *record)
{
    const lora_saved *s = record->saved;
    const hg_tensor *x = record->in[1];
    hg_hlora *plug = s->plug;
    int64_t t = x->shape[0], n = plug->b.shape[0], r = plug->a.shape[0];
    const hg_real *g = record->out->grad;
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_real *du = hg_ctx_scratch(ctx, t * r);
    if (du == NULL)
        return;
    if (plug->b.grad != NULL)
        hg_matmul_backward_weights(ctx, t, n, r, g, n, s->rank, r, plug->b.grad);
    hg_narrow_backward_wide(ctx, t, g, &plug->b, du);
    hg_adapter_scale(t * r, plug->scale, s->mask, du);
    const hg_narrow part = {&plug->a, du};
    hg_narrow_backward_weights(ctx, x, &part, 1);
    if (x->grad != NULL)
        hg_narrow_backward_data(ctx, t, &part, 1, x->grad, x->stride[0]);
    hg_arena_reset(ctx->arena, mark);
}

const hg_op hg_op_lora_entry = {"lora", lora_backward};

static bool lora_fits(const hg_tensor *y, const hg_tensor *x, const hg_hlora *p)
{
    return x->n_dims == 2 && y->n_dims == 2 && hg_tensor_is_contiguous(y) && x->shape[0] == y->shape[0] &&
           x->shape[1] == p->a.shape[1] && p->b.shape[1] == p->a.shape[0] && p->b.shape[0] == y->shape[1];
}

hg_tensor *hg_op_lora(hg_ctx *ctx, hg_tensor *y, hg_tensor *x, hg_hlora *plug, const hg_real *mask)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (!lora_fits(y, x, plug))
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "lora: A and B do not fit the layer");
    int64_t t = x->shape[0], r = plug->a.shape[0];
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_tensor *rank = hg_ctx_tensor(ctx, 2, (int64_t[]){t, r}, false);
    if (rank == NULL)
        return NULL;
    const hg_narrow part = {&plug->a, hg_tensor_real(rank)};
    hg_narrow_forward(ctx, x, &part, 1);
    hg_adapter_scale(t * r, plug->scale, mask, hg_tensor_real(rank));
    hg_matmul_forward(ctx, rank, &plug->b, true, y);
    if (ctx->tape == NULL) {
        hg_arena_reset(ctx->arena, mark);
        return y;
    }
    hg_adapter_ensure_grad(ctx, y, x, plug);
    lora_saved saved = {plug, mask, hg_tensor_real(rank)};
    void *kept = hg_tape_save(ctx, &saved, sizeof saved);
    hg_tape_push(ctx, &hg_op_lora_entry, y, (hg_tensor *[]){y, x}, 2, kept);
    return hg_ctx_failed(ctx) ? NULL : y;
}
