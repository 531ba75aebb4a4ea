/* SPDX-License-Identifier: Apache-2.0
 *
 * operand.c: a row at a time, so that what is made of it finds it in a first-level cache.
 */
#include "ops/operand.h"

#include "base/parallel.h"

#include <assert.h>

const hg_real *hg_operand_row(const hg_operand *o, int64_t t, int worker)
{
    if (o->tensor->data == NULL)
        return NULL;
    return hg_tensor_real(o->tensor) + (o->apart ? worker : t) * o->tensor->stride[0];
}

/* Bytes of a row rounded, in cache lines that no other worker writes to. */
static size_t operand_apart_bytes(const hg_operand *o)
{
    return (hg_rounded_bytes(1, o->tensor->shape[1]) + 127) / 128 * 128;
}

hg_rounded hg_operand_rounded(const hg_operand *o, int worker)
{
    if (!o->apart || !o->rounds)
        return o->rounded;
    return hg_rounded_make(1, o->tensor->shape[1],
                           (uint8_t *)o->rounded.codes + (size_t)worker * operand_apart_bytes(o));
}

/* Elements between workers' rows: in cache lines of their own. */
static int64_t operand_made_each(const hg_operand *o)
{
    return (o->tensor->shape[1] + 31) / 32 * 32;
}

static bool operand_promised(const hg_operand *o)
{
    return o->rows != NULL && !hg_rows_are_there(o->rows);
}

/* ---- memory ---- */

static uint8_t *operand_alloc(const hg_operand *o, size_t bytes)
{
    uint8_t *memory = hg_arena_alloc(o->ctx->arena, bytes);
    if (memory == NULL)
        hg_ctx_fail(o->ctx, HG_STATUS_FAILED, "out of memory (scratch of a product)");
    return memory;
}

static bool operand_take_made(hg_operand *o)
{
    if (operand_promised(o))
        o->made = hg_ctx_scratch(o->ctx, o->ctx->n_threads * operand_made_each(o));
    return !hg_ctx_failed(o->ctx);
}

static bool operand_take_bf16(hg_operand *o)
{
    const size_t count = (size_t)o->tensor->shape[0] * (size_t)o->tensor->shape[1];
    if (o->bf16)
        o->bf16_rows = (uint16_t *)(void *)operand_alloc(o, count * sizeof(uint16_t));
    return !hg_ctx_failed(o->ctx);
}

static bool operand_take_rounded(hg_operand *o)
{
    if (!o->rounds)
        return true;
    const int64_t t = o->tensor->shape[0], k = o->tensor->shape[1];
    size_t bytes = o->wide ? hg_wide_bytes(t, k) : hg_rounded_bytes(t, k);
    if (o->apart)
        bytes = (size_t)o->ctx->n_threads * operand_apart_bytes(o);
    uint8_t *memory = operand_alloc(o, bytes);
    if (memory != NULL && o->wide)
        o->wide_rows = hg_wide_make(t, k, memory);
    else if (memory != NULL)
        o->rounded = hg_rounded_make(t, k, memory);
    return memory != NULL;
}

bool hg_operand_take(hg_operand *o)
{
    return operand_take_made(o) && operand_take_bf16(o) && operand_take_rounded(o);
}

/* ---- rounding ---- */

/* The row, made if it is only promised. */
static const hg_real *operand_make(const hg_operand *o, int64_t t, int worker)
{
    if (o->chain != NULL)
        o->chain->make(o->chain->arg, t);
    if (!operand_promised(o))
        return hg_operand_row(o, t, worker);
    hg_real *made = o->made + worker * operand_made_each(o);
    o->rows->make(o->rows, t, made);
    return made;
}

static void operand_beside(const hg_operand *o, const hg_real *x, int64_t t)
{
    for (int i = 0; i < o->n_beside; i++) {
        const hg_product *p = &o->beside[i];
        o->ctx->kernels->matvec(p->w->dtype, p->w->shape[0], p->w->shape[1], p->w->data, p->w->stride[0], x,
                                false, p->y + t * p->ldy);
    }
}

static void operand_round_row(void *arg, int64_t t, int worker)
{
    const hg_operand *o = arg;
    const hg_kernels *kernels = o->ctx->kernels;
    const int64_t k = o->tensor->shape[1];
    const hg_real *x = operand_make(o, t, worker);
    operand_beside(o, x, t);
    if (o->bf16)
        kernels->to_bf16(HG_DTYPE_REAL, k, x, o->bf16_rows + t * k);
    if (o->rounds && o->wide)
        kernels->round_wide(x, &o->wide_rows, t);
    else if (o->rounds)
        kernels->round(x, &o->rounded, t);
}

int hg_operand_threads(const hg_operand *o)
{
    return hg_ctx_threads(o->ctx, (o->chain == NULL ? 4 : 16) * hg_tensor_count(o->tensor));
}

void hg_operand_round(const hg_operand *o, int n_threads)
{
    if (o->rounds || o->bf16)
        hg_parallel_for(n_threads, o->tensor->shape[0], operand_round_row, (void *)(uintptr_t)o);
}

void hg_operand_round_own(const hg_operand *o, int worker)
{
    assert(o->apart);
    if (!o->rounds)
        return;
    const hg_rounded to = hg_operand_rounded(o, worker);
    o->ctx->kernels->round(hg_operand_row(o, 0, worker), &to, 0);
}

void hg_operand_round_columns(const hg_operand *o, int64_t begin, int64_t count)
{
    assert(o->tensor->shape[0] == 1 && !o->wide && !o->apart);
    if (!o->rounds)
        return;
    const hg_rounded columns = hg_rounded_columns(&o->rounded, begin, count);
    o->ctx->kernels->round(hg_tensor_real(o->tensor) + begin, &columns, 0);
}
