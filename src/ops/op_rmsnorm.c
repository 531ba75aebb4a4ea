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

/* Sums that run side by side, for the processor's vectors. */
#define LANES 8

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

/* One row's sums: r, and the factor that all of dx share, r³ mean(u x). */
static void rmsnorm_sums(const rmsnorm_job *job, int64_t t, hg_real *r, hg_real *shared)
{
    int64_t n = job->x->shape[1];
    const hg_real *g = hg_tensor_real(job->gain), *x = hg_tensor_real(job->x) + t * job->x->stride[0],
                  *dy = job->y->grad + t * n;
    double squares[LANES] = {0}, dots[LANES] = {0};
    int64_t whole = n - n % LANES;
    for (int64_t i = 0; i < whole; i += LANES) {
        for (int64_t j = 0; j < LANES; j++) {
            squares[j] += (double)x[i + j] * (double)x[i + j];
            dots[j] += (double)(dy[i + j] * g[i + j]) * (double)x[i + j];
        }
    }
    for (int64_t i = whole; i < n; i++) {
        squares[0] += (double)x[i] * (double)x[i];
        dots[0] += (double)(dy[i] * g[i]) * (double)x[i];
    }
    double square = 0, dot = 0;
    for (int64_t j = 0; j < LANES; j++) {
        square += squares[j];
        dot += dots[j];
    }
    double root = 1 / sqrt(square / (double)n + (double)job->eps);
    *r = (hg_real)root;
    *shared = (hg_real)(root * root * root * dot / (double)n);
}

static void rmsnorm_backward_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const rmsnorm_job *job = arg;
    int64_t n = job->x->shape[1];
    const hg_real *g = hg_tensor_real(job->gain), *x = hg_tensor_real(job->x) + t * job->x->stride[0],
                  *dy = job->y->grad + t * n;
    hg_real *dx = job->x->grad + t * job->x->stride[0], r, shared;
    rmsnorm_sums(job, t, &r, &shared);
    for (int64_t i = 0; i < n; i++)
        dx[i] += r * dy[i] * g[i] - shared * x[i];
}

/* The gain's gradient: a sum over rows, made by one thread. Only small models made from nothing learn it. */
static void rmsnorm_backward_gain(const rmsnorm_job *job)
{
    int64_t n = job->x->shape[1];
    for (int64_t t = 0; t < job->x->shape[0]; t++) {
        const hg_real *x = hg_tensor_real(job->x) + t * job->x->stride[0], *dy = job->y->grad + t * n;
        hg_real r, shared;
        rmsnorm_sums(job, t, &r, &shared);
        for (int64_t i = 0; i < n; i++)
            job->gain->grad[i] += dy[i] * x[i] * r;
    }
}

static void rmsnorm_backward(hg_ctx *ctx, const hg_record *record)
{
    const hg_tensor *x = record->in[0];
    rmsnorm_job job = {ctx->kernels, x, record->in[1], record->out, *(const hg_real *)record->saved};
    if (x->grad != NULL)
        hg_parallel_for(hg_ctx_threads(ctx, 4 * hg_tensor_count(x)), x->shape[0], rmsnorm_backward_row, &job);
    if (job.gain->grad != NULL)
        rmsnorm_backward_gain(&job);
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
