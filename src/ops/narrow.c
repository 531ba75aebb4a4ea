/* SPDX-License-Identifier: Apache-2.0
 *
 * narrow.c: one gemm per part and block; blocks are constants, so that results do not depend on the number of
 * threads. Weights of other types are converted as a whole first: they are small beside the activations.
 */
#include "ops/narrow.h"

#include "base/parallel.h"
#include "ops/matmul.h"

#include <assert.h>

/* Tokens a chunk: 128 rows of 3,072 floats are 1.5 MiB, which stays in a second-level cache. */
#define TOKEN_BLOCK 128
/* Inputs a chunk of a weight's gradient. */
#define INPUT_BLOCK 256
/* Rows of a weight converted together. */
#define CONVERT_BLOCK 32
/* Up to this many rows the plain product reads the weights as they are stored. */
#define FEW_ROWS 4

typedef struct narrow_job {
    const hg_kernels *kernels;
    int64_t t, k;
    const hg_real *x; /* x, or the wide gradient */
    int64_t ld_x;
    hg_real *dx;
    const hg_narrow *parts;
    int n_parts;
    const hg_real *w[HG_NARROW_MAX]; /* as activations */
    int64_t ld_w[HG_NARROW_MAX];
} narrow_job;

static int64_t narrow_size(int64_t n, int64_t block, int64_t begin)
{
    return n - begin < block ? n - begin : block;
}

/* Runs fn over n in blocks. */
static void narrow_run(hg_ctx *ctx, narrow_job *job, int64_t n, int64_t block, hg_parallel_fn fn)
{
    int64_t width = 0;
    for (int i = 0; i < job->n_parts; i++)
        width += job->parts[i].w->shape[0];
    hg_parallel_for(hg_ctx_threads(ctx, job->t * job->k * width), (n + block - 1) / block, fn, job);
}

typedef struct narrow_convert {
    const hg_kernels *kernels;
    const hg_tensor *w;
    hg_real *to; /* contiguous */
} narrow_convert;

static void narrow_convert_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const narrow_convert *job = arg;
    int64_t k = job->w->shape[1], begin = index * CONVERT_BLOCK;
    int64_t end = begin + narrow_size(job->w->shape[0], CONVERT_BLOCK, begin);
    for (int64_t i = begin; i < end; i++)
        job->kernels->to_real(job->w->dtype, k, hg_tensor_at(job->w, i * job->w->stride[0]), job->to + i * k);
}

/* The weight as activations; *ld gets the elements between rows. NULL on failure. */
static const hg_real *narrow_real(hg_ctx *ctx, const hg_tensor *w, int64_t *ld)
{
    if (w->dtype == HG_DTYPE_REAL) {
        *ld = w->stride[0];
        return hg_tensor_real(w);
    }
    int64_t n = w->shape[0], k = w->shape[1];
    hg_real *all = hg_ctx_scratch(ctx, n * k);
    narrow_convert job = {ctx->kernels, w, all};
    if (all != NULL)
        hg_parallel_for(hg_ctx_threads(ctx, n * k), (n + CONVERT_BLOCK - 1) / CONVERT_BLOCK,
                        narrow_convert_chunk, &job);
    *ld = k;
    return all;
}

static bool narrow_take_weights(hg_ctx *ctx, narrow_job *job)
{
    assert(job->n_parts <= HG_NARROW_MAX);
    for (int i = 0; i < job->n_parts; i++)
        job->w[i] = narrow_real(ctx, job->parts[i].w, &job->ld_w[i]);
    return !hg_ctx_failed(ctx);
}

static void narrow_forward_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const narrow_job *job = arg;
    int64_t begin = index * TOKEN_BLOCK, count = narrow_size(job->t, TOKEN_BLOCK, begin);
    for (int i = 0; i < job->n_parts; i++) {
        int64_t n = job->parts[i].w->shape[0];
        hg_gemm_shape shape = {.trans_b = true,
                               .m = count,
                               .n = n,
                               .k = job->k,
                               .lda = job->ld_x,
                               .ldb = job->ld_w[i],
                               .ldc = n};
        job->kernels->gemm(&shape, job->x + begin * job->ld_x, job->w[i], 0, job->parts[i].y + begin * n);
    }
}

