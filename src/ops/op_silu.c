/* SPDX-License-Identifier: Apache-2.0
 *
 * op_silu.c: y = x s with s = sigmoid(x), element by element.
 *
 * Shapes: x and y the same, contiguous.
 * Gradient: dx += dy (s + x s (1 - s)).
 */
#include "base/parallel.h"
#include "ops/elementwise.h"
#include "ops/ops.h"
#include "ops/registry.h"

/* Elements a chunk: a constant, so that results do not depend on the number of threads. */
#define CHUNK 16384

/* With y at hand, s = y / x needs no exponential; near 0 it is its series, whose next term is x⁵ / 480. */
static hg_real silu_sigmoid(hg_real x, hg_real y)
{
    const hg_real small = (hg_real)0.01;
    bool near = x < small && x > -small;
    hg_real series = (hg_real)0.5 + x * ((hg_real)0.25 - x * x / 48);
    return near ? series : y / (near ? 1 : x);
}

static void silu_backward_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const hg_record *record = arg;
    int64_t begin = index * CHUNK, n = hg_tensor_count(record->out) - begin;
    const hg_real *restrict x = hg_tensor_real(record->in[0]) + begin;
    const hg_real *restrict y = hg_tensor_real(record->out) + begin;
    const hg_real *restrict dy = record->out->grad + begin;
    hg_real *restrict dx = record->in[0]->grad + begin;
    for (int64_t i = 0; i < (n < CHUNK ? n : CHUNK); i++) {
        hg_real s = silu_sigmoid(x[i], y[i]);
        dx[i] += dy[i] * (s + y[i] * (1 - s));
    }
}

static void silu_backward(hg_ctx *ctx, const hg_record *record)
{
    int64_t n = hg_tensor_count(record->out);
    hg_record copy = *record;
    hg_parallel_for(hg_ctx_threads(ctx, 4 * n), (n + CHUNK - 1) / CHUNK, silu_backward_chunk, &copy);
}

const hg_op hg_op_silu_entry = {"silu", silu_backward};

hg_tensor *hg_op_silu(hg_ctx *ctx, hg_tensor *x)
{
    return hg_elementwise_forward(ctx, &hg_op_silu_entry, x, ctx->kernels->silu);
}
