/* SPDX-License-Identifier: Apache-2.0
 *
 * image_metrics.c: sums over pixels, and SSIM by a separable window. Everything in double.
 */
#include "eval/image_metrics.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define METRICS_MAX_TAPS 11
#define METRICS_GAUSS_SIGMA 1.5

/* One side of a separable window, and what variances are multiplied by. */
typedef struct ssim_kernel {
    double taps[METRICS_MAX_TAPS];
    int n;
    double sample; /* n / (n - 1) for sample variances, else 1 */
} ssim_kernel;

static ssim_kernel make_kernel(hg_ssim_window window)
{
    ssim_kernel k = {.n = 7, .sample = 49.0 / 48.0};
    double sum = 0;
    if (window == HG_SSIM_WINDOW_GAUSSIAN)
        k = (ssim_kernel){.n = 11, .sample = 1};
    for (int i = 0; i < k.n; i++) {
        double d = i - k.n / 2;
        k.taps[i] = window == HG_SSIM_WINDOW_GAUSSIAN
                        ? exp(-0.5 * d * d / (METRICS_GAUSS_SIGMA * METRICS_GAUSS_SIGMA))
                        : 1;
        sum += k.taps[i];
    }
    for (int i = 0; i < k.n; i++)
        k.taps[i] /= sum;
    return k;
}

/* The five moments that SSIM needs of one row of pixels: a, b, a^2, b^2, ab; each (width). */
static void row_moments(double *out, const double *a, const double *b, int width, int channels)
{
    for (int x = 0; x < width; x++) {
        double u = a[(size_t)x * (size_t)channels], v = b[(size_t)x * (size_t)channels];
        out[x] = u;
        out[width + x] = v;
        out[2 * width + x] = u * u;
        out[3 * width + x] = v * v;
        out[4 * width + x] = u * v;
    }
}

static double ssim_at(const double m[5], const ssim_kernel *k, double range)
{
    double c1 = 0.01 * range * 0.01 * range, c2 = 0.03 * range * 0.03 * range;
    double va = k->sample * (m[2] - m[0] * m[0]), vb = k->sample * (m[3] - m[1] * m[1]);
    double vab = k->sample * (m[4] - m[0] * m[1]);
    return (2 * m[0] * m[1] + c1) * (2 * vab + c2) / ((m[0] * m[0] + m[1] * m[1] + c1) * (va + vb + c2));
}

/* Where a channel's pixels are, and the running sums. */
typedef struct ssim_run {
    const double *a, *b;
    const uint8_t *mask;
    int width, height, channels;
    double range;
    ssim_kernel kernel;
    double *columns; /* (5, width): moments summed along y */
    double *moments; /* (n, 5, width): of the rows in the window, a ring */
    double sum;
    size_t n;
} ssim_run;

/* SSIM of the pixels of row y, whose window's rows are in the ring. */
static void ssim_row(ssim_run *r, int y)
{
    int n = r->kernel.n, half = n / 2, width = r->width;
    memset(r->columns, 0, 5 * (size_t)width * sizeof *r->columns);
    for (int j = 0; j < n; j++) {
        const double *row = r->moments + (size_t)((y - half + j) % n) * 5 * (size_t)width;
        for (int x = 0; x < 5 * width; x++)
            r->columns[x] += r->kernel.taps[j] * row[x];
    }
    for (int x = half; x < width - half; x++) {
        double m[5] = {0};
        if (r->mask != NULL && r->mask[(size_t)y * (size_t)width + (size_t)x] == 0)
            continue;
        for (int c = 0; c < 5; c++) {
            for (int i = 0; i < n; i++)
                m[c] += r->kernel.taps[i] * r->columns[c * width + x - half + i];
        }
        r->sum += ssim_at(m, &r->kernel, r->range);
        r->n++;
    }
}

static void ssim_channel(ssim_run *r, int channel)
{
    size_t stride = (size_t)r->width * (size_t)r->channels;
    int n = r->kernel.n;
    for (int y = 0; y < r->height; y++) {
        row_moments(r->moments + (size_t)(y % n) * 5 * (size_t)r->width,
                    r->a + (size_t)y * stride + (size_t)channel, r->b + (size_t)y * stride + (size_t)channel,
                    r->width, r->channels);
        if (y >= n - 1)
            ssim_row(r, y - n / 2);
    }
}

static hg_status compute_ssim(ssim_run *r, hg_error *err)
{
    size_t row = 5 * (size_t)r->width;
    int n = r->kernel.n;
    if (r->width < n || r->height < n)
        return hg_error_set(err, HG_STATUS_INPUT, "%d x %d pixels are fewer than the window of SSIM, %d x %d",
                            r->width, r->height, n, n);
    r->columns = hg_mem_array(row, sizeof *r->columns);
    r->moments = hg_mem_array(row * (size_t)n, sizeof *r->moments);
    hg_status status = HG_STATUS_OK;
    if (r->columns == NULL || r->moments == NULL)
        status = hg_error_memory(err, row * (size_t)(n + 1) * sizeof *r->moments, "SSIM");
    for (int c = 0; c < r->channels && status == HG_STATUS_OK; c++)
        ssim_channel(r, c);
    hg_mem_free(r->columns);
    hg_mem_free(r->moments);
    if (status == HG_STATUS_OK && r->n == 0)
        status =
            hg_error_set(err, HG_STATUS_INPUT, "the mask leaves no pixel whose window lies in the picture");
    return status;
}

hg_status hg_metrics_compute(hg_image_scores *scores, const double *a, const double *b, const uint8_t *mask,
                             int width, int height, int channels, double range, hg_ssim_window window,
                             hg_error *err)
{
    double squares = 0, absolute = 0;
    size_t n = 0, n_pixels = (size_t)width * (size_t)height;
    for (size_t p = 0; p < n_pixels; p++) {
        if (mask != NULL && mask[p] == 0)
            continue;
        n++;
        for (size_t i = p * (size_t)channels; i < (p + 1) * (size_t)channels; i++) {
            double d = a[i] - b[i];
            squares += d * d;
            absolute += fabs(d);
        }
    }
    if (n == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "the mask leaves no pixel");
    double n_values = (double)n * (double)channels;
    ssim_run run = {.a = a,
                    .b = b,
                    .mask = mask,
                    .width = width,
                    .height = height,
                    .channels = channels,
                    .range = range,
                    .kernel = make_kernel(window)};
    *scores = (hg_image_scores){.width = width,
                                .height = height,
                                .channels = channels,
                                .range = range,
                                .n_pixels = n,
                                .mse = squares / n_values,
                                .mae = absolute / n_values};
    scores->psnr = hg_eval_psnr(scores->mse, range);
    hg_status status = compute_ssim(&run, err);
    if (status == HG_STATUS_OK)
        scores->ssim = run.sum / (double)run.n;
    return status;
}

double hg_eval_psnr(double mse, double range)
{
    return mse > 0 ? 10 * log10(range * range / mse) : (double)INFINITY;
}

double hg_metrics_wrapped_mse(const uint8_t *a, const uint8_t *b, const uint8_t *mask, size_t n_pixels,
                              int channels)
{
    double sum = 0;
    size_t n = 0;
    for (size_t p = 0; p < n_pixels; p++) {
        if (mask != NULL && mask[p] == 0)
            continue;
        for (size_t i = p * (size_t)channels; i < (p + 1) * (size_t)channels; i++, n++) {
            uint8_t d = (uint8_t)(a[i] - b[i]);
            sum += (uint8_t)(d * d);
        }
    }
    return n > 0 ? sum / (double)n : 0;
}
