/* SPDX-License-Identifier: Apache-2.0
 *
 * tape.c: a list of records, newest first, in the context's arena.
 */
#include "ops/tape.h"

#include <assert.h>
#include <string.h>

hg_real *hg_tape_take_grad(hg_ctx *ctx, int64_t n)
{
    if (ctx->tape == NULL || ctx->tape->grads == NULL) {
        hg_real *grad = hg_ctx_scratch(ctx, n);
        if (grad != NULL)
            hg_ctx_zero(ctx, grad, n);
        return grad;
    }
    hg_arena *own = ctx->arena;
    ctx->arena = ctx->tape->grads;
    hg_real *grad = hg_ctx_scratch(ctx, n);
    ctx->arena = own;
    return grad;
}

void hg_tape_push(hg_ctx *ctx, const hg_op *op, hg_tensor *out, hg_tensor *const *in, int n_in, void *saved)
{
    if (ctx->tape == NULL || out == NULL || out->grad == NULL)
        return;
    assert(n_in <= HG_TAPE_MAX_INPUTS);
    hg_record *record = hg_arena_array(ctx->arena, 1, sizeof *record);
    if (record == NULL) {
        hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (the record of %s)", op->name);
        return;
    }
    record->op = op;
    record->out = out;
    memcpy(record->in, in, (size_t)n_in * sizeof *in);
    record->saved = saved;
    record->previous = ctx->tape->last;
    ctx->tape->last = record;
}

hg_status hg_tape_backward(hg_ctx *ctx, hg_error *err)
{
    for (const hg_record *record = ctx->tape->last; record != NULL && !hg_ctx_failed(ctx);
         record = record->previous)
        record->op->backward(ctx, record);
    return hg_ctx_status(ctx, err);
}

void *hg_tape_save(hg_ctx *ctx, const void *value, size_t bytes)
{
    if (ctx->tape == NULL || hg_ctx_failed(ctx))
        return NULL;
    void *copy = hg_arena_alloc(ctx->arena, bytes);
    if (copy == NULL) {
        hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (%zu bytes for the tape)", bytes);
        return NULL;
    }
    memcpy(copy, value, bytes);
    return copy;
}
