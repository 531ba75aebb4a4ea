/* SPDX-License-Identifier: Apache-2.0
 *
 * op_add.c: y = a + b, element by element.
 *
 * Shapes: a, b and y the same, contiguous.
 * Gradient: da += dy; db += dy.
 */
#include "base/parallel.h"
#include "ops/ops.h"
#include "ops/registry.h"

#include <assert.h>

/* Elements a chunk. */
#define ADD_CHUNK 16384

typedef struct add_job {
    int64_t n;
    const hg_real *a, *b;
    hg_real *y;
} add_job;

static void add_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const add_job *job = arg;
    int64_t begin = index * ADD_CHUNK, end = job->n - begin < ADD_CHUNK ? job->n : begin + ADD_CHUNK;
    for (int64_t i = begin; i < end; i++)
        job->y[i] = job->a[i] + job->b[i];
}

static void add_run(hg_ctx *ctx, add_job *job)
{
    hg_parallel_for(hg_ctx_threads(ctx, job->n), (job->n + ADD_CHUNK - 1) / ADD_CHUNK, add_chunk, job);
}

static void add_backward(hg_ctx *ctx, const hg_record *record)
{
    for (int p = 0; p < 2; p++) {
        hg_real *d = record->in[p]->grad;
        add_job job = {hg_tensor_count(record->out), d, record->out->grad, d};
        if (d != NULL)
            add_run(ctx, &job);
    }
}

const hg_op hg_op_add_entry = {"add", add_backward};

/* Whether they can be added; else the context fails. */
static bool add_fits(hg_ctx *ctx, const hg_tensor *a, const hg_tensor *b)
{
    if (!hg_tensor_same_shape(a, b)) {
        char as[HG_TENSOR_SHAPE_TEXT], bs[HG_TENSOR_SHAPE_TEXT];
        hg_ctx_fail(ctx, HG_STATUS_INPUT, "add: %s and %s differ", hg_tensor_format_shape(a, as),
                    hg_tensor_format_shape(b, bs));
    } else if (!hg_tensor_is_contiguous(a) || !hg_tensor_is_contiguous(b)) {
        hg_ctx_fail(ctx, HG_STATUS_INPUT, "add: an input is not contiguous");
    }
    return !hg_ctx_failed(ctx);
}

hg_tensor *hg_op_add_to(hg_ctx *ctx, const hg_tensor *a, const hg_tensor *b, hg_tensor *y)
{
    assert(ctx->tape == NULL && hg_tensor_same_shape(a, y));
    if (!add_fits(ctx, a, b))
        return NULL;
    add_job job = {hg_tensor_count(y), hg_tensor_real(a), hg_tensor_real(b), hg_tensor_real(y)};
    add_run(ctx, &job);
    return y;
}

hg_tensor *hg_op_add(hg_ctx *ctx, hg_tensor *a, hg_tensor *b)
{
    if (hg_ctx_failed(ctx) || !add_fits(ctx, a, b))
        return NULL;
    hg_tensor *y =
        hg_ctx_tensor(ctx, a->n_dims, a->shape, hg_ctx_wants_grad(ctx, a) || hg_ctx_wants_grad(ctx, b));
    if (y == NULL)
        return NULL;
    add_job job = {hg_tensor_count(y), hg_tensor_real(a), hg_tensor_real(b), hg_tensor_real(y)};
    add_run(ctx, &job);
    hg_tape_push(ctx, &hg_op_add_entry, y, (hg_tensor *[]){a, b}, 2, NULL);
    return hg_ctx_failed(ctx) ? NULL : y;
}
