/* SPDX-License-Identifier: Apache-2.0
 *
 * op_moelora.c: y += sum over experts j of B_j (w_j m_j s A_j x), w = softmax(R x): the same function as
 * H-LoRA, with every expert's pair a matrix of its own and multiplied apart. It is here for the comparison of
 * their costs, so each expert's part is made as well as it can be alone.
 *
 * Shapes: x (T, K), A (E · r, K) and B (E · N, r): the experts' (r, K) and (N, r) one after the other, router
 * (E, K), mask m (T, E · r), y (T, N). Gradient per expert, with a_j = m_j s A_j x, h_j = w_j a_j, upstream
 * g: dB_j += gᵀ h_j; dh_j = g B_j; dw_j = <dh_j, a_j>; du_j = s m_j w_j dh_j; dA_j += du_jᵀ x; dx += du_j
 * A_j; the router as in H-LoRA.
 */
#include "ops/adapter.h"
#include "ops/matmul.h"
#include "ops/narrow.h"
#include "ops/registry.h"

typedef struct moelora_saved {
    hg_hlora *plug;
    const hg_real *mask; /* (T, R) or NULL */
    hg_real *rank;       /* (E, T, r): a_j of each expert */
    hg_tensor *gate;     /* w, (T, E) */
} moelora_saved;

typedef struct moelora_expert {
    hg_tensor a; /* (r, K) */
    hg_tensor b; /* (N, r) */
} moelora_expert;

static moelora_expert moelora_get(const hg_hlora *p, int64_t j)
{
    int64_t n_experts = p->router.shape[0], r = p->a.shape[0] / n_experts, n = p->b.shape[0] / n_experts;
    return (moelora_expert){hg_tensor_view_rows(&p->a, j * r, r), hg_tensor_view_rows(&p->b, j * n, n)};
}

/* a (T, r) *= scale · the expert's columns of the mask (T, R). */
static void moelora_scale(const hg_hlora *p, const hg_real *mask, int64_t j, int64_t t, hg_real *a)
{
    int64_t all = p->a.shape[0], r = all / p->router.shape[0];
    if (mask == NULL) {
        hg_adapter_scale(t * r, p->scale, NULL, a);
        return;
    }
    for (int64_t i = 0; i < t; i++)
        hg_adapter_scale(r, p->scale, mask + i * all + j * r, a + i * r);
}

/* out (T, r) = w_j · in; in may be out. */
static void moelora_weigh(const hg_tensor *gate, int64_t j, int64_t r, const hg_real *in, hg_real *out)
{
    int64_t n_experts = gate->shape[1];
    for (int64_t t = 0; t < gate->shape[0]; t++) {
        hg_real w = hg_tensor_real(gate)[t * n_experts + j];
        for (int64_t i = t * r; i < (t + 1) * r; i++)
            out[i] = w * in[i];
    }
}

/* dw_j (every n_experts-th of dw) = <dh, a>, token by token. */
static void moelora_dot(int64_t t, int64_t r, const hg_real *dh, const hg_real *a, int64_t n_experts,
                        hg_real *dw)
{
    for (int64_t i = 0; i < t; i++, dh += r, a += r) {
        hg_real sum = 0;
        for (int64_t c = 0; c < r; c++)
            sum += dh[c] * a[c];
        dw[i * n_experts] = sum;
    }
}

/* h and dh (T, r) are scratch; dw gets expert j's column. */
static void moelora_backward_expert(hg_ctx *ctx, const hg_record *record, int64_t j, hg_real *h, hg_real *dh,
                                    hg_real *dw)
{
    const moelora_saved *s = record->saved;
    const hg_tensor *x = record->in[1];
    moelora_expert e = moelora_get(s->plug, j);
    int64_t t = x->shape[0], n = e.b.shape[0], r = e.a.shape[0];
    const hg_real *g = record->out->grad, *a = s->rank + j * t * r;
    if (e.b.grad != NULL) {
        moelora_weigh(s->gate, j, r, a, h);
        hg_matmul_backward_weights(ctx, t, n, r, g, n, h, r, e.b.grad);
    }
    hg_narrow_backward_wide(ctx, t, g, &e.b, dh);
    moelora_dot(t, r, dh, a, s->gate->shape[1], dw + j);
    moelora_weigh(s->gate, j, r, dh, dh);
    moelora_scale(s->plug, s->mask, j, t, dh);
    const hg_narrow part = {&e.a, dh};
    hg_narrow_backward_weights(ctx, x, &part, 1);
    if (x->grad != NULL)
        hg_narrow_backward_data(ctx, t, &part, 1, x->grad, x->stride[0]);
}

