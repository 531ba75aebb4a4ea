/* SPDX-License-Identifier: Apache-2.0
 *
 * op_groupnorm.c: y = n · g[c] + b[c] with n = (x - mean) r and r = 1 / sqrt(variance + eps), mean and biased
 * variance over one group: C / G channels and all their pixels.
 *
 * Shapes: x and y (C, H, W) contiguous, or (B, C, H, W), each image for itself; g and b (C).
 * Gradient, per group, with u = dy · g: dx += r (u - mean(u) - n mean(u n)); dg[c] and db[c] += the sums of
 * dy n and dy over the channel's pixels.
 */
#include "base/parallel.h"
#include "ops/ops.h"
#include "ops/registry.h"

typedef struct groupnorm_shape {
    int64_t n_images, n_groups, channels, area; /* channels of a group; pixels of a channel */
    double eps;
} groupnorm_shape;

typedef struct groupnorm_job {
    groupnorm_shape s;
    const hg_tensor *x, *gain, *bias, *y;
} groupnorm_job;

typedef struct groupnorm_moments {
    double mean, r;
} groupnorm_moments;

/* Sums that run side by side: one alone would wait for each addition. */
#define LANES 8

static double groupnorm_sum(int64_t n, const hg_real *x, double mean, bool squares)
{
    double lane[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int64_t l = 0; l < LANES; l++) {
            double d = (double)x[i + l] - mean;
            lane[l] += squares ? d * d : d;
        }
    }
    for (; i < n; i++) {
        double d = (double)x[i] - mean;
        sum += squares ? d * d : d;
    }
    for (int64_t l = 0; l < LANES; l++)
        sum += lane[l];
    return sum;
}

static groupnorm_moments groupnorm_measure(const groupnorm_shape *s, const hg_real *x)
{
    int64_t n = s->channels * s->area;
    double mean = groupnorm_sum(n, x, 0, false) / (double)n;
    double variance = groupnorm_sum(n, x, mean, true) / (double)n;
    return (groupnorm_moments){mean, 1 / sqrt(variance + s->eps)};
}

/* The first element of a group of an image. */
static int64_t groupnorm_at(const groupnorm_shape *s, int64_t image, int64_t group)
{
    return (image * s->n_groups + group) * s->channels * s->area;
}

/* One group of one image a chunk. */
static void groupnorm_group(void *arg, int64_t index, int worker)
{
    (void)worker;
    const groupnorm_job *job = arg;
    const groupnorm_shape *s = &job->s;
    int64_t group = index % s->n_groups, at = groupnorm_at(s, index / s->n_groups, group);
    const hg_real *x = hg_tensor_real(job->x) + at;
    hg_real *y = hg_tensor_real(job->y) + at;
    groupnorm_moments m = groupnorm_measure(s, x);
    for (int64_t c = 0; c < s->channels; c++, x += s->area, y += s->area) {
        double slope = m.r * (double)hg_tensor_real(job->gain)[group * s->channels + c];
        double shift = (double)hg_tensor_real(job->bias)[group * s->channels + c] - m.mean * slope;
        for (int64_t i = 0; i < s->area; i++)
            y[i] = (hg_real)((double)x[i] * slope + shift);
    }
}

/* Sums of dy and of dy (x - mean) r over the n pixels of a channel. */
static void groupnorm_backward_sums(int64_t n, const hg_real *x, const hg_real *dy, groupnorm_moments m,
                                    double *sum, double *sum_n)
{
    double lane[LANES] = {0}, lane_n[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int64_t l = 0; l < LANES; l++) {
            lane[l] += (double)dy[i + l];
            lane_n[l] += (double)dy[i + l] * ((double)x[i + l] - m.mean);
        }
    }
    for (; i < n; i++) {
        lane[0] += (double)dy[i];
        lane_n[0] += (double)dy[i] * ((double)x[i] - m.mean);
    }
    *sum = *sum_n = 0;
    for (int64_t l = 0; l < LANES; l++) {
        *sum += lane[l];
        *sum_n += lane_n[l] * m.r;
    }
}

