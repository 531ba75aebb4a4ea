/* SPDX-License-Identifier: Apache-2.0
 *
 * op_quick_gelu.c: y = x s with s = sigmoid(1.702 x): the activation of OpenAI's CLIP, element by element.
 *
 * Shapes: x and y the same, contiguous.
 * Gradient: dx += dy (s + 1.702 x s (1 - s)).
 */
#include "ops/elementwise.h"
#include "ops/ops.h"
#include "ops/registry.h"

static hg_real quick_gelu_slope(hg_real x)
{
    hg_real s = hg_elementwise_sigmoid((hg_real)1.702 * x);
    return s + (hg_real)1.702 * x * s * (1 - s);
}

static void quick_gelu_backward(hg_ctx *ctx, const hg_record *record)
{
    hg_elementwise_backward(ctx, record, quick_gelu_slope);
}

const hg_op hg_op_quick_gelu_entry = {"quick_gelu", quick_gelu_backward};

hg_tensor *hg_op_quick_gelu(hg_ctx *ctx, hg_tensor *x)
{
    return hg_elementwise_forward(ctx, &hg_op_quick_gelu_entry, x, ctx->kernels->quick_gelu);
}
