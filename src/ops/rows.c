/* SPDX-License-Identifier: Apache-2.0
 *
 * rows.c: a promise is a tensor without data, and how a row of it is made.
 */
#include "ops/rows.h"

#include "base/parallel.h"

hg_rows hg_rows_of(const hg_tensor *x)
{
    return (hg_rows){.x = x};
}

static hg_rows rows_promise(hg_ctx *ctx, const hg_rows *how)
{
    hg_rows rows = *how;
    rows.kernels = ctx->kernels;
    if (!hg_ctx_failed(ctx))
        rows.promised = hg_ctx_view(ctx, hg_tensor_make(HG_DTYPE_REAL, 2, how->from[0]->shape, NULL));
    rows.x = rows.promised;
    return rows;
}

static const hg_real *rows_from(const hg_rows *rows, int i, int64_t t)
{
    return hg_tensor_real(rows->from[i]) + t * rows->from[i]->stride[0];
}

static void rows_make_rmsnorm(const hg_rows *rows, int64_t t, hg_real *row)
{
    rows->kernels->rmsnorm(rows->x->shape[1], rows->eps, rows_from(rows, 0, t), hg_tensor_real(rows->from[1]),
                           row);
}

hg_rows hg_rows_rmsnorm(hg_ctx *ctx, const hg_tensor *x, const hg_tensor *gain, hg_real eps)
{
    return rows_promise(ctx, &(hg_rows){.make = rows_make_rmsnorm, .from = {x, gain}, .eps = eps});
}

static void rows_make_swiglu(const hg_rows *rows, int64_t t, hg_real *row)
{
    rows->kernels->swiglu(rows->x->shape[1], rows_from(rows, 0, t), rows_from(rows, 1, t), row);
}

hg_rows hg_rows_swiglu(hg_ctx *ctx, const hg_tensor *gate, const hg_tensor *up)
{
    return rows_promise(ctx, &(hg_rows){.make = rows_make_swiglu, .from = {gate, up}});
}

bool hg_rows_are_there(const hg_rows *rows)
{
    return rows->x->data != NULL;
}

static void rows_keep_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const hg_rows *rows = arg;
    rows->make(rows, t, hg_tensor_real(rows->x) + t * rows->x->stride[0]);
}

bool hg_rows_keep(hg_rows *rows, hg_ctx *ctx)
{
    if (hg_ctx_failed(ctx) || hg_rows_are_there(rows))
        return !hg_ctx_failed(ctx);
    const hg_tensor *all = hg_ctx_tensor(ctx, 2, rows->x->shape, false);
    if (all == NULL)
        return false;
    *rows->promised = *all;
    hg_parallel_for(hg_ctx_threads(ctx, 16 * hg_tensor_count(all)), all->shape[0], rows_keep_row, rows);
    return true;
}