static void groupnorm_backward_image(const groupnorm_job *job, int64_t image, int64_t group)
{
    const groupnorm_shape *s = &job->s;
    int64_t at = groupnorm_at(s, image, group), first = group * s->channels, n = s->channels * s->area;
    const hg_real *x = hg_tensor_real(job->x) + at, *dy = job->y->grad + at, *g = hg_tensor_real(job->gain);
    groupnorm_moments m = groupnorm_measure(s, x);
    double mean_u = 0, mean_un = 0;
    for (int64_t c = 0; c < s->channels; c++) {
        double sum, sum_n;
        groupnorm_backward_sums(s->area, x + c * s->area, dy + c * s->area, m, &sum, &sum_n);
        if (job->gain->grad != NULL)
            job->gain->grad[first + c] += (hg_real)sum_n;
        if (job->bias->grad != NULL)
            job->bias->grad[first + c] += (hg_real)sum;
        mean_u += sum * (double)g[first + c] / (double)n;
        mean_un += sum_n * (double)g[first + c] / (double)n;
    }
    hg_real *dx = job->x->grad != NULL ? job->x->grad + at : NULL;
    /* dx += r u - r mean_u - (x - mean) r² mean_un */
    hg_real slope_x = (hg_real)(-m.r * m.r * mean_un), mean = (hg_real)m.mean,
            shift = (hg_real)(-m.r * mean_u);
    for (int64_t c = 0; dx != NULL && c < s->channels; c++) {
        hg_real slope = (hg_real)(m.r * (double)g[first + c]);
        for (int64_t i = c * s->area; i < (c + 1) * s->area; i++)
            dx[i] += dy[i] * slope + (x[i] - mean) * slope_x + shift;
    }
}

/* Gradients of one group of all images: each group has its own channels, so threads never add to the same
 * place. */
static void groupnorm_backward_group(void *arg, int64_t group, int worker)
{
    (void)worker;
    const groupnorm_job *job = arg;
    for (int64_t image = 0; image < job->s.n_images; image++)
        groupnorm_backward_image(job, image, group);
}

static void groupnorm_backward(hg_ctx *ctx, const hg_record *record)
{
    groupnorm_job job = {*(const groupnorm_shape *)record->saved, record->in[0], record->in[1], record->in[2],
                         record->out};
    hg_parallel_for(ctx->n_threads, job.s.n_groups, groupnorm_backward_group, &job);
}

const hg_op hg_op_groupnorm_entry = {"groupnorm", groupnorm_backward};

hg_tensor *hg_op_groupnorm(hg_ctx *ctx, hg_tensor *x, hg_tensor *gain, hg_tensor *bias, int64_t n_groups,
                           hg_real eps)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    int64_t c = x->shape[x->n_dims < 3 ? 0 : x->n_dims - 3];
    if (x->n_dims < 3 || !hg_tensor_is_contiguous(x) || n_groups < 1 || c % n_groups != 0 ||
        gain->shape[0] != c || bias->shape[0] != c) {
        char xs[HG_TENSOR_SHAPE_TEXT];
        return hg_ctx_fail(ctx, HG_STATUS_INPUT,
                           "groupnorm: input %s does not fit %lld groups and gain [%lld]",
                           hg_tensor_format_shape(x, xs), (long long)n_groups, (long long)gain->shape[0]);
    }
    bool grad = hg_ctx_wants_grad(ctx, x) || hg_ctx_wants_grad(ctx, gain) || hg_ctx_wants_grad(ctx, bias);
    hg_tensor *y = hg_ctx_tensor(ctx, x->n_dims, x->shape, grad);
    if (y == NULL)
        return NULL;
    groupnorm_shape shape = {x->n_dims == 4 ? x->shape[0] : 1, n_groups, c / n_groups,
                             x->shape[x->n_dims - 2] * x->shape[x->n_dims - 1], (double)eps};
    groupnorm_job job = {shape, x, gain, bias, y};
    hg_parallel_for(ctx->n_threads, shape.n_images * n_groups, groupnorm_group, &job);
    void *saved = hg_tape_save(ctx, &shape, sizeof shape);
    hg_tape_push(ctx, &hg_op_groupnorm_entry, y, (hg_tensor *[]){x, gain, bias}, 3, saved);
    return hg_ctx_failed(ctx) ? NULL : y;
}
