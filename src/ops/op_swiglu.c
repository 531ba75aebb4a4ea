/* SPDX-License-Identifier: Apache-2.0
 *
 * op_swiglu.c: y = up · gate · s with s = sigmoid(gate), element by element.
 *
 * Shapes: gate, up and y (T, C); rows of gate and up may be strided, so that both can be halves of one fused
 * result. Gradient: dup += dy gate s; dgate += dy up (s + gate s (1 - s)).
 */
#include "base/parallel.h"
#include "ops/ops.h"
#include "ops/registry.h"

typedef struct swiglu_job {
    const hg_kernels *kernels;
    const hg_tensor *gate, *up, *y;
} swiglu_job;

static void swiglu_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const swiglu_job *job = arg;
    job->kernels->swiglu(job->y->shape[1], hg_tensor_real(job->gate) + t * job->gate->stride[0],
                         hg_tensor_real(job->up) + t * job->up->stride[0],
                         hg_tensor_real(job->y) + t * job->y->stride[0]);
}

static void swiglu_backward_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const swiglu_job *job = arg;
    const hg_tensor *gate = job->gate, *up = job->up;
    int64_t at_gate = t * gate->stride[0], at_up = t * up->stride[0];
    job->kernels->swiglu_backward(job->y->shape[1], hg_tensor_real(gate) + at_gate,
                                  hg_tensor_real(up) + at_up, job->y->grad + t * job->y->stride[0],
                                  gate->grad == NULL ? NULL : gate->grad + at_gate,
                                  up->grad == NULL ? NULL : up->grad + at_up);
}

static void swiglu_backward(hg_ctx *ctx, const hg_record *record)
{
    swiglu_job job = {ctx->kernels, record->in[0], record->in[1], record->out};
    hg_parallel_for(hg_ctx_threads(ctx, 16 * hg_tensor_count(job.y)), job.y->shape[0], swiglu_backward_row,
                    &job);
}

const hg_op hg_op_swiglu_entry = {"swiglu", swiglu_backward};

hg_tensor *hg_op_swiglu(hg_ctx *ctx, hg_tensor *gate, hg_tensor *up)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (gate->n_dims != 2 || !hg_tensor_same_shape(gate, up)) {
        char gs[HG_TENSOR_SHAPE_TEXT], us[HG_TENSOR_SHAPE_TEXT];
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "swiglu: gate %s does not fit up %s",
                           hg_tensor_format_shape(gate, gs), hg_tensor_format_shape(up, us));
    }
    hg_tensor *y =
        hg_ctx_tensor(ctx, 2, gate->shape, hg_ctx_wants_grad(ctx, gate) || hg_ctx_wants_grad(ctx, up));
    if (y == NULL)
        return NULL;
    swiglu_job job = {ctx->kernels, gate, up, y};
    hg_parallel_for(hg_ctx_threads(ctx, 16 * hg_tensor_count(y)), y->shape[0], swiglu_row, &job);
    hg_tape_push(ctx, &hg_op_swiglu_entry, y, (hg_tensor *[]){gate, up}, 2, NULL);
    return hg_ctx_failed(ctx) ? NULL : y;
}
