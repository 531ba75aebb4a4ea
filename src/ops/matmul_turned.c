/* SPDX-License-Identifier: Apache-2.0
 *
 * matmul_turned.c: the gradient through a frozen block-quantised weight in 8 bits (kernels/turned.h). dy is
 * rounded once, in blocks of columns that lie together, so that what a chunk reads again and again stays in a
 * cache. A chunk is a block of dx's columns with all of the weight's rows: each number of the weight is made
 * once.
 */
#include "ops/matmul.h"

#include "base/parallel.h"

#include <assert.h>

static_assert(HG_TURNED_COLUMNS % HG_DTYPE_MAX_BLOCK == 0, "a chunk begins at a block");
static_assert(HG_TURNED_ROWS % HG_ROUNDED_RUN == 0, "a block of rows begins at a run");
/* Rows of dy that are rounded together. */
#define ROUND_ROWS 16

typedef struct turned_job {
    const hg_kernels *kernels;
    int64_t t, n, k;
    const hg_real *dy;
    int64_t ld_dy;
    int64_t n_blocks;
    hg_rounded *blocks; /* (T, HG_TURNED_ROWS) each, the last perhaps narrower */
    const hg_tensor *w;
    uint8_t *scratch; /* scratch_each bytes for each worker */
    size_t scratch_each;
    hg_real *dx;
    int64_t ld_dx;
} turned_job;

static size_t aligned(size_t bytes)
{
    return (bytes + HG_ARENA_ALIGNMENT - 1) / HG_ARENA_ALIGNMENT * HG_ARENA_ALIGNMENT;
}

static void round_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const turned_job *job = arg;
    int64_t end = (index + 1) * ROUND_ROWS < job->t ? (index + 1) * ROUND_ROWS : job->t;
    for (int64_t i = index * ROUND_ROWS; i < end; i++) {
        for (int64_t b = 0; b < job->n_blocks; b++)
            job->kernels->round(job->dy + i * job->ld_dy + b * HG_TURNED_ROWS, &job->blocks[b], i);
    }
}

static void columns_chunk(void *arg, int64_t index, int worker)
{
    const turned_job *job = arg;
    const hg_tensor *w = job->w;
    int64_t begin = index * HG_TURNED_COLUMNS, left = job->k - begin;
    int64_t count = left < HG_TURNED_COLUMNS ? left : HG_TURNED_COLUMNS;
    for (int64_t b = 0; b < job->n_blocks; b++)
        job->kernels->gemm_turned(w->dtype, count, hg_tensor_at(w, b * HG_TURNED_ROWS * w->stride[0] + begin),
                                  w->stride[0], &job->blocks[b], job->dx + begin, job->ld_dx,
                                  job->scratch + (size_t)worker * job->scratch_each);
}

/* Memory for dy rounded and for each worker. */
static bool turned_take_memory(hg_ctx *ctx, turned_job *job)
{
    size_t bytes = aligned((size_t)job->n_blocks * sizeof *job->blocks);
    job->scratch_each = aligned(hg_turned_scratch(job->t));
    size_t block_bytes = aligned(hg_rounded_bytes(job->t, HG_TURNED_ROWS));
    uint8_t *memory = hg_arena_alloc(ctx->arena, bytes + (size_t)job->n_blocks * block_bytes +
                                                     (size_t)ctx->n_threads * job->scratch_each);
    if (memory == NULL) {
        hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (scratch of a gradient)");
        return false;
    }
    job->blocks = (hg_rounded *)(void *)memory;
    memory += bytes;
    for (int64_t b = 0; b < job->n_blocks; b++, memory += block_bytes) {
        int64_t left = job->n - b * HG_TURNED_ROWS;
        job->blocks[b] = hg_rounded_make(job->t, left < HG_TURNED_ROWS ? left : HG_TURNED_ROWS, memory);
    }
    job->scratch = memory;
    return true;
}

bool hg_matmul_wants_turned(const hg_ctx *ctx, int64_t t, const hg_tensor *w)
{
    return ctx->compute == HG_COMPUTE_INT8 && ctx->kernels->turns && t > 1 && w->grad == NULL &&
           hg_dtype_is_quantised(w->dtype) && w->shape[0] % HG_ROUNDED_RUN == 0;
}

void hg_matmul_backward_data_turned(hg_ctx *ctx, int64_t t, const hg_real *dy, int64_t ld_dy,
                                    const hg_tensor *w, hg_real *dx, int64_t ld_dx)
{
    turned_job job = {.kernels = ctx->kernels,
                      .t = t,
                      .n = w->shape[0],
                      .k = w->shape[1],
                      .dy = dy,
                      .ld_dy = ld_dy,
                      .w = w,
                      .dx = dx,
                      .ld_dx = ld_dx};
    job.n_blocks = (job.n + HG_TURNED_ROWS - 1) / HG_TURNED_ROWS;
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    if (turned_take_memory(ctx, &job)) {
        hg_parallel_for(hg_ctx_threads(ctx, 4 * t * job.n), (t + ROUND_ROWS - 1) / ROUND_ROWS, round_chunk,
                        &job);
        hg_parallel_for(hg_ctx_threads(ctx, t * job.n * job.k),
                        (job.k + HG_TURNED_COLUMNS - 1) / HG_TURNED_COLUMNS, columns_chunk, &job);
    }
    hg_arena_reset(ctx->arena, mark);
}