static void moelora_backward(hg_ctx *ctx, const hg_record *record)
{
    const moelora_saved *s = record->saved;
    const hg_tensor *x = record->in[1];
    int64_t t = x->shape[0], n_experts = s->gate->shape[1], r = s->plug->a.shape[0] / n_experts;
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_real *h = hg_ctx_scratch(ctx, t * r), *dh = hg_ctx_scratch(ctx, t * r),
            *dw = hg_ctx_scratch(ctx, t * n_experts);
    if (hg_ctx_failed(ctx))
        return;
    for (int64_t j = 0; j < n_experts; j++)
        moelora_backward_expert(ctx, record, j, h, dh, dw);
    hg_adapter_softmax_backward(s->gate, dw);
    const hg_narrow part = {&s->plug->router, dw};
    hg_narrow_backward_weights(ctx, x, &part, 1);
    if (x->grad != NULL)
        hg_narrow_backward_data(ctx, t, &part, 1, x->grad, x->stride[0]);
    hg_arena_reset(ctx->arena, mark);
}

const hg_op hg_op_moelora_entry = {"moelora", moelora_backward};

static bool moelora_fits(const hg_tensor *y, const hg_tensor *x, const hg_hlora *p)
{
    int64_t r = p->a.shape[0], e = p->router.shape[0];
    return x->n_dims == 2 && y->n_dims == 2 && hg_tensor_is_contiguous(y) && x->shape[0] == y->shape[0] &&
           x->shape[1] == p->a.shape[1] && p->router.shape[1] == x->shape[1] && e > 0 && r % e == 0 &&
           p->b.shape[1] == r / e && p->b.shape[0] == e * y->shape[1];
}

static void moelora_forward_expert(hg_ctx *ctx, const moelora_saved *s, hg_tensor *x, int64_t j, hg_tensor *h,
                                   hg_tensor *y)
{
    moelora_expert e = moelora_get(s->plug, j);
    int64_t t = x->shape[0], r = e.a.shape[0];
    const hg_narrow part = {&e.a, s->rank + j * t * r};
    hg_narrow_forward(ctx, x, &part, 1);
    moelora_scale(s->plug, s->mask, j, t, part.y);
    moelora_weigh(s->gate, j, r, part.y, hg_tensor_real(h));
    hg_matmul_forward(ctx, h, &e.b, true, y);
}

hg_tensor *hg_op_moelora(hg_ctx *ctx, hg_tensor *y, hg_tensor *x, hg_hlora *plug, const hg_real *mask)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (!moelora_fits(y, x, plug))
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "moelora: A, B and router do not fit the layer");
    int64_t t = x->shape[0], r = plug->a.shape[0], n_experts = plug->router.shape[0];
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    moelora_saved saved = {plug, mask, hg_ctx_scratch(ctx, t * r),
                           hg_ctx_tensor(ctx, 2, (int64_t[]){t, n_experts}, false)};
    hg_tensor *h = hg_ctx_tensor(ctx, 2, (int64_t[]){t, r / n_experts}, false);
    if (hg_ctx_failed(ctx))
        return NULL;
    const hg_narrow part = {&plug->router, hg_tensor_real(saved.gate)};
    hg_narrow_forward(ctx, x, &part, 1);
    hg_adapter_softmax(ctx, saved.gate);
    for (int64_t j = 0; j < n_experts; j++)
        moelora_forward_expert(ctx, &saved, x, j, h, y);
    if (ctx->tape == NULL) {
        hg_arena_reset(ctx->arena, mark);
        return y;
    }
    hg_adapter_ensure_grad(ctx, y, x, plug);
    void *kept = hg_tape_save(ctx, &saved, sizeof saved);
    hg_tape_push(ctx, &hg_op_moelora_entry, y, (hg_tensor *[]){y, x}, 2, kept);
    return hg_ctx_failed(ctx) ? NULL : y;
}
