/* SPDX-License-Identifier: Apache-2.0
 *
 * op_spread.c: L = weight · sum over rows of sum p log(p C + 1e-10): how far rows of probabilities are from
 * all being equal (the divergence from the uniform distribution; Gumbel quantisers are held near it).
 *
 * Shapes: p (T, C) contiguous, rows of probabilities; L (1).
 * Gradient: dp += weight dL (log(p C + 1e-10) + p C / (p C + 1e-10)).
 */
#include "ops/ops.h"
#include "ops/registry.h"

#define SMALL 1e-10

static void spread_backward(hg_ctx *ctx, const hg_record *record)
{
    (void)ctx;
    const hg_tensor *p = record->in[0];
    double c = (double)p->shape[1], factor = (double)(*(const hg_real *)record->saved * record->out->grad[0]);
    for (int64_t i = 0; i < hg_tensor_count(p); i++) {
        double pc = c * (double)hg_tensor_real(p)[i];
        p->grad[i] += (hg_real)(factor * (log(pc + SMALL) + pc / (pc + SMALL)));
    }
}

const hg_op hg_op_spread_entry = {"spread", spread_backward};

hg_tensor *hg_op_spread(hg_ctx *ctx, hg_tensor *p, hg_real weight)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (p->n_dims != 2 || !hg_tensor_is_contiguous(p))
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "spread: the input is no contiguous matrix");
    hg_tensor *loss = hg_ctx_tensor(ctx, 1, (int64_t[]){1}, hg_ctx_wants_grad(ctx, p));
    if (loss == NULL)
        return NULL;
    double sum = 0, c = (double)p->shape[1];
    for (int64_t i = 0; i < hg_tensor_count(p); i++) {
        double value = (double)hg_tensor_real(p)[i];
        sum += value * log(value * c + SMALL);
    }
    hg_tensor_real(loss)[0] = (hg_real)((double)weight * sum);
    void *saved = hg_tape_save(ctx, &weight, sizeof weight);
    hg_tape_push(ctx, &hg_op_spread_entry, loss, (hg_tensor *[]){p}, 1, saved);
    return hg_ctx_failed(ctx) ? NULL : loss;
}
