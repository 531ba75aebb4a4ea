/* SPDX-License-Identifier: Apache-2.0
 *
 * elementwise.c: chunks of a constant size over threads.
 */
#include "ops/elementwise.h"

#include "base/parallel.h"

#define CHUNK 16384

typedef struct elementwise_job {
    void (*fn)(int64_t n, const hg_real *x, hg_real *y);
    hg_real (*slope)(hg_real x);
    int64_t n;
    const hg_real *x, *dy;
    hg_real *y, *dx;
} elementwise_job;

static int64_t chunk_end(int64_t n, int64_t index)
{
    return n - index * CHUNK < CHUNK ? n : (index + 1) * CHUNK;
}

static void forward_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const elementwise_job *job = arg;
    int64_t begin = index * CHUNK;
    job->fn(chunk_end(job->n, index) - begin, job->x + begin, job->y + begin);
}

hg_tensor *hg_elementwise_forward(hg_ctx *ctx, const hg_op *op, hg_tensor *x,
                                  void (*fn)(int64_t n, const hg_real *x, hg_real *y))
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (!hg_tensor_is_contiguous(x))
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "%s: the input is not contiguous", op->name);
    hg_tensor *y = hg_ctx_tensor(ctx, x->n_dims, x->shape, hg_ctx_wants_grad(ctx, x));
    if (y == NULL)
        return NULL;
    elementwise_job job = {.fn = fn, .n = hg_tensor_count(x), .x = hg_tensor_real(x), .y = hg_tensor_real(y)};
    hg_parallel_for(hg_ctx_threads(ctx, 16 * job.n), (job.n + CHUNK - 1) / CHUNK, forward_chunk, &job);
    hg_tape_push(ctx, op, y, (hg_tensor *[]){x}, 1, NULL);
    return hg_ctx_failed(ctx) ? NULL : y;
}

static void backward_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const elementwise_job *job = arg;
    for (int64_t i = index * CHUNK; i < chunk_end(job->n, index); i++)
        job->dx[i] += job->dy[i] * job->slope(job->x[i]);
}

void hg_elementwise_backward(hg_ctx *ctx, const hg_record *record, hg_real (*slope)(hg_real x))
{
    const hg_tensor *x = record->in[0];
    elementwise_job job = {.slope = slope,
                           .n = hg_tensor_count(x),
                           .x = hg_tensor_real(x),
                           .dy = record->out->grad,
                           .dx = x->grad};
    hg_parallel_for(hg_ctx_threads(ctx, 16 * job.n), (job.n + CHUNK - 1) / CHUNK, backward_chunk, &job);
}
