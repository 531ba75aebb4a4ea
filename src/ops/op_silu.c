/* SPDX-License-Identifier: Apache-2.0
 *
 * op_silu.c: y = x s with s = sigmoid(x), element by element.
 *
 * Shapes: x and y the same, contiguous.
 * Gradient: dx += dy (s + x s (1 - s)).
 */
#include "ops/elementwise.h"
#include "ops/ops.h"
#include "ops/registry.h"

static hg_real silu_slope(hg_real x)
{
    hg_real s = hg_elementwise_sigmoid(x);
    return s + x * s * (1 - s);
}

static void silu_backward(hg_ctx *ctx, const hg_record *record)
{
    hg_elementwise_backward(ctx, record, silu_slope);
}

const hg_op hg_op_silu_entry = {"silu", silu_backward};

hg_tensor *hg_op_silu(hg_ctx *ctx, hg_tensor *x)
{
    return hg_elementwise_forward(ctx, &hg_op_silu_entry, x, ctx->kernels->silu);
}
