/* SPDX-License-Identifier: Apache-2.0
 *
 * op_gelu.c: y = x Phi(x), Phi the normal distribution function (by erf), element by element.
 *
 * Shapes: x and y the same, contiguous.
 * Gradient: dx += dy (Phi(x) + x phi(x)), phi the normal density.
 */
#include "ops/elementwise.h"
#include "ops/ops.h"
#include "ops/registry.h"

static hg_real gelu_slope(hg_real x)
{
    hg_real half = (hg_real)0.5;
    hg_real phi = HG_REAL_EXP(-half * x * x) * (hg_real)0.39894228040143267794; /* 1 / sqrt(2 pi) */
    return half * (1 + HG_REAL_ERF(x * (hg_real)0.70710678118654752440)) + x * phi;
}

static void gelu_backward(hg_ctx *ctx, const hg_record *record)
{
    hg_elementwise_backward(ctx, record, gelu_slope);
}

const hg_op hg_op_gelu_entry = {"gelu", gelu_backward};

hg_tensor *hg_op_gelu(hg_ctx *ctx, hg_tensor *x)
{
    return hg_elementwise_forward(ctx, &hg_op_gelu_entry, x, ctx->kernels->gelu);
}
