/* SPDX-License-Identifier: Apache-2.0
 *
 * op_upsample.c: nearest neighbour, twice the size: y[c, i, j] = x[c, i / 2, j / 2].
 *
 * Shapes: x (C, H, W) contiguous, y (C, 2H, 2W); both may have a dimension of images before these.
 * Gradient: dx[c, i, j] += the sum of dy over its four pixels.
 */
#include "ops/ops.h"
#include "ops/registry.h"

static void upsample_backward(hg_ctx *ctx, const hg_record *record)
{
    (void)ctx;
    const hg_tensor *x = record->in[0];
    int64_t w = x->shape[x->n_dims - 1], rows = hg_tensor_count(x) / w;
    for (int64_t r = 0; r < rows; r++) {
        const hg_real *upper = record->out->grad + r * 4 * w, *lower = upper + 2 * w;
        for (int64_t j = 0; j < w; j++)
            x->grad[r * w + j] += upper[2 * j] + upper[2 * j + 1] + lower[2 * j] + lower[2 * j + 1];
    }
}

const hg_op hg_op_upsample_entry = {"upsample", upsample_backward};

hg_tensor *hg_op_upsample(hg_ctx *ctx, hg_tensor *x)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (x->n_dims < 3 || !hg_tensor_is_contiguous(x))
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "upsample: the input is not a contiguous picture");
    int64_t w = x->shape[x->n_dims - 1], rows = hg_tensor_count(x) / w;
    int64_t shape[HG_TENSOR_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[x->n_dims - 2] *= 2;
    shape[x->n_dims - 1] *= 2;
    hg_tensor *y = hg_ctx_tensor(ctx, x->n_dims, shape, hg_ctx_wants_grad(ctx, x));
    if (y == NULL)
        return NULL;
    for (int64_t r = 0; r < rows; r++) { /* channels and rows at once: each row of x is two rows of y */
        const hg_real *from = hg_tensor_real(x) + r * w;
        hg_real *to = hg_tensor_real(y) + r * 4 * w;
        for (int64_t j = 0; j < w; j++) {
            to[2 * j] = from[j];
            to[2 * j + 1] = from[j];
        }
        memcpy(to + 2 * w, to, (size_t)(2 * w) * sizeof *to);
    }
    hg_tape_push(ctx, &hg_op_upsample_entry, y, (hg_tensor *[]){x}, 1, NULL);
    return hg_ctx_failed(ctx) ? NULL : y;
}
