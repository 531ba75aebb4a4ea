/* SPDX-License-Identifier: Apache-2.0
 *
 * op_quick_gelu.c: y = x s with s = sigmoid(1.702 x): the activation of OpenAI's CLIP, element by element.
 *
 * Shapes: x and y the same, contiguous.
 * Gradient: dx += dy (s + 1.702 x s (1 - s)).
 */
#include "base/parallel.h"
#include "ops/elementwise.h"
#include "ops/ops.h"
#include "ops/registry.h"

#define CHUNK 16384
#define ALPHA ((hg_real)1.702)

typedef struct quick_gelu_job {
    int64_t n;
    const hg_real *x, *y, *dy;
    hg_real *dx;
} quick_gelu_job;

/* s is y / x, but for x near 0, where its series is exact: no exponential is taken again. */
static void quick_gelu_slopes(const hg_real *restrict x, const hg_real *restrict y,
                              const hg_real *restrict dy, int64_t n, hg_real *restrict dx)
{
    for (int64_t i = 0; i < n; i++) {
        hg_real z = ALPHA * x[i], zz = z * z;
        hg_real near = (hg_real)0.5 + z * ((hg_real)0.25 - zz * ((hg_real)1 / 48));
        hg_real safe = zz < (hg_real)1e-4 ? 1 : x[i];
        hg_real far = y[i] / safe, s = zz < (hg_real)1e-4 ? near : far;
        dx[i] += dy[i] * (s + ALPHA * y[i] * (1 - s));
    }
}

static void quick_gelu_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const quick_gelu_job *job = arg;
    int64_t begin = index * CHUNK, count = job->n - begin < CHUNK ? job->n - begin : CHUNK;
    quick_gelu_slopes(job->x + begin, job->y + begin, job->dy + begin, count, job->dx + begin);
}

static void quick_gelu_backward(hg_ctx *ctx, const hg_record *record)
{
    const hg_tensor *x = record->in[0], *y = record->out;
    quick_gelu_job job = {hg_tensor_count(x), hg_tensor_real(x), hg_tensor_real(y), y->grad, x->grad};
    hg_parallel_for(hg_ctx_threads(ctx, 16 * job.n), (job.n + CHUNK - 1) / CHUNK, quick_gelu_chunk, &job);
}

const hg_op hg_op_quick_gelu_entry = {"quick_gelu", quick_gelu_backward};

hg_tensor *hg_op_quick_gelu(hg_ctx *ctx, hg_tensor *x)
{
    return hg_elementwise_forward(ctx, &hg_op_quick_gelu_entry, x, ctx->kernels->quick_gelu);
}
