/* SPDX-License-Identifier: Apache-2.0
 *
 * op_conv2d.c: y[o, i, j] = b[o] + sum over c, u, v of w[o, c, u, v] x[c, i s + u - p, j s + v - p], zero
 * outside x.
 *
 * Shapes: x (C, H, W), w (O, C, k, k), b (O), y (O, (H + p + q - k) / s + 1, the same of W), all contiguous;
 * stride s, p zeros at the top and left, q at the bottom and right; x and y may have a dimension of images
 * before the others. Gradient: dx, dw: the transposed sums; db[o] += the sum of dy[o].
 */
#include "ops/ops.h"
#include "ops/registry.h"

static void conv2d_backward(hg_ctx *ctx, const hg_record *record)
{
    const hg_conv_shape *s = record->saved;
    const hg_tensor *x = record->in[0], *w = record->in[1], *bias = record->in[2];
    const hg_real *dy = record->out->grad;
    hg_real *db = bias != NULL ? bias->grad : NULL;
    bool ok = true;
    if (x->grad != NULL)
        ok = ctx->kernels->conv2d_backward_data(ctx->n_threads, s, dy, hg_tensor_real(w), x->grad);
    if (w->grad != NULL)
        ok = ok &&
             ctx->kernels->conv2d_backward_weights(ctx->n_threads, s, dy, hg_tensor_real(x), w->grad, db);
    if (!ok)
        hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (gradient of a convolution)");
    if (w->grad != NULL || db == NULL)
        return;
    int64_t area = s->h_out * s->w_out;
    for (int64_t i = 0; i < s->n_images * s->c_out * area; i++)
        db[i / area % s->c_out] += dy[i];
}

const hg_op hg_op_conv2d_entry = {"conv2d", conv2d_backward};

static bool conv2d_fits(const hg_tensor *x, const hg_tensor *w, const hg_tensor *bias)
{
    return (x->n_dims == 3 || x->n_dims == 4) && w->n_dims == 4 && w->shape[1] == x->shape[x->n_dims - 3] &&
           w->shape[2] == w->shape[3] && hg_tensor_is_contiguous(x) && hg_tensor_is_contiguous(w) &&
           w->dtype == HG_DTYPE_REAL &&
           (bias == NULL || (bias->n_dims == 1 && bias->shape[0] == w->shape[0]));
}

hg_tensor *hg_op_conv2d(hg_ctx *ctx, hg_tensor *x, hg_tensor *w, hg_tensor *bias, int64_t stride,
                        int64_t pad_begin, int64_t pad_end)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    int64_t kernel = w->shape[2], pad = pad_begin + pad_end;
    int64_t h = x->shape[x->n_dims - 2] + pad - kernel, v = x->shape[x->n_dims - 1] + pad - kernel;
    if (!conv2d_fits(x, w, bias) || stride < 1 || pad_begin < 0 || pad_end < 0 || pad_begin >= kernel ||
        pad_end >= kernel || h < 0 || v < 0) {
        char xs[HG_TENSOR_SHAPE_TEXT], ws[HG_TENSOR_SHAPE_TEXT];
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "conv2d: input %s does not fit weight %s",
                           hg_tensor_format_shape(x, xs), hg_tensor_format_shape(w, ws));
    }
    hg_conv_shape s = {.n_images = x->n_dims == 4 ? x->shape[0] : 1,
                       .c_in = w->shape[1],
                       .h_in = x->shape[x->n_dims - 2],
                       .w_in = x->shape[x->n_dims - 1],
                       .c_out = w->shape[0],
                       .h_out = h / stride + 1,
                       .w_out = v / stride + 1,
                       .kernel = kernel,
                       .stride = stride,
                       .pad = pad_begin};
    bool grad = hg_ctx_wants_grad(ctx, x) || hg_ctx_wants_grad(ctx, w) || hg_ctx_wants_grad(ctx, bias);
    int64_t shape[4] = {s.n_images, s.c_out, s.h_out, s.w_out};
    hg_tensor *y = hg_ctx_tensor(ctx, x->n_dims, shape + 4 - x->n_dims, grad);
    if (y == NULL)
        return NULL;
    if (!ctx->kernels->conv2d(ctx->n_threads, &s, hg_tensor_real(x), hg_tensor_real(w),
                              bias != NULL ? hg_tensor_real(bias) : NULL, hg_tensor_real(y)))
        return hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (a convolution)");
    void *saved = hg_tape_save(ctx, &s, sizeof s);
    hg_tape_push(ctx, &hg_op_conv2d_entry, y, (hg_tensor *[]){x, w, bias}, 3, saved);
    return hg_ctx_failed(ctx) ? NULL : y;
}
