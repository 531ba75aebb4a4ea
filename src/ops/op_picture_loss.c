/* SPDX-License-Identifier: Apache-2.0
 *
 * op_picture_loss.c: how far a picture is from the one that it should be. With d = x - target,
 *   L = sum of l1 |d| + l2 d² + edge (|d - d to the left| + |d - d above|):
 * the last term asks for the target's edges where they are, which the eye and SSIM see first.
 *
 * Shapes: x and target the same, contiguous, rows and columns last; L (1). The target gets no gradient.
 * Gradient: the signs and 2 d, times dL.
 */
#include "base/parallel.h"
#include "ops/ops.h"
#include "ops/registry.h"

typedef struct picture_job {
    hg_picture_loss how;
    const hg_tensor *x, *target;
    hg_real upstream;
    double *sums; /* of the planes; forward only */
} picture_job;

static hg_real picture_sign(hg_real x)
{
    return (hg_real)((x > 0) - (x < 0));
}

static hg_real picture_size(hg_real x)
{
    return x < 0 ? -x : x;
}

static double picture_row(const hg_picture_loss *how, int64_t w, bool first, const hg_real *x,
                          const hg_real *t)
{
    double sum = 0;
    for (int64_t j = 0; j < w; j++) {
        hg_real d = x[j] - t[j];
        hg_real left = j > 0 ? d - (x[j - 1] - t[j - 1]) : 0, above = first ? 0 : d - (x[j - w] - t[j - w]);
        sum += (double)(how->l1 * picture_size(d) + how->l2 * d * d +
                        how->edge * (picture_size(left) + picture_size(above)));
    }
    return sum;
}

static void picture_plane(void *arg, int64_t plane, int worker)
{
    (void)worker;
    const picture_job *job = arg;
    int64_t h = job->x->shape[job->x->n_dims - 2], w = job->x->shape[job->x->n_dims - 1];
    for (int64_t i = 0; i < h; i++) {
        int64_t at = (plane * h + i) * w;
        job->sums[plane] +=
            picture_row(&job->how, w, i == 0, hg_tensor_real(job->x) + at, hg_tensor_real(job->target) + at);
    }
}

static void picture_backward_row(const picture_job *job, int64_t w, bool first, int64_t at)
{
    const hg_real *x = hg_tensor_real(job->x) + at, *t = hg_tensor_real(job->target) + at;
    hg_real *dx = job->x->grad + at, edge = job->upstream * job->how.edge;
    for (int64_t j = 0; j < w; j++) {
        hg_real d = x[j] - t[j];
        dx[j] += job->upstream * (job->how.l1 * picture_sign(d) + 2 * job->how.l2 * d);
    }
    for (int64_t j = 1; j < w; j++) {
        hg_real s = edge * picture_sign((x[j] - t[j]) - (x[j - 1] - t[j - 1]));
        dx[j] += s;
        dx[j - 1] -= s;
    }
    for (int64_t j = 0; j < w && !first; j++) {
        hg_real s = edge * picture_sign((x[j] - t[j]) - (x[j - w] - t[j - w]));
        dx[j] += s;
        dx[j - w] -= s;
    }
}

static void picture_backward_plane(void *arg, int64_t plane, int worker)
{
    (void)worker;
    const picture_job *job = arg;
    int64_t h = job->x->shape[job->x->n_dims - 2], w = job->x->shape[job->x->n_dims - 1];
    for (int64_t i = 0; i < h; i++)
        picture_backward_row(job, w, i == 0, (plane * h + i) * w);
}

static int64_t picture_planes(const hg_tensor *x)
{
    return hg_tensor_count(x) / (x->shape[x->n_dims - 2] * x->shape[x->n_dims - 1]);
}

static void picture_loss_backward(hg_ctx *ctx, const hg_record *record)
{
    const hg_tensor *x = record->in[0];
    picture_job job = {*(const hg_picture_loss *)record->saved, x, record->in[1], record->out->grad[0], NULL};
    if (x->grad != NULL)
        hg_parallel_for(hg_ctx_threads(ctx, 16 * hg_tensor_count(x)), picture_planes(x),
                        picture_backward_plane, &job);
}

const hg_op hg_op_picture_loss_entry = {"picture_loss", picture_loss_backward};

hg_tensor *hg_op_picture_loss(hg_ctx *ctx, hg_tensor *x, hg_tensor *target, const hg_picture_loss *how)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (x->n_dims < 2 || !hg_tensor_same_shape(x, target) || !hg_tensor_is_contiguous(x) ||
        !hg_tensor_is_contiguous(target))
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "picture_loss: the pictures differ in shape");
    hg_tensor *loss = hg_ctx_tensor(ctx, 1, (int64_t[]){1}, hg_ctx_wants_grad(ctx, x));
    double *sums = hg_arena_array(ctx->arena, (size_t)picture_planes(x), sizeof *sums), sum = 0;
    if (loss == NULL || sums == NULL)
        return hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (the loss of a picture)");
    picture_job job = {*how, x, target, 0, sums};
    hg_parallel_for(hg_ctx_threads(ctx, 16 * hg_tensor_count(x)), picture_planes(x), picture_plane, &job);
    for (int64_t i = 0; i < picture_planes(x); i++)
        sum += sums[i];
    hg_tensor_real(loss)[0] = (hg_real)sum;
    void *saved = hg_tape_save(ctx, how, sizeof *how);
    hg_tape_push(ctx, &hg_op_picture_loss_entry, loss, (hg_tensor *[]){x, target}, 2, saved);
    return hg_ctx_failed(ctx) ? NULL : loss;
}
