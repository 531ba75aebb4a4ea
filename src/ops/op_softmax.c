/* SPDX-License-Identifier: Apache-2.0
 *
 * op_softmax.c: y = softmax(scale · x), row by row.
 *
 * Shapes: x and y (T, C) contiguous.
 * Gradient: dx += scale y (dy - y · dy).
 */
#include "base/parallel.h"
#include "ops/ops.h"
#include "ops/registry.h"

typedef struct softmax_job {
    const hg_kernels *kernels;
    hg_real scale;
    const hg_tensor *x, *y;
} softmax_job;

static void softmax_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const softmax_job *job = arg;
    int64_t c = job->y->shape[1];
    hg_real *y = hg_tensor_real(job->y) + t * c;
    memcpy(y, hg_tensor_real(job->x) + t * c, (size_t)c * sizeof *y);
    job->kernels->softmax(c, job->scale, y);
}

static void softmax_backward_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const softmax_job *job = arg;
    int64_t c = job->y->shape[1];
    const hg_real *y = hg_tensor_real(job->y) + t * c, *dy = job->y->grad + t * c;
    hg_real *dx = job->x->grad + t * c;
    double dot = 0;
    for (int64_t i = 0; i < c; i++)
        dot += (double)y[i] * (double)dy[i];
    for (int64_t i = 0; i < c; i++)
        dx[i] += job->scale * y[i] * (dy[i] - (hg_real)dot);
}

static void softmax_backward(hg_ctx *ctx, const hg_record *record)
{
    softmax_job job = {ctx->kernels, *(const hg_real *)record->saved, record->in[0], record->out};
    hg_parallel_for(hg_ctx_threads(ctx, 16 * hg_tensor_count(job.y)), job.y->shape[0], softmax_backward_row,
                    &job);
}

const hg_op hg_op_softmax_entry = {"softmax", softmax_backward};

hg_tensor *hg_op_softmax(hg_ctx *ctx, hg_tensor *x, hg_real scale)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (x->n_dims != 2 || !hg_tensor_is_contiguous(x))
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "softmax: the input is no contiguous matrix");
    hg_tensor *y = hg_ctx_tensor(ctx, 2, x->shape, hg_ctx_wants_grad(ctx, x));
    if (y == NULL)
        return NULL;
    softmax_job job = {ctx->kernels, scale, x, y};
    hg_parallel_for(hg_ctx_threads(ctx, 16 * hg_tensor_count(x)), x->shape[0], softmax_row, &job);
    void *saved = hg_tape_save(ctx, &scale, sizeof scale);
    hg_tape_push(ctx, &hg_op_softmax_entry, y, (hg_tensor *[]){x}, 1, saved);
    return hg_ctx_failed(ctx) ? NULL : y;
}
