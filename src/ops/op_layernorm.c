/* SPDX-License-Identifier: Apache-2.0
 *
 * op_layernorm.c: y = n · g + b with n = (x - mean) r and r = 1 / sqrt(variance + eps), row by row; biased
 * variance.
 *
 * Shapes: x (T, C), rows may be strided; g and b (C), y (T, C).
 * Gradient, per row, with u = dy · g: dx += r (u - mean(u) - n mean(u n)); dg += dy n; db += dy.
 */
#include "base/parallel.h"
#include "ops/ops.h"
#include "ops/registry.h"

typedef struct layernorm_job {
    const hg_kernels *kernels;
    const hg_tensor *x, *gain, *bias, *y;
    hg_real eps;
} layernorm_job;

static void layernorm_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const layernorm_job *job = arg;
    job->kernels->layernorm(job->x->shape[1], job->eps, hg_tensor_real(job->x) + t * job->x->stride[0],
                            hg_tensor_real(job->gain), hg_tensor_real(job->bias),
                            hg_tensor_real(job->y) + t * job->y->stride[0]);
}

/* Sums of a row are kept in this many parts, which a processor adds side by side. */
#define LANES 8

static double lanes_sum(const double *lanes)
{
    double sum = 0;
    for (int i = 0; i < LANES; i++)
        sum += lanes[i];
    return sum;
}

static double row_mean(const hg_real *restrict x, int64_t n)
{
    double lanes[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int j = 0; j < LANES; j++)
            lanes[j] += (double)x[i + j];
    }
    for (; i < n; i++)
        lanes[0] += (double)x[i];
    return lanes_sum(lanes) / (double)n;
}

static double row_variance(const hg_real *restrict x, double mean, int64_t n)
{
    double lanes[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int j = 0; j < LANES; j++)
            lanes[j] += ((double)x[i + j] - mean) * ((double)x[i + j] - mean);
    }
    for (; i < n; i++)
        lanes[0] += ((double)x[i] - mean) * ((double)x[i] - mean);
    return lanes_sum(lanes) / (double)n;
}

/* Sum of dy · g and of dy · g · (x - mean). */
static void row_sums(const hg_real *restrict x, const hg_real *restrict dy, const hg_real *restrict g,
                     double mean, int64_t n, double *sum_u, double *sum_ux)
{
    double u[LANES] = {0}, ux[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int j = 0; j < LANES; j++) {
            double d = (double)dy[i + j] * (double)g[i + j];
            u[j] += d;
            ux[j] += d * ((double)x[i + j] - mean);
        }
    }
    for (; i < n; i++) {
        double d = (double)dy[i] * (double)g[i];
        u[0] += d;
        ux[0] += d * ((double)x[i] - mean);
    }
    *sum_u = lanes_sum(u);
    *sum_ux = lanes_sum(ux);
}

/* dx += r · (dy · g - mean_u - (x - mean) · slope) */
static void row_to_input(const hg_real *restrict x, const hg_real *restrict dy, const hg_real *restrict g,
                         hg_real mean, hg_real r, hg_real mean_u, hg_real slope, int64_t n,
                         hg_real *restrict dx)
{
    for (int64_t i = 0; i < n; i++)
        dx[i] += r * (dy[i] * g[i] - mean_u - (x[i] - mean) * slope);
}

static void row_to_gain(const hg_real *restrict x, const hg_real *restrict dy, hg_real mean, hg_real r,
                        int64_t n, hg_real *restrict dg)
{
    for (int64_t i = 0; i < n; i++)
        dg[i] += dy[i] * ((x[i] - mean) * r);
}

static void row_to_bias(const hg_real *restrict dy, int64_t n, hg_real *restrict db)
{
    for (int64_t i = 0; i < n; i++)
        db[i] += dy[i];
}

static void layernorm_backward_row(const hg_record *record, double eps, int64_t t)
{
    const hg_tensor *x = record->in[0], *gain = record->in[1], *bias = record->in[2];
    int64_t n = x->shape[1];
    const hg_real *row = hg_tensor_real(x) + t * x->stride[0], *g = hg_tensor_real(gain);
    const hg_real *dy = record->out->grad + t * n;
    double mean = row_mean(row, n), sum_u, sum_ux;
    double r = 1 / sqrt(row_variance(row, mean, n) + eps);
    row_sums(row, dy, g, mean, n, &sum_u, &sum_ux);
    if (x->grad != NULL)
        row_to_input(row, dy, g, (hg_real)mean, (hg_real)r, (hg_real)(sum_u / (double)n),
                     (hg_real)(sum_ux * r * r / (double)n), n, x->grad + t * x->stride[0]);
    if (gain->grad != NULL)
        row_to_gain(row, dy, (hg_real)mean, (hg_real)r, n, gain->grad);
    if (bias->grad != NULL)
        row_to_bias(dy, n, bias->grad);
}

static void layernorm_backward(hg_ctx *ctx, const hg_record *record)
{
    (void)ctx;
    double eps = (double)*(const hg_real *)record->saved;
    for (int64_t t = 0; t < record->in[0]->shape[0]; t++)
        layernorm_backward_row(record, eps, t);
}

const hg_op hg_op_layernorm_entry = {"layernorm", layernorm_backward};

hg_tensor *hg_op_layernorm(hg_ctx *ctx, hg_tensor *x, hg_tensor *gain, hg_tensor *bias, hg_real eps)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (x->n_dims != 2 || gain->shape[0] != x->shape[1] || bias->shape[0] != x->shape[1])
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "layernorm: the gain or the bias does not fit the input");
    bool grad = hg_ctx_wants_grad(ctx, x) || hg_ctx_wants_grad(ctx, gain) || hg_ctx_wants_grad(ctx, bias);
    hg_tensor *y = hg_ctx_tensor(ctx, 2, x->shape, grad);
    if (y == NULL)
        return NULL;
    layernorm_job job = {ctx->kernels, x, gain, bias, y, eps};
    hg_parallel_for(hg_ctx_threads(ctx, 4 * hg_tensor_count(x)), x->shape[0], layernorm_row, &job);
    void *saved = hg_tape_save(ctx, &eps, sizeof eps);
    hg_tape_push(ctx, &hg_op_layernorm_entry, y, (hg_tensor *[]){x, gain, bias}, 3, saved);
    return hg_ctx_failed(ctx) ? NULL : y;
}
