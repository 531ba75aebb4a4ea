/* SPDX-License-Identifier: Apache-2.0
 *
 * op_unit_rows.c: y = x r with r = 1 / sqrt(|x|² + eps), row by row: rows of length 1.
 *
 * Shapes: x and y (T, C) contiguous; eps is 1e-12, so that a row of zeros stays one.
 * Gradient: dx += r (dy - y (y · dy)).
 */
#include "ops/ops.h"
#include "ops/registry.h"

#define EPS 1e-12

static hg_real unit_rows_scale(int64_t c, const hg_real *x)
{
    double sum = EPS;
    for (int64_t i = 0; i < c; i++)
        sum += (double)x[i] * (double)x[i];
    return (hg_real)(1 / sqrt(sum));
}

static void unit_rows_backward(hg_ctx *ctx, const hg_record *record)
{
    (void)ctx;
    int64_t c = record->out->shape[1];
    const hg_real *x = hg_tensor_real(record->in[0]), *y = hg_tensor_real(record->out);
    const hg_real *dy = record->out->grad;
    hg_real *dx = record->in[0]->grad;
    for (int64_t t = 0; t < record->out->shape[0]; t++, x += c, y += c, dy += c, dx += c) {
        double dot = 0;
        for (int64_t i = 0; i < c; i++)
            dot += (double)y[i] * (double)dy[i];
        hg_real r = unit_rows_scale(c, x);
        for (int64_t i = 0; i < c; i++)
            dx[i] += r * (dy[i] - y[i] * (hg_real)dot);
    }
}

const hg_op hg_op_unit_rows_entry = {"unit_rows", unit_rows_backward};

hg_tensor *hg_op_unit_rows(hg_ctx *ctx, hg_tensor *x)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (x->n_dims != 2 || !hg_tensor_is_contiguous(x) || x->dtype != HG_DTYPE_REAL)
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "unit_rows: the input is no contiguous matrix");
    hg_tensor *y = hg_ctx_tensor(ctx, 2, x->shape, hg_ctx_wants_grad(ctx, x));
    if (y == NULL)
        return NULL;
    int64_t c = x->shape[1];
    for (int64_t t = 0; t < x->shape[0]; t++) {
        const hg_real *from = hg_tensor_real(x) + t * c;
        hg_real r = unit_rows_scale(c, from);
        for (int64_t i = 0; i < c; i++)
            hg_tensor_real(y)[t * c + i] = r * from[i];
    }
    hg_tape_push(ctx, &hg_op_unit_rows_entry, y, (hg_tensor *[]){x}, 1, NULL);
    return hg_ctx_failed(ctx) ? NULL : y;
}
