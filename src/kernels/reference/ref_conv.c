/* SPDX-License-Identifier: Apache-2.0
 *
 * ref_conv.c: convolution and its gradients, straight from the definition
 *   y[o, i, j] = b[o] + sum over c, u, v of w[o, c, u, v] x[c, i s + u - p, j s + v - p]    (zero outside x).
 * Each result is summed by one thread, in one order, in double. Images are done one after the other.
 */
#include "base/parallel.h"
#include "kernels/reference/reference.h"

typedef struct ref_conv_job {
    const hg_conv_shape *s;
    const hg_real *x, *w, *bias, *dy;
    hg_real *y, *dx, *dw, *db;
} ref_conv_job;

/* Elements of one image. */
static int64_t ref_conv_in(const hg_conv_shape *s)
{
    return s->c_in * s->h_in * s->w_in;
}

static int64_t ref_conv_out(const hg_conv_shape *s)
{
    return s->c_out * s->h_out * s->w_out;
}

/* Kernel positions u with 0 <= at + u < size, as [begin, end). */
typedef struct ref_span {
    int64_t begin, end;
} ref_span;

static ref_span ref_clip(int64_t at, int64_t kernel, int64_t size)
{
    return (ref_span){at < 0 ? -at : 0, size - at < kernel ? size - at : kernel};
}

/* One output channel. */
static void ref_conv_forward(void *arg, int64_t o, int worker)
{
    (void)worker;
    const ref_conv_job *job = arg;
    const hg_conv_shape *s = job->s;
    const hg_real *w = job->w + o * s->c_in * s->kernel * s->kernel;
    hg_real *y = job->y + o * s->h_out * s->w_out;
    for (int64_t i = 0; i < s->h_out; i++) {
        int64_t top = i * s->stride - s->pad;
        ref_span rows = ref_clip(top, s->kernel, s->h_in);
        for (int64_t j = 0; j < s->w_out; j++) {
            int64_t left = j * s->stride - s->pad;
            ref_span columns = ref_clip(left, s->kernel, s->w_in);
            double sum = job->bias != NULL ? (double)job->bias[o] : 0;
            for (int64_t c = 0; c < s->c_in; c++) {
                for (int64_t u = rows.begin; u < rows.end; u++) {
                    const hg_real *x_row = job->x + (c * s->h_in + top + u) * s->w_in;
                    const hg_real *w_row = w + (c * s->kernel + u) * s->kernel;
                    for (int64_t v = columns.begin; v < columns.end; v++)
                        sum += (double)w_row[v] * (double)x_row[left + v];
                }
            }
            y[i * s->w_out + j] = (hg_real)sum;
        }
    }
}

bool hg_reference_conv2d(int n_threads, const hg_conv_shape *s, const hg_real *x, const hg_real *w,
                         const hg_real *bias, hg_real *y)
{
    for (int64_t i = 0; i < s->n_images; i++) {
        ref_conv_job job = {
            .s = s, .x = x + i * ref_conv_in(s), .w = w, .bias = bias, .y = y + i * ref_conv_out(s)};
        hg_parallel_for(n_threads, s->c_out, ref_conv_forward, &job);
    }
    return true;
}

/* The gradient of one input pixel: the sum over the outputs that read it. */
static double ref_conv_pixel(const ref_conv_job *job, int64_t c, int64_t row, int64_t column)
{
    const hg_conv_shape *s = job->s;
    double sum = 0;
    for (int64_t u = 0; u < s->kernel; u++) {
        int64_t i = row + s->pad - u;
        if (i < 0 || i % s->stride != 0 || i / s->stride >= s->h_out)
            continue;
        for (int64_t v = 0; v < s->kernel; v++) {
            int64_t j = column + s->pad - v;
            if (j < 0 || j % s->stride != 0 || j / s->stride >= s->w_out)
                continue;
            int64_t at = i / s->stride * s->w_out + j / s->stride;
            for (int64_t o = 0; o < s->c_out; o++)
                sum += (double)job->w[((o * s->c_in + c) * s->kernel + u) * s->kernel + v] *
                       (double)job->dy[o * s->h_out * s->w_out + at];
        }
    }
    return sum;
}

/* One input channel. */
static void ref_conv_data(void *arg, int64_t c, int worker)
{
    (void)worker;
    const ref_conv_job *job = arg;
    for (int64_t row = 0; row < job->s->h_in; row++) {
        for (int64_t column = 0; column < job->s->w_in; column++)
            job->dx[(c * job->s->h_in + row) * job->s->w_in + column] +=
                (hg_real)ref_conv_pixel(job, c, row, column);
    }
}

bool hg_reference_conv2d_backward_data(int n_threads, const hg_conv_shape *s, const hg_real *dy,
                                       const hg_real *w, hg_real *dx)
{
    for (int64_t i = 0; i < s->n_images; i++) {
        ref_conv_job job = {.s = s, .dy = dy + i * ref_conv_out(s), .w = w, .dx = dx + i * ref_conv_in(s)};
        hg_parallel_for(n_threads, s->c_in, ref_conv_data, &job);
    }
    return true;
}

/* The gradient of w[o, c, u, v], dy being the gradient of output channel o. */
static double ref_conv_weight(const ref_conv_job *job, const hg_real *dy, int64_t c, int64_t u, int64_t v)
{
    const hg_conv_shape *s = job->s;
    double sum = 0;
    for (int64_t i = 0; i < s->h_out; i++) {
        int64_t row = i * s->stride + u - s->pad;
        if (row < 0 || row >= s->h_in)
            continue;
        for (int64_t j = 0; j < s->w_out; j++) {
            int64_t column = j * s->stride + v - s->pad;
            if (column >= 0 && column < s->w_in)
                sum += (double)dy[i * s->w_out + j] * (double)job->x[(c * s->h_in + row) * s->w_in + column];
        }
    }
    return sum;
}

/* One output channel. */
static void ref_conv_weights(void *arg, int64_t o, int worker)
{
    (void)worker;
    const ref_conv_job *job = arg;
    const hg_conv_shape *s = job->s;
    const hg_real *dy = job->dy + o * s->h_out * s->w_out;
    hg_real *dw = job->dw + o * s->c_in * s->kernel * s->kernel;
    for (int64_t c = 0; c < s->c_in; c++) {
        for (int64_t u = 0; u < s->kernel; u++) {
            for (int64_t v = 0; v < s->kernel; v++)
                *dw++ += (hg_real)ref_conv_weight(job, dy, c, u, v);
        }
    }
    if (job->db == NULL)
        return;
    double sum = 0;
    for (int64_t i = 0; i < s->h_out * s->w_out; i++)
        sum += (double)dy[i];
    job->db[o] += (hg_real)sum;
}

bool hg_reference_conv2d_backward_weights(int n_threads, const hg_conv_shape *s, const hg_real *dy,
                                          const hg_real *x, hg_real *dw, hg_real *db)
{
    for (int64_t i = 0; i < s->n_images; i++) {
        ref_conv_job job = {
            .s = s, .dy = dy + i * ref_conv_out(s), .x = x + i * ref_conv_in(s), .dw = dw, .db = db};
        hg_parallel_for(n_threads, s->c_out, ref_conv_weights, &job);
    }
    return true;
}
