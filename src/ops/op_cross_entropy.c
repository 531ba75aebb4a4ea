/* SPDX-License-Identifier: Apache-2.0
 *
 * op_cross_entropy.c: L = sum over rows with a target of log(sum_v exp(x_v)) - x_target, by the largest
 * logit.
 *
 * Shapes: logits x (T, V), rows may be strided; targets (T), negative where a row has none; L (1).
 * Gradient: dx_v += dL (exp(x_v - logsumexp) - [v = target]) in rows with a target, nothing in the others.
 */
#include "base/parallel.h"
#include "ops/ops.h"
#include "ops/registry.h"

typedef struct cross_entropy_job {
    const hg_tensor *logits;
    const int32_t *targets;
    double *log_sums; /* (T): logsumexp of the rows with a target */
    hg_real upstream;
} cross_entropy_job;

static void cross_entropy_forward_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const cross_entropy_job *job = arg;
    if (job->targets[t] < 0)
        return;
    const hg_real *x = hg_tensor_real(job->logits) + t * job->logits->stride[0];
    hg_real largest = x[0];
    for (int64_t v = 1; v < job->logits->shape[1]; v++)
        largest = x[v] > largest ? x[v] : largest;
    double sum = 0;
    for (int64_t v = 0; v < job->logits->shape[1]; v++)
        sum += (double)HG_REAL_EXP(x[v] - largest);
    job->log_sums[t] = (double)largest + log(sum);
}

static void cross_entropy_backward_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const cross_entropy_job *job = arg;
    if (job->targets[t] < 0)
        return;
    const hg_real *x = hg_tensor_real(job->logits) + t * job->logits->stride[0];
    hg_real *dx = job->logits->grad + t * job->logits->stride[0];
    hg_real log_sum = (hg_real)job->log_sums[t];
    for (int64_t v = 0; v < job->logits->shape[1]; v++)
        dx[v] += job->upstream * HG_REAL_EXP(x[v] - log_sum);
    dx[job->targets[t]] -= job->upstream;
}

static void cross_entropy_backward(hg_ctx *ctx, const hg_record *r)
{
    cross_entropy_job job = *(const cross_entropy_job *)r->saved;
    job.upstream = r->out->grad[0];
    int64_t work = 16 * hg_tensor_count(job.logits);
    hg_parallel_for(hg_ctx_threads(ctx, work), job.logits->shape[0], cross_entropy_backward_row, &job);
}

const hg_op hg_op_cross_entropy_entry = {"cross_entropy", cross_entropy_backward};

static bool cross_entropy_fits(hg_ctx *ctx, const hg_tensor *logits, const int32_t *targets)
{
    if (logits->n_dims != 2) {
        hg_ctx_fail(ctx, HG_STATUS_INPUT, "cross entropy: the logits are no matrix");
        return false;
    }
    for (int64_t t = 0; t < logits->shape[0]; t++) {
        if (targets[t] >= logits->shape[1]) {
            hg_ctx_fail(ctx, HG_STATUS_INPUT, "cross entropy: target %d, but only %lld logits", targets[t],
                        (long long)logits->shape[1]);
            return false;
        }
    }
    return true;
}

hg_tensor *hg_op_cross_entropy(hg_ctx *ctx, hg_tensor *logits, const int32_t *targets)
{
    if (hg_ctx_failed(ctx) || !cross_entropy_fits(ctx, logits, targets))
        return NULL;
    int64_t t = logits->shape[0];
    hg_tensor *loss = hg_ctx_tensor(ctx, 1, (int64_t[]){1}, hg_ctx_wants_grad(ctx, logits));
    int32_t *kept = hg_arena_array(ctx->arena, (size_t)t, sizeof *kept);
    double *log_sums = hg_arena_array(ctx->arena, (size_t)t, sizeof *log_sums);
    if (loss == NULL || kept == NULL || log_sums == NULL)
        return hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (cross entropy of %lld rows)", (long long)t);
    memcpy(kept, targets, (size_t)t * sizeof *kept);
    cross_entropy_job job = {.logits = logits, .targets = kept, .log_sums = log_sums};
    hg_parallel_for(hg_ctx_threads(ctx, 16 * hg_tensor_count(logits)), t, cross_entropy_forward_row, &job);
    double sum = 0;
    for (int64_t i = 0; i < t; i++) {
        if (kept[i] >= 0)
            sum += log_sums[i] - (double)hg_tensor_real(logits)[i * logits->stride[0] + kept[i]];
    }
    hg_tensor_real(loss)[0] = (hg_real)sum;
    void *saved = hg_tape_save(ctx, &job, sizeof job);
    hg_tape_push(ctx, &hg_op_cross_entropy_entry, loss, (hg_tensor *[]){logits}, 1, saved);
    return hg_ctx_failed(ctx) ? NULL : loss;
}
