/* SPDX-License-Identifier: Apache-2.0
 *
 * op_layernorm.c: y = n · g + b with n = (x - mean) r and r = 1 / sqrt(variance + eps), row by row; biased
 * variance.
 *
 * Shapes: x (T, C), rows may be strided; g and b (C), y (T, C).
 * Gradient, per row, with u = dy · g: dx += r (u - mean(u) - n mean(u n)); dg += dy n; db += dy.
 */
#include "base/parallel.h"
#include "ops/ops.h"
#include "ops/registry.h"

typedef struct layernorm_job {
    const hg_kernels *kernels;
    const hg_tensor *x, *gain, *bias, *y;
    hg_real eps;
} layernorm_job;

static void layernorm_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const layernorm_job *job = arg;
    job->kernels->layernorm(job->x->shape[1], job->eps, hg_tensor_real(job->x) + t * job->x->stride[0],
                            hg_tensor_real(job->gain), hg_tensor_real(job->bias),
                            hg_tensor_real(job->y) + t * job->y->stride[0]);
}

static void layernorm_backward_row(const hg_record *record, double eps, int64_t t)
{
    const hg_tensor *x = record->in[0], *gain = record->in[1], *bias = record->in[2];
    int64_t n = x->shape[1];
    const hg_real *row = hg_tensor_real(x) + t * x->stride[0], *g = hg_tensor_real(gain);
    const hg_real *dy = record->out->grad + t * n;
    double mean = 0, variance = 0, mean_u = 0, mean_un = 0;
    for (int64_t i = 0; i < n; i++)
        mean += (double)row[i] / (double)n;
    for (int64_t i = 0; i < n; i++)
        variance += ((double)row[i] - mean) * ((double)row[i] - mean) / (double)n;
    double r = 1 / sqrt(variance + eps);
    for (int64_t i = 0; i < n; i++) {
        double u = (double)dy[i] * (double)g[i];
        mean_u += u / (double)n;
        mean_un += u * ((double)row[i] - mean) * r / (double)n;
    }
    for (int64_t i = 0; i < n; i++) {
        double norm = ((double)row[i] - mean) * r;
        if (x->grad != NULL)
            x->grad[t * x->stride[0] + i] +=
                (hg_real)(r * ((double)dy[i] * (double)g[i] - mean_u - norm * mean_un));
        if (gain->grad != NULL)
            gain->grad[i] += (hg_real)((double)dy[i] * norm);
        if (bias->grad != NULL)
            bias->grad[i] += dy[i];
    }
}

static void layernorm_backward(hg_ctx *ctx, const hg_record *record)
{
    (void)ctx;
    double eps = (double)*(const hg_real *)record->saved;
    for (int64_t t = 0; t < record->in[0]->shape[0]; t++)
        layernorm_backward_row(record, eps, t);
}

const hg_op hg_op_layernorm_entry = {"layernorm", layernorm_backward};

hg_tensor *hg_op_layernorm(hg_ctx *ctx, hg_tensor *x, hg_tensor *gain, hg_tensor *bias, hg_real eps)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (x->n_dims != 2 || gain->shape[0] != x->shape[1] || bias->shape[0] != x->shape[1])
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "layernorm: the gain or the bias does not fit the input");
    bool grad = hg_ctx_wants_grad(ctx, x) || hg_ctx_wants_grad(ctx, gain) || hg_ctx_wants_grad(ctx, bias);
    hg_tensor *y = hg_ctx_tensor(ctx, 2, x->shape, grad);
    if (y == NULL)
        return NULL;
    layernorm_job job = {ctx->kernels, x, gain, bias, y, eps};
    hg_parallel_for(hg_ctx_threads(ctx, 4 * hg_tensor_count(x)), x->shape[0], layernorm_row, &job);
    void *saved = hg_tape_save(ctx, &eps, sizeof eps);
    hg_tape_push(ctx, &hg_op_layernorm_entry, y, (hg_tensor *[]){x, gain, bias}, 3, saved);
    return hg_ctx_failed(ctx) ? NULL : y;
}
