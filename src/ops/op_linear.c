/* SPDX-License-Identifier: Apache-2.0
 *
 * op_linear.c: y = x wᵀ + b.
 *
 * Shapes: x (T, K), w (N, K), b (N), y (T, N).
 * Gradient: dx += dy w; dw += dyᵀ x; db += sum over T of dy.
 */
#include "ops/matmul.h"
#include "ops/ops.h"
#include "ops/registry.h"

static void add_rows(const hg_real *restrict rows, int64_t t, int64_t n, hg_real *restrict sum)
{
    for (int64_t i = 0; i < t; i++) {
        for (int64_t j = 0; j < n; j++)
            sum[j] += rows[i * n + j];
    }
}

static void linear_backward(hg_ctx *ctx, const hg_record *r)
{
    const hg_tensor *x = r->in[0], *w = r->in[1], *bias = r->in[2];
    int64_t t = x->shape[0], n = w->shape[0], k = w->shape[1];
    if (x->grad != NULL)
        hg_matmul_backward_data(ctx, t, r->out->grad, n, w, x->grad, x->stride[0]);
    if (w->grad != NULL)
        hg_matmul_backward_weights(ctx, t, n, k, r->out->grad, n, hg_tensor_real(x), x->stride[0], w->grad);
    if (bias != NULL && bias->grad != NULL)
        add_rows(r->out->grad, t, n, bias->grad);
}

const hg_op hg_op_linear_entry = {"linear", linear_backward};

hg_tensor *hg_op_linear(hg_ctx *ctx, hg_tensor *x, hg_tensor *w, hg_tensor *bias)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (x->n_dims != 2 || w->n_dims != 2 || x->shape[1] != w->shape[1] ||
        (bias != NULL && bias->shape[0] != w->shape[0])) {
        char xs[HG_TENSOR_SHAPE_TEXT], ws[HG_TENSOR_SHAPE_TEXT];
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "linear: input %s does not fit weight %s",
                           hg_tensor_format_shape(x, xs), hg_tensor_format_shape(w, ws));
    }
    bool grad = hg_ctx_wants_grad(ctx, x) || hg_ctx_wants_grad(ctx, w) || hg_ctx_wants_grad(ctx, bias);
    int64_t shape[2] = {x->shape[0], w->shape[0]};
    hg_tensor *y = hg_ctx_tensor(ctx, 2, shape, grad);
    if (y == NULL)
        return NULL;
    hg_real *rows = hg_tensor_real(y);
    for (int64_t i = 0; bias != NULL && i < shape[0]; i++)
        memcpy(rows + i * shape[1], hg_tensor_real(bias), (size_t)shape[1] * sizeof *rows);
    hg_matmul_forward(ctx, x, w, bias != NULL, y);
    hg_tape_push(ctx, &hg_op_linear_entry, y, (hg_tensor *[]){x, w, bias}, 3, NULL);
    return hg_ctx_failed(ctx) ? NULL : y;
}
