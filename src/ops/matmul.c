/* SPDX-License-Identifier: Apache-2.0
 *
 * matmul.c: a few rows go through the matvec kernel, which reads each weight once, as it is stored; many rows
 * go through gemm on blocks of weight rows, converted to activations first when they are of another type.
 * Block sizes are constants, so that results do not depend on the number of threads.
 */
#include "ops/matmul.h"

#include "base/parallel.h"

#include <assert.h>

/* Up to this many activation rows the weights are not converted: reading them is what costs. */
#define MATVEC_MAX_ROWS 4
/* Weight rows a chunk; 64 rows of 3,072 floats are 768 KiB, which stays in a second-level cache. */
#define FORWARD_BLOCK 64
#define MATVEC_BLOCK 64
/* Backward through weights: blocks of inputs (a chunk's result) and of outputs (converted together). Weights
 * are converted from whole blocks of their type. */
#define BACKWARD_BLOCK 256
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
    hg_real beta;
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

static void matvec_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const matmul_job *job = arg;
    int64_t begin = index * MATVEC_BLOCK;
    int64_t count = chunk_size(job->n, MATVEC_BLOCK, begin);
    hg_real result[MATVEC_BLOCK];
    for (int64_t t = 0; t < job->t; t++) {
        job->ctx->kernels->matvec(job->w->dtype, count, job->k, weight_at(job->w, begin, 0),
                                  job->w->stride[0], job->x + t * job->ld_x, result);
        hg_real *y = job->y + t * job->ld_y + begin;
        for (int64_t i = 0; i < count; i++)
            y[i] = job->beta == 0 ? result[i] : result[i] + job->beta * y[i];
    }
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

static void forward_chunk(void *arg, int64_t index, int worker)
{
    const matmul_job *job = arg;
    int64_t begin = index * FORWARD_BLOCK;
    int64_t count = chunk_size(job->n, FORWARD_BLOCK, begin);
    int64_t ld;
    const hg_real *w = weight_block(job, worker, begin, count, 0, job->k, &ld);
    hg_gemm_shape shape = {
        .trans_b = true, .m = job->t, .n = count, .k = job->k, .lda = job->ld_x, .ldb = ld, .ldc = job->ld_y};
    job->ctx->kernels->gemm(&shape, job->x, w, job->beta, job->y + begin);
}

static bool job_take_scratch(matmul_job *job, int64_t each)
{
    job->scratch_each = each;
    if (job->w->dtype == HG_DTYPE_REAL)
        return true;
    job->scratch = hg_ctx_scratch(job->ctx, each * job->ctx->n_threads);
    return job->scratch != NULL;
}

void hg_matmul_forward(hg_ctx *ctx, const hg_tensor *x, const hg_tensor *w, hg_real beta, hg_tensor *y)
{
    matmul_job job = {.ctx = ctx,
                      .t = x->shape[0],
                      .n = w->shape[0],
                      .k = w->shape[1],
                      .x = hg_tensor_real(x),
                      .ld_x = x->stride[0],
                      .w = w,
                      .beta = beta,
                      .y = hg_tensor_real(y),
                      .ld_y = y->stride[0]};
    if (job.t <= MATVEC_MAX_ROWS) {
        hg_parallel_for(hg_ctx_threads(ctx, job.t * job.n * job.k), chunk_count(job.n, MATVEC_BLOCK),
                        matvec_chunk, &job);
        return;
    }
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    if (job_take_scratch(&job, FORWARD_BLOCK * job.k))
        hg_parallel_for(hg_ctx_threads(ctx, job.t * job.n * job.k), chunk_count(job.n, FORWARD_BLOCK),
                        forward_chunk, &job);
    hg_arena_reset(ctx->arena, mark);
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
    int64_t begin = index * FORWARD_BLOCK;
    hg_gemm_shape shape = {.trans_a = true,
                           .m = chunk_size(job->n, FORWARD_BLOCK, begin),
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
    hg_parallel_for(hg_ctx_threads(ctx, t * n * k), chunk_count(n, FORWARD_BLOCK), backward_weights_chunk,
                    &job);
}
