/* SPDX-License-Identifier: Apache-2.0
 *
 * matmul_bf16.c: the gradient through a frozen weight in bf16: dy is rounded once, the weight a block of
 * columns at a time, sums are float32. A chunk is a block of dx's columns with all of the weight's rows, so
 * that each number of the weight is made once and dx is touched once.
 */
#include "ops/matmul.h"

#include "base/parallel.h"

#include <assert.h>

/* Columns of dx a chunk: whole blocks of every type. */
#define COLUMNS 256
static_assert(COLUMNS % HG_DTYPE_MAX_BLOCK == 0, "a chunk begins at a block");
/* Rows of dy that are rounded together. */
#define ROUND_ROWS 16

typedef struct bf16_job {
    const hg_kernels *kernels;
    int64_t t, n, k;
    const hg_real *dy;
    int64_t ld_dy;
    uint16_t *rounded; /* dy, (T, N) */
    const hg_tensor *w;
    uint16_t *scratch; /* N · COLUMNS for each worker */
    hg_real *dx;
    int64_t ld_dx;
} bf16_job;

static void round_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const bf16_job *job = arg;
    int64_t end = (index + 1) * ROUND_ROWS < job->t ? (index + 1) * ROUND_ROWS : job->t;
    for (int64_t i = index * ROUND_ROWS; i < end; i++)
        job->kernels->to_bf16(HG_DTYPE_REAL, job->n, job->dy + i * job->ld_dy, job->rounded + i * job->n);
}

/* Columns `begin` .. `begin` + count - 1 of all rows of the weight; *ld gets the elements between rows. */
static const uint16_t *weight_columns(const bf16_job *job, int worker, int64_t begin, int64_t count,
                                      int64_t *ld)
{
    const hg_tensor *w = job->w;
    uint16_t *to = job->scratch + worker * job->n * COLUMNS;
    hg_real piece[COLUMNS];
    *ld = w->dtype == HG_DTYPE_BF16 ? w->stride[0] : count;
    if (w->dtype == HG_DTYPE_BF16)
        return hg_tensor_at(w, begin);
    for (int64_t i = 0; i < job->n; i++) {
        const void *from = hg_tensor_at(w, i * w->stride[0] + begin);
        job->kernels->to_real(w->dtype, count, from, piece);
        job->kernels->to_bf16(HG_DTYPE_REAL, count, piece, to + i * count);
    }
    return to;
}

static void columns_chunk(void *arg, int64_t index, int worker)
{
    const bf16_job *job = arg;
    int64_t begin = index * COLUMNS, left = job->k - begin;
    hg_bf16_product s = {.m = job->t,
                         .n = left < COLUMNS ? left : COLUMNS,
                         .k = job->n,
                         .ldx = job->n,
                         .ldy = job->ld_dx,
                         .plain_w = true,
                         .end = HG_BF16_END_ADD};
    const uint16_t *w = weight_columns(job, worker, begin, s.n, &s.ldw);
    job->kernels->gemm_bf16(&s, job->rounded, w, NULL, job->dx + begin);
}

bool hg_matmul_wants_bf16(const hg_ctx *ctx, int64_t t, const hg_tensor *w)
{
    return hg_ctx_reduces(ctx) && ctx->kernels->fast_bf16 && t > 1 && w->grad == NULL &&
           w->dtype != HG_DTYPE_REAL;
}

void hg_matmul_backward_data_bf16(hg_ctx *ctx, int64_t t, const hg_real *dy, int64_t ld_dy,
                                  const hg_tensor *w, hg_real *dx, int64_t ld_dx)
{
    bf16_job job = {.kernels = ctx->kernels,
                    .t = t,
                    .n = w->shape[0],
                    .k = w->shape[1],
                    .dy = dy,
                    .ld_dy = ld_dy,
                    .w = w,
                    .dx = dx,
                    .ld_dx = ld_dx};
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    job.rounded = (uint16_t *)hg_ctx_scratch(ctx, (t * job.n + 1) / 2); /* two to a float */
    job.scratch = (uint16_t *)hg_ctx_scratch(ctx, ctx->n_threads * job.n * COLUMNS / 2);
    if (!hg_ctx_failed(ctx)) {
        hg_parallel_for(hg_ctx_threads(ctx, t * job.n), (t + ROUND_ROWS - 1) / ROUND_ROWS, round_chunk, &job);
        hg_parallel_for(hg_ctx_threads(ctx, t * job.n * job.k), (job.k + COLUMNS - 1) / COLUMNS,
                        columns_chunk, &job);
    }
    hg_arena_reset(ctx->arena, mark);
}
