/* SPDX-License-Identifier: Apache-2.0
 *
 * context.c: allocation of results and the sticky failure.
 */
#include "ops/context.h"

#include "base/checked.h"
#include "base/parallel.h"
#include "ops/tape.h"

void hg_ctx_init(hg_ctx *ctx, hg_arena *arena, const hg_kernels *kernels, int n_threads)
{
    *ctx = (hg_ctx){.arena = arena, .kernels = kernels, .n_threads = n_threads < 1 ? 1 : n_threads};
}

bool hg_ctx_failed(const hg_ctx *ctx)
{
    return ctx->error.code != HG_STATUS_OK;
}

hg_status hg_ctx_status(const hg_ctx *ctx, hg_error *err)
{
    if (hg_ctx_failed(ctx) && err != NULL)
        *err = ctx->error;
    return ctx->error.code;
}

hg_tensor *hg_ctx_fail(hg_ctx *ctx, hg_status code, const char *format, ...)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    va_list args;
    va_start(args, format);
    hg_error_set_list(&ctx->error, code, format, args);
    va_end(args);
    return NULL;
}

hg_real *hg_ctx_scratch(hg_ctx *ctx, int64_t n)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    size_t bytes;
    hg_real *p = NULL;
    if (n >= 0 && hg_checked_mul((size_t)n, sizeof *p, &bytes))
        p = hg_arena_alloc(ctx->arena, bytes);
    if (p == NULL)
        hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (%lld activations)", (long long)n);
    return p;
}

/* About 20 microseconds of work for one thread: several times what waking threads takes that wait for it. */
#define WORK_FOR_THREADS (1 << 18)

int hg_ctx_threads(const hg_ctx *ctx, int64_t work)
{
    return work < WORK_FOR_THREADS ? 1 : ctx->n_threads;
}

/* Activations zeroed in one go. */
#define ZERO_CHUNK ((int64_t)1 << 16)

typedef struct zero_job {
    hg_real *p;
    int64_t n;
} zero_job;

static void zero_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const zero_job *job = arg;
    int64_t begin = index * ZERO_CHUNK, left = job->n - begin;
    memset(job->p + begin, 0, (size_t)(left < ZERO_CHUNK ? left : ZERO_CHUNK) * sizeof *job->p);
}

void hg_ctx_zero(const hg_ctx *ctx, hg_real *p, int64_t n)
{
    zero_job job = {p, n};
    hg_parallel_for(hg_ctx_threads(ctx, n), (n + ZERO_CHUNK - 1) / ZERO_CHUNK, zero_chunk, &job);
}

hg_tensor *hg_ctx_view(hg_ctx *ctx, hg_tensor view)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    hg_tensor *t = hg_arena_alloc(ctx->arena, sizeof *t);
    if (t == NULL)
        return hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (a tensor)");
    *t = view;
    return t;
}

hg_tensor *hg_ctx_tensor(hg_ctx *ctx, int n_dims, const int64_t *shape, bool with_grad)
{
    hg_tensor *t = hg_ctx_view(ctx, hg_tensor_make(HG_DTYPE_REAL, n_dims, shape, NULL));
    if (t == NULL)
        return NULL;
    int64_t n = hg_tensor_count(t);
    t->data = hg_ctx_scratch(ctx, n);
    if (with_grad)
        t->grad = hg_tape_take_grad(ctx, n);
    return hg_ctx_failed(ctx) ? NULL : t;
}

bool hg_ctx_reduces(const hg_ctx *ctx)
{
    return ctx->compute == HG_COMPUTE_BF16 || ctx->compute == HG_COMPUTE_INT8;
}

bool hg_ctx_wants_grad(const hg_ctx *ctx, const hg_tensor *t)
{
    return ctx->tape != NULL && t != NULL && t->grad != NULL;
}
