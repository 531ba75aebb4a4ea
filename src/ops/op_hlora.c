/* SPDX-License-Identifier: Apache-2.0
 *
 * op_hlora.c: y += B (e · m · s A x), where e spreads w = softmax(R x) over the rank rows: expert j owns rows
 * j·R/E .. (j+1)·R/E - 1. All experts take part for every token; only the choice of the plug-in is hard.
 *
 * Shapes: x (T, K), A (R, K), B (N, R), router (E, K), mask m (T, R), y (T, N). The scale s is alpha / (R /
 * E). Gradient, with a = m s A x, h = e a, and upstream g = dy (which passes to the base layer unchanged, y
 * being updated in place): dB += gᵀ h;  dh = g B;  da = e dh;  de = a dh;  dw_j = sum of de over expert j's
 * rows; dz = w (dw - <w, dw>);  dR += dzᵀ x;  du = s m da;  dA += duᵀ x;  dx += du A + dz R.
 */
#include "ops/adapter.h"
#include "ops/matmul.h"
#include "ops/narrow.h"
#include "ops/registry.h"

typedef struct hlora_saved {
    hg_hlora *plug;
    const hg_real *mask; /* (T, R) or NULL */
    hg_tensor *rank;     /* a, (T, R): masked and scaled, before the gate */
    hg_tensor *gate;     /* w, (T, E) */
} hlora_saved;

void hg_adapter_gate_row(int64_t r, int64_t n_experts, const hg_real *a, const hg_real *w, hg_real *h)
{
    const int64_t each = r / n_experts;
    for (int64_t j = 0; j < n_experts; j++, a += each, h += each) {
        for (int64_t i = 0; i < each; i++)
            h[i] = w[j] * a[i];
    }
}

static void hlora_apply_gate(const hg_tensor *rank, const hg_tensor *gate, hg_real *h)
{
    const int64_t r = rank->shape[1], n_experts = gate->shape[1];
    for (int64_t t = 0; t < rank->shape[0]; t++)
        hg_adapter_gate_row(r, n_experts, hg_tensor_real(rank) + t * r, hg_tensor_real(gate) + t * n_experts,
                            h + t * r);
}

/* From dh (in place) to du; dz gets the gradient of the router's logits. */
static void hlora_backward_gate(const hlora_saved *s, hg_real *dh, hg_real *dz)
{
    int64_t r = s->rank->shape[1], n_experts = s->gate->shape[1], each = r / n_experts;
    for (int64_t t = 0; t < s->rank->shape[0]; t++) {
        const hg_real *a = hg_tensor_real(s->rank) + t * r, *w = hg_tensor_real(s->gate) + t * n_experts;
        hg_real *d = dh + t * r, *z = dz + t * n_experts;
        for (int64_t j = 0; j < n_experts; j++) {
            hg_real sum = 0;
            for (int64_t i = j * each; i < (j + 1) * each; i++) {
                sum += a[i] * d[i];
                d[i] *= w[j];
            }
            z[j] = sum;
        }
    }
    hg_adapter_softmax_backward(s->gate, dz);
    hg_adapter_scale(s->rank->shape[0] * r, s->plug->scale, s->mask, dh);
}

static void hlora_backward(hg_ctx *ctx, const hg_record *record)
{
    const hlora_saved *s = record->saved;
    const hg_tensor *x = record->in[1];
    hg_hlora *plug = s->plug;
    int64_t t = x->shape[0], n = plug->b.shape[0], r = plug->a.shape[0], e = plug->router.shape[0];
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_real *h = hg_ctx_scratch(ctx, t * r), *dh = hg_ctx_scratch(ctx, t * r),
            *dz = hg_ctx_scratch(ctx, t * e);
    if (hg_ctx_failed(ctx))
        return;
    const hg_real *g = record->out->grad;
    hlora_apply_gate(s->rank, s->gate, h);
    if (plug->b.grad != NULL)
        hg_matmul_backward_weights(ctx, t, n, r, g, n, h, r, plug->b.grad);
    hg_narrow_backward_wide(ctx, t, g, &plug->b, dh);
    hlora_backward_gate(s, dh, dz);
    const hg_narrow parts[2] = {{&plug->a, dh}, {&plug->router, dz}};
    hg_narrow_backward_weights(ctx, x, parts, 2);
    if (x->grad != NULL)
        hg_narrow_backward_data(ctx, t, parts, 2, x->grad, x->stride[0]);
    hg_arena_reset(ctx->arena, mark);
}

const hg_op hg_op_hlora_entry = {"hlora", hlora_backward};

bool hg_hlora_fits(const hg_tensor *y, const hg_tensor *x, const hg_hlora *p)
{
    int64_t r = p->a.shape[0], k = p->a.shape[1];
    return x->n_dims == 2 && y->n_dims == 2 && hg_tensor_is_contiguous(y) && x->shape[0] == y->shape[0] &&
           x->shape[1] == k && p->router.shape[1] == k && p->b.shape[1] == r &&
           p->b.shape[0] == y->shape[1] && p->router.shape[0] > 0 && r % p->router.shape[0] == 0;
}

hg_tensor *hg_op_hlora(hg_ctx *ctx, hg_tensor *y, hg_tensor *x, hg_hlora *plug, const hg_real *mask)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (!hg_hlora_fits(y, x, plug))
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "hlora: A, B and router do not fit the layer");
    int64_t t = x->shape[0], r = plug->a.shape[0], e = plug->router.shape[0];
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_tensor *rank = hg_ctx_tensor(ctx, 2, (int64_t[]){t, r}, false);
    hg_tensor *gate = hg_ctx_tensor(ctx, 2, (int64_t[]){t, e}, false);
    hg_tensor *h = hg_ctx_tensor(ctx, 2, (int64_t[]){t, r}, false);
    if (hg_ctx_failed(ctx))
        return NULL;
    const hg_narrow parts[2] = {{&plug->a, hg_tensor_real(rank)}, {&plug->router, hg_tensor_real(gate)}};
    hg_narrow_forward(ctx, x, parts, 2);
    hg_adapter_softmax(ctx, gate);
    hg_adapter_scale(t * r, plug->scale, mask, hg_tensor_real(rank));
    hlora_apply_gate(rank, gate, hg_tensor_real(h));
    hg_matmul_forward(ctx, h, &plug->b, true, y);
    if (ctx->tape == NULL) {
        hg_arena_reset(ctx->arena, mark);
        return y;
    }
    hg_adapter_ensure_grad(ctx, y, x, plug);
    hlora_saved saved = {plug, mask, rank, gate};
    void *kept = hg_tape_save(ctx, &saved, sizeof saved);
    hg_tape_push(ctx, &hg_op_hlora_entry, y, (hg_tensor *[]){y, x}, 2, kept);
    return hg_ctx_failed(ctx) ? NULL : y;
}
