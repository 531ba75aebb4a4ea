/* SPDX-License-Identifier: Apache-2.0
 *
 * op_transpose.c: y[j, i] = x[i, j]. Turns a picture's (C, H · W) into rows of tokens and back.
 *
 * Shapes: x (M, N) contiguous, y (N, M); or (B, M, N) and (B, N, M), each matrix for itself.
 * Gradient: dx += dyᵀ.
 */
#include "ops/ops.h"
#include "ops/registry.h"

/* Squares of this side fit the first-level cache on both sides. */
#define SIDE 32

/* to (n, m) = from (m, n)ᵀ, or added to it. */
static void transpose_matrix(int64_t m, int64_t n, const hg_real *from, bool add, hg_real *to)
{
    for (int64_t i = 0; i < m; i += SIDE) {
        for (int64_t j = 0; j < n; j += SIDE) {
            for (int64_t l = j; l < n && l < j + SIDE; l++) {
                for (int64_t k = i; k < m && k < i + SIDE; k++)
                    to[l * m + k] = from[k * n + l] + (add ? to[l * m + k] : 0);
            }
        }
    }
}

static void transpose_backward(hg_ctx *ctx, const hg_record *record)
{
    (void)ctx;
    const hg_tensor *x = record->in[0];
    int64_t n_rows = x->shape[x->n_dims - 2], n_columns = x->shape[x->n_dims - 1], each = n_rows * n_columns;
    for (int64_t i = 0; i < hg_tensor_count(x); i += each)
        transpose_matrix(n_columns, n_rows, record->out->grad + i, true, x->grad + i);
}

const hg_op hg_op_transpose_entry = {"transpose", transpose_backward};

hg_tensor *hg_op_transpose(hg_ctx *ctx, hg_tensor *x)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if ((x->n_dims != 2 && x->n_dims != 3) || !hg_tensor_is_contiguous(x))
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "transpose: the input is not a contiguous matrix");
    int64_t n_rows = x->shape[x->n_dims - 2], n_columns = x->shape[x->n_dims - 1], each = n_rows * n_columns;
    int64_t shape[3] = {x->shape[0], n_columns, n_rows};
    hg_tensor *y = hg_ctx_tensor(ctx, x->n_dims, shape + 3 - x->n_dims, hg_ctx_wants_grad(ctx, x));
    if (y == NULL)
        return NULL;
    for (int64_t i = 0; i < hg_tensor_count(x); i += each)
        transpose_matrix(n_rows, n_columns, hg_tensor_real(x) + i, false, hg_tensor_real(y) + i);
    hg_tape_push(ctx, &hg_op_transpose_entry, y, (hg_tensor *[]){x}, 1, NULL);
    return hg_ctx_failed(ctx) ? NULL : y;
}
