/* SPDX-License-Identifier: Apache-2.0
 *
 * matmul.c: the gradients' products: gemm on blocks of weights, converted to activations first when they are
 * of another type. Block sizes are constants, so that results do not depend on the number of threads.
 */
#include "ops/matmul.h"

#include "base/parallel.h"

#include <assert.h>

/* Backward through weights: blocks of inputs (a chunk's result) and of outputs (converted together). Weights
 * are converted from whole blocks of their type. */
#define BACKWARD_BLOCK 256
/* Weight rows a chunk of their gradient. */
#define WEIGHTS_BLOCK 64
static_assert(BACKWARD_BLOCK % HG_DTYPE_MAX_BLOCK == 0, "a chunk begins at a block");

static const void *weight_at(const hg_tensor *w, int64_t row, int64_t column)
{
    return hg_tensor_at(w, row * w->stride[0] + column);
}

typedef struct matmul_job {
    hg_ctx *ctx;
    int64_t t, n, k;
    const hg_real *x;
    int64_t ld_x;
    const hg_tensor *w;
    hg_real *y;
    int64_t ld_y;
    hg_real *scratch; /* scratch_each for each worker */
    int64_t scratch_each;
} matmul_job;

static int64_t chunk_count(int64_t n, int64_t block)
{
    return (n + block - 1) / block;
}

static int64_t chunk_size(int64_t n, int64_t block, int64_t begin)
{
    return n - begin < block ? n - begin : block;
}

/* `rows` x `columns` of the weights from (row, column) on, as activations: in place when they are, else
 * converted into the worker's scratch. *ld gets the elements between rows. */
static const hg_real *weight_block(const matmul_job *job, int worker, int64_t row, int64_t rows,
                                   int64_t column, int64_t columns, int64_t *ld)
{
    const hg_tensor *w = job->w;
    if (w->dtype == HG_DTYPE_REAL) {
        *ld = w->stride[0];
        return weight_at(w, row, column);
    }
    hg_real *block = job->scratch + worker * job->scratch_each;
    for (int64_t i = 0; i < rows; i++)
        job->ctx->kernels->to_real(w->dtype, columns, weight_at(w, row + i, column), block + i * columns);
    *ld = columns;
    return block;
}

static bool job_take_scratch(matmul_job *job, int64_t each)
{
    job->scratch_each = each;
    if (job->w->dtype == HG_DTYPE_REAL)
        return true;
    job->scratch = hg_ctx_scratch(job->ctx, each * job->ctx->n_threads);
    return job->scratch != NULL;
}

static void backward_data_chunk(void *arg, int64_t index, int worker)
{
    const matmul_job *job = arg;
    int64_t begin = index * BACKWARD_BLOCK;
    int64_t count = chunk_size(job->k, BACKWARD_BLOCK, begin);
    for (int64_t row = 0; row < job->n; row += BACKWARD_BLOCK) {
        int64_t rows = chunk_size(job->n, BACKWARD_BLOCK, row);
        int64_t ld;
        const hg_real *w = weight_block(job, worker, row, rows, begin, count, &ld);
        hg_gemm_shape shape = {
            .m = job->t, .n = count, .k = rows, .lda = job->ld_x, .ldb = ld, .ldc = job->ld_y};
        job->ctx->kernels->gemm(&shape, job->x + row, w, 1, job->y + begin);
    }
}

void hg_matmul_backward_data(hg_ctx *ctx, int64_t t, const hg_real *dy, int64_t ld_dy, const hg_tensor *w,
                             hg_real *dx, int64_t ld_dx)
{
#ifndef HG_REAL_IS_DOUBLE
    if (hg_matmul_wants_turned(ctx, t, w)) {
        hg_matmul_backward_data_turned(ctx, t, dy, ld_dy, w, dx, ld_dx);
        return;
    }
    if (hg_matmul_wants_bf16(ctx, t, w)) {
        hg_matmul_backward_data_bf16(ctx, t, dy, ld_dy, w, dx, ld_dx);
        return;
    }
#endif
    matmul_job job = {.ctx = ctx,
                      .t = t,
                      .n = w->shape[0],
                      .k = w->shape[1],
                      .x = dy,
                      .ld_x = ld_dy,
                      .w = w,
                      .y = dx,
                      .ld_y = ld_dx};
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    if (job_take_scratch(&job, BACKWARD_BLOCK * BACKWARD_BLOCK))
        hg_parallel_for(hg_ctx_threads(ctx, job.t * job.n * job.k), chunk_count(job.k, BACKWARD_BLOCK),
                        backward_data_chunk, &job);
    hg_arena_reset(ctx->arena, mark);
}

typedef struct weights_job {
    const hg_kernels *kernels;
    int64_t t, n, k, ld_dy, ld_x;
    const hg_real *dy, *x;
    hg_real *dw;
} weights_job;

static void backward_weights_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const weights_job *job = arg;
    int64_t begin = index * WEIGHTS_BLOCK;
    hg_gemm_shape shape = {.trans_a = true,
                           .m = chunk_size(job->n, WEIGHTS_BLOCK, begin),
                           .n = job->k,
                           .k = job->t,
                           .lda = job->ld_dy,
                           .ldb = job->ld_x,
                           .ldc = job->k};
    job->kernels->gemm(&shape, job->dy + begin, job->x, 1, job->dw + begin * job->k);
}

void hg_matmul_backward_weights(hg_ctx *ctx, int64_t t, int64_t n, int64_t k, const hg_real *dy,
                                int64_t ld_dy, const hg_real *x, int64_t ld_x, hg_real *dw)
{
    weights_job job = {ctx->kernels, t, n, k, ld_dy, ld_x, dy, x, dw};
    hg_parallel_for(hg_ctx_threads(ctx, t * n * k), chunk_count(n, WEIGHTS_BLOCK), backward_weights_chunk,
                    &job);
}
