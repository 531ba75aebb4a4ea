/* SPDX-License-Identifier: Apache-2.0
 *
 * op_distance.c: L = weight · sum of (a - b)².
 *
 * Shapes: a and b the same, contiguous; L (1). One of them may want no gradient: it is then held fixed.
 * Gradient: da += 2 weight dL (a - b); db the negative.
 */
#include "ops/ops.h"
#include "ops/registry.h"

static void distance_backward(hg_ctx *ctx, const hg_record *record)
{
    (void)ctx;
    hg_real factor = 2 * *(const hg_real *)record->saved * record->out->grad[0];
    const hg_tensor *a = record->in[0], *b = record->in[1];
    const hg_real *x = hg_tensor_real(a), *y = hg_tensor_real(b);
    int64_t n = hg_tensor_count(a);
    for (int64_t i = 0; a->grad != NULL && i < n; i++)
        a->grad[i] += factor * (x[i] - y[i]);
    for (int64_t i = 0; b->grad != NULL && i < n; i++)
        b->grad[i] -= factor * (x[i] - y[i]);
}

const hg_op hg_op_distance_entry = {"distance", distance_backward};

hg_tensor *hg_op_distance(hg_ctx *ctx, hg_tensor *a, hg_tensor *b, hg_real weight)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (!hg_tensor_same_shape(a, b) || !hg_tensor_is_contiguous(a) || !hg_tensor_is_contiguous(b)) {
        char as[HG_TENSOR_SHAPE_TEXT], bs[HG_TENSOR_SHAPE_TEXT];
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "distance: %s and %s differ or are not contiguous",
                           hg_tensor_format_shape(a, as), hg_tensor_format_shape(b, bs));
    }
    hg_tensor *loss =
        hg_ctx_tensor(ctx, 1, (int64_t[]){1}, hg_ctx_wants_grad(ctx, a) || hg_ctx_wants_grad(ctx, b));
    if (loss == NULL)
        return NULL;
    const hg_real *x = hg_tensor_real(a), *y = hg_tensor_real(b);
    double sum = 0;
    for (int64_t i = 0; i < hg_tensor_count(a); i++)
        sum += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
    hg_tensor_real(loss)[0] = (hg_real)((double)weight * sum);
    void *saved = hg_tape_save(ctx, &weight, sizeof weight);
    hg_tape_push(ctx, &hg_op_distance_entry, loss, (hg_tensor *[]){a, b}, 2, saved);
    return hg_ctx_failed(ctx) ? NULL : loss;
}
