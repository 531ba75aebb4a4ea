/* SPDX-License-Identifier: Apache-2.0
 *
 * adapter.c: the switch between the kinds of adapter, and their common parts.
 */
#include "ops/adapter.h"

const char *hg_adapter_kind_name(hg_adapter_kind kind)
{
    static const char *const names[] = {
        [HG_ADAPTER_HLORA] = "hlora", [HG_ADAPTER_LORA] = "lora", [HG_ADAPTER_MOELORA] = "moelora"};
    return names[kind];
}

hg_tensor *hg_op_adapter(hg_ctx *ctx, hg_adapter_kind kind, hg_tensor *y, hg_tensor *x, hg_hlora *plug,
                         const hg_real *mask)
{
    switch (kind) {
    case HG_ADAPTER_LORA:
        return hg_op_lora(ctx, y, x, plug, mask);
    case HG_ADAPTER_MOELORA:
        return hg_op_moelora(ctx, y, x, plug, mask);
    default:
        return hg_op_hlora(ctx, y, x, plug, mask);
    }
}

void hg_adapter_ensure_grad(hg_ctx *ctx, hg_tensor *y, const hg_tensor *x, const hg_hlora *p)
{
    bool wanted = hg_ctx_wants_grad(ctx, x) || hg_ctx_wants_grad(ctx, &p->a) ||
                  hg_ctx_wants_grad(ctx, &p->b) || hg_ctx_wants_grad(ctx, &p->router);
    if (!wanted || y->grad != NULL)
        return;
    y->grad = hg_tape_take_grad(ctx, hg_tensor_count(y));
}

void hg_adapter_scale(int64_t n, hg_real scale, const hg_real *mask, hg_real *a)
{
    for (int64_t i = 0; i < n; i++)
        a[i] *= scale * (mask != NULL ? mask[i] : 1);
}

void hg_adapter_softmax(hg_ctx *ctx, const hg_tensor *gate)
{
    int64_t e = gate->shape[1];
    for (int64_t t = 0; t < gate->shape[0]; t++)
        ctx->kernels->softmax(e, 1, hg_tensor_real(gate) + t * e);
}

void hg_adapter_softmax_backward(const hg_tensor *gate, hg_real *dw)
{
    int64_t e = gate->shape[1];
    const hg_real *w = hg_tensor_real(gate);
    for (int64_t t = 0; t < gate->shape[0]; t++, w += e, dw += e) {
        hg_real mean = 0; /* <w, dw> */
        for (int64_t j = 0; j < e; j++)
            mean += w[j] * dw[j];
        for (int64_t j = 0; j < e; j++)
            dw[j] = w[j] * (dw[j] - mean);
    }
}