void hg_narrow_forward(hg_ctx *ctx, const hg_tensor *x, const hg_narrow *parts, int n_parts)
{
    int64_t t = x->shape[0];
    if (t <= FEW_ROWS) {
        for (int i = 0; i < n_parts; i++) {
            hg_tensor y = hg_tensor_make(HG_DTYPE_REAL, 2, (int64_t[]){t, parts[i].w->shape[0]}, parts[i].y);
            hg_matmul_forward(ctx, x, parts[i].w, false, &y);
        }
        return;
    }
    narrow_job job = {.kernels = ctx->kernels,
                      .t = t,
                      .k = x->shape[1],
                      .x = hg_tensor_real(x),
                      .ld_x = x->stride[0],
                      .parts = parts,
                      .n_parts = n_parts};
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    if (narrow_take_weights(ctx, &job))
        narrow_run(ctx, &job, t, TOKEN_BLOCK, narrow_forward_chunk);
    hg_arena_reset(ctx->arena, mark);
}

static void narrow_data_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const narrow_job *job = arg;
    int64_t begin = index * TOKEN_BLOCK, count = narrow_size(job->t, TOKEN_BLOCK, begin);
    for (int i = 0; i < job->n_parts; i++) {
        int64_t n = job->parts[i].w->shape[0];
        hg_gemm_shape shape = {
            .m = count, .n = job->k, .k = n, .lda = n, .ldb = job->ld_w[i], .ldc = job->ld_x};
        job->kernels->gemm(&shape, job->parts[i].y + begin * n, job->w[i], 1, job->dx + begin * job->ld_x);
    }
}

void hg_narrow_backward_data(hg_ctx *ctx, int64_t t, const hg_narrow *parts, int n_parts, hg_real *dx,
                             int64_t ld_dx)
{
    narrow_job job = {.kernels = ctx->kernels,
                      .t = t,
                      .k = parts[0].w->shape[1],
                      .dx = dx,
                      .ld_x = ld_dx,
                      .parts = parts,
                      .n_parts = n_parts};
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    if (narrow_take_weights(ctx, &job))
        narrow_run(ctx, &job, t, TOKEN_BLOCK, narrow_data_chunk);
    hg_arena_reset(ctx->arena, mark);
}

static void narrow_weights_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const narrow_job *job = arg;
    int64_t begin = index * INPUT_BLOCK;
    for (int i = 0; i < job->n_parts; i++) {
        const hg_tensor *w = job->parts[i].w;
        if (w->grad == NULL)
            continue;
        hg_gemm_shape shape = {.trans_a = true,
                               .m = w->shape[0],
                               .n = narrow_size(job->k, INPUT_BLOCK, begin),
                               .k = job->t,
                               .lda = w->shape[0],
                               .ldb = job->ld_x,
                               .ldc = w->stride[0]};
        job->kernels->gemm(&shape, job->parts[i].y, job->x + begin, 1, w->grad + begin);
    }
}

void hg_narrow_backward_weights(hg_ctx *ctx, const hg_tensor *x, const hg_narrow *parts, int n_parts)
{
    narrow_job job = {.kernels = ctx->kernels,
                      .t = x->shape[0],
                      .k = x->shape[1],
                      .x = hg_tensor_real(x),
                      .ld_x = x->stride[0],
                      .parts = parts,
                      .n_parts = n_parts};
    narrow_run(ctx, &job, job.k, INPUT_BLOCK, narrow_weights_chunk);
}

static void narrow_wide_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const narrow_job *job = arg;
    int64_t begin = index * TOKEN_BLOCK, r = job->parts[0].w->shape[1];
    hg_gemm_shape shape = {.m = narrow_size(job->t, TOKEN_BLOCK, begin),
                           .n = r,
                           .k = job->k,
                           .lda = job->ld_x,
                           .ldb = job->ld_w[0],
                           .ldc = r};
    job->kernels->gemm(&shape, job->x + begin * job->ld_x, job->w[0], 0, job->parts[0].y + begin * r);
}

void hg_narrow_backward_wide(hg_ctx *ctx, int64_t t, const hg_real *g, const hg_tensor *b, hg_real *y)
{
    int64_t n = b->shape[0];
    hg_tensor w = *b;
    const hg_narrow part = {&w, y};
    narrow_job job = {
        .kernels = ctx->kernels, .t = t, .k = n, .x = g, .ld_x = n, .parts = &part, .n_parts = 1};
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    if (narrow_take_weights(ctx, &job))
        hg_parallel_for(hg_ctx_threads(ctx, t * n * b->shape[1]), (t + TOKEN_BLOCK - 1) / TOKEN_BLOCK,
                        narrow_wide_chunk, &job);
    hg_arena_reset(ctx->arena, mark);
}
