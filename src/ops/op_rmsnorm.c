/* SPDX-License-Identifier: Apache-2.0
 *
 * op_rmsnorm.c: y = x · r · g with r = 1 / sqrt(mean(x²) + eps), row by row.
 *
 * Shapes: x (T, C), g (C), y (T, C).
 * Gradient, per row, with u = dy · g: dx += r u - x r³ mean(u x); dg += dy x r.
 */
#include "base/parallel.h"
#include "ops/ops.h"
#include "ops/registry.h"

typedef struct rmsnorm_job {
    const hg_kernels *kernels;
    const hg_tensor *x, *gain, *y;
    hg_real eps;
} rmsnorm_job;

static void rmsnorm_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const rmsnorm_job *job = arg;
    job->kernels->rmsnorm(job->x->shape[1], job->eps, hg_tensor_real(job->x) + t * job->x->stride[0],
                          hg_tensor_real(job->gain), hg_tensor_real(job->y) + t * job->y->stride[0]);
}

static void rmsnorm_backward(hg_ctx *ctx, const hg_record *record)
{
    (void)ctx;
    const hg_tensor *x = record->in[0], *gain = record->in[1];
    const hg_real *g = hg_tensor_real(gain);
    hg_real eps = *(const hg_real *)record->saved;
    int64_t n = x->shape[1];
    for (int64_t t = 0; t < x->shape[0]; t++) {
        const hg_real *row = hg_tensor_real(x) + t * x->stride[0];
        const hg_real *dy = record->out->grad + t * n;
        double squares = 0, dot = 0;
        for (int64_t i = 0; i < n; i++) {
            squares += (double)row[i] * row[i];
            dot += (double)dy[i] * g[i] * row[i];
        }
        double r = 1 / sqrt(squares / (double)n + eps);
        double shared = r * r * r * dot / (double)n;
        for (int64_t i = 0; x->grad != NULL && i < n; i++)
            x->grad[t * x->stride[0] + i] += (hg_real)(r * dy[i] * g[i] - shared * row[i]);
        for (int64_t i = 0; gain->grad != NULL && i < n; i++)
            gain->grad[i] += (hg_real)(dy[i] * row[i] * r);
    }
}

const hg_op hg_op_rmsnorm_entry = {"rmsnorm", rmsnorm_backward};

hg_tensor *hg_op_rmsnorm(hg_ctx *ctx, hg_tensor *x, hg_tensor *gain, hg_real eps)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (x->n_dims != 2 || gain->shape[0] != x->shape[1])
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "rmsnorm: the gain does not fit the input");
    hg_tensor *y = hg_ctx_tensor(ctx, 2, x->shape, hg_ctx_wants_grad(ctx, x) || hg_ctx_wants_grad(ctx, gain));
    if (y == NULL)
        return NULL;
    rmsnorm_job job = {ctx->kernels, x, gain, y, eps};
    hg_parallel_for(hg_ctx_threads(ctx, 2 * hg_tensor_count(x)), x->shape[0], rmsnorm_row, &job);
    void *saved = hg_tape_save(ctx, &eps, sizeof eps);
    hg_tape_push(ctx, &hg_op_rmsnorm_entry, y, (hg_tensor *[]){x, gain}, 2, saved);
    return hg_ctx_failed(ctx) ? NULL : y;
}
