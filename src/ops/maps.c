/* SPDX-License-Identifier: Apache-2.0
 *
 * maps.c: chunks are bands of a convolution. Statistics of group norm: sums of 32 pixels in float, channel by
 * channel, then in double, band after band.
 */
#include "ops/maps.h"

#include "base/parallel.h"
#include "kernels/simd/simd_inline.h"

#include <math.h>

#define SUM_PIXELS 32
/* Numbers in a cache line. */
#define SUM_LINE 16

typedef struct conv_job {
    const hg_kernels *kernels;
    const hg_map_conv *conv;
    const hg_maps_input *input; /* NULL: ready */
    const void *ready;
    hg_real *y;
    double *sums;     /* NULL: not wanted */
    uint8_t *scratch; /* `each` bytes for each worker: the primitive's, from `rows` on the rows of a band,
                         from `part` on sums of pixels */
    size_t each, rows, part;
    unsigned char failed[HG_MAP_BANDS]; /* by band */
} conv_job;

/* ---- what a convolution reads ---- */

static void input_line(const hg_maps_input *in, int64_t c, const hg_real *restrict x, hg_real *restrict y)
{
    const hg_real *restrict slope = in->slope, *restrict offset = in->offset;
    for (int64_t j = 0; j < c; j++)
        y[j] = x[j] * slope[j] + offset[j];
}

/* `n` pixels from x to y, which is of the convolution's type. */
static void input_pixels(const conv_job *job, int64_t n, int64_t c, const hg_real *x, void *y)
{
    const hg_maps_input *in = job->input;
    if (hg_map_conv_get_type(job->conv) == HG_DTYPE_BF16 && in->slope != NULL) {
        job->kernels->lines_to_bf16(n, c, x, in->slope, in->offset, in->silu, y);
    } else if (hg_map_conv_get_type(job->conv) == HG_DTYPE_BF16) {
        job->kernels->to_bf16(HG_DTYPE_REAL, n * c, x, y);
    } else if (in->slope == NULL) {
        memcpy(y, x, (size_t)(n * c) * sizeof *x);
    } else {
        hg_real *to = y;
        for (int64_t i = 0; i < n; i++, x += c, to += c) {
            input_line(in, c, x, to);
            if (in->silu)
                job->kernels->silu(c, to, to);
        }
    }
}

/* Pixels of `bytes` bytes, each to the two places from 2 i on; y may be x. */
static void input_spread(int64_t n, size_t bytes, const uint8_t *x, uint8_t *y)
{
    for (int64_t i = n - 1; i >= 0; i--) {
        memmove(y + (size_t)(2 * i + 1) * bytes, x + (size_t)i * bytes, bytes);
        memmove(y + (size_t)(2 * i) * bytes, x + (size_t)i * bytes, bytes);
    }
}

/* The rows that a band reads. */
static void input_rows(const conv_job *job, const hg_map_band *band, uint8_t *rows)
{
    const hg_conv_shape *s = hg_map_conv_get_shape(job->conv);
    const size_t pixel = (size_t)s->c_in * hg_dtype_bytes(hg_map_conv_get_type(job->conv));
    const size_t row_bytes = pixel * (size_t)s->w_in;
    const hg_real *x = job->input->x;
    if (!job->input->twice) {
        input_pixels(job, band->in_rows * s->w_in, s->c_in, x + band->in_first * s->w_in * s->c_in, rows);
        return;
    }
    const int64_t half = s->w_in / 2;
    for (int64_t i = 0; i < band->in_rows; i++, rows += row_bytes) {
        int64_t row = band->in_first + i;
        if (i > 0 && row % 2 == 1) {
            memcpy(rows, rows - row_bytes, row_bytes);
            continue;
        }
        input_pixels(job, half, s->c_in, x + row / 2 * half * s->c_in, rows);
        input_spread(half, pixel, rows, rows);
    }
}

/* ---- sums ---- */

/* Of n pixels: their columns' sums, then those of squares; `part` has room for as many floats. */
static void sum_pixels(const hg_kernels *kernels, int64_t n, int64_t c, const hg_real *x, hg_real *part,
                       double *sums)
{
    memset(sums, 0, (size_t)(2 * c) * sizeof *sums);
    for (int64_t p = 0; p < n; p += SUM_PIXELS, x += SUM_PIXELS * c) {
        for (int64_t line = 0; line < SUM_PIXELS * c; line += SUM_LINE) /* of the next 32 pixels */
            simd_prefetch_at(x + line, (uintptr_t)(SUM_PIXELS * c) * sizeof *x);
        kernels->column_sums(n - p < SUM_PIXELS ? n - p : SUM_PIXELS, c, x, part, part + c);
        for (int64_t j = 0; j < 2 * c; j++)
            sums[j] += (double)part[j];
    }
}

void hg_maps_groupnorm(const hg_maps_norm *s, const hg_maps_sums *sums, hg_real *slope, hg_real *offset)
{
    int64_t each = s->c / s->n_groups;
    double n = (double)(s->n * each);
    for (int64_t first = 0; first < s->c; first += each) {
        double sum = 0, square = 0;
        for (int64_t i = 0; i < sums->n_parts; i++) {
            for (int64_t j = first; j < first + each; j++) {
                sum += sums->parts[i * 2 * s->c + j];
                square += sums->parts[i * 2 * s->c + s->c + j];
            }
        }
        double mean = sum / n, variance = square / n - mean * mean;
        double r = 1 / sqrt((variance > 0 ? variance : 0) + (double)s->eps);
        for (int64_t j = first; j < first + each; j++) {
            slope[j] = (hg_real)(r * (double)s->gain[j]);
            offset[j] = (hg_real)((double)s->bias[j] - mean * r * (double)s->gain[j]);
        }
    }
}

/* ---- convolution ---- */

static void conv_band(void *arg, int64_t index, int worker)
{
    conv_job *job = arg;
    const hg_conv_shape *s = hg_map_conv_get_shape(job->conv);
    const hg_map_band band = hg_map_conv_get_band(job->conv, index);
    uint8_t *scratch = job->scratch + (size_t)worker * job->each, *rows = scratch + job->rows;
    const void *x = rows;
    if (job->input != NULL)
        input_rows(job, &band, rows);
    else
        x = (const uint8_t *)job->ready +
            (size_t)(band.in_first * s->w_in * s->c_in) * hg_dtype_bytes(hg_map_conv_get_type(job->conv));
    hg_real *y = job->y + band.out_first * s->w_out * s->c_out;
    job->failed[index] = !hg_map_conv_run(job->conv, index, x, y, scratch);
    if (job->sums != NULL && !job->failed[index])
        sum_pixels(job->kernels, band.out_rows * s->w_out, s->c_out, y,
                   (hg_real *)(void *)(scratch + job->part), job->sums + index * 2 * s->c_out);
}

/* Bytes of the rows that a band reads. */
static size_t conv_input_bytes(const conv_job *job)
{
    const hg_conv_shape *s = hg_map_conv_get_shape(job->conv);
    int64_t most = 0;
    for (int64_t i = 0; i < hg_map_conv_n_bands(job->conv); i++) {
        int64_t rows = hg_map_conv_get_band(job->conv, i).in_rows;
        most = rows > most ? rows : most;
    }
    return (size_t)(most * s->w_in * s->c_in) * hg_dtype_bytes(hg_map_conv_get_type(job->conv));
}

static size_t conv_align(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static void conv_run(hg_ctx *ctx, conv_job *job, hg_maps_sums *sums)
{
    const int64_t n = hg_map_conv_n_bands(job->conv);
    if (hg_ctx_failed(ctx))
        return;
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    job->kernels = ctx->kernels;
    job->rows = hg_map_conv_scratch_bytes(job->conv);
    job->part = conv_align(job->rows + (job->input != NULL ? conv_input_bytes(job) : 0));
    job->each = conv_align(job->part + 2 * (size_t)hg_map_conv_get_shape(job->conv)->c_out * sizeof(hg_real));
    job->scratch = (uint8_t *)hg_ctx_scratch(ctx, (int64_t)(job->each / sizeof(hg_real)) * ctx->n_threads);
    if (hg_ctx_failed(ctx))
        return;
    if (sums != NULL) {
        job->sums = sums->parts;
        sums->n_parts = n;
    }
    hg_parallel_for(ctx->n_threads, n, conv_band, job);
    for (int64_t i = 0; i < n; i++) {
        if (job->failed[i])
            hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (a convolution)");
    }
    hg_arena_reset(ctx->arena, mark);
}

void hg_maps_conv(hg_ctx *ctx, const hg_map_conv *conv, const hg_maps_input *input, hg_real *y,
                  hg_maps_sums *sums)
{
    conv_job job = {.conv = conv, .input = input, .y = y};
    conv_run(ctx, &job, sums);
}

void hg_maps_conv_ready(hg_ctx *ctx, const hg_map_conv *conv, const void *x, hg_real *y, hg_maps_sums *sums)
{
    conv_job job = {.conv = conv, .ready = x, .y = y};
    conv_run(ctx, &job, sums);
}

/* ---- layouts ---- */

void hg_maps_from_planes(int64_t n, int64_t c, const hg_real *x, hg_real *y)
{
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < c; j++)
            y[i * c + j] = x[j * n + i];
    }
}

void hg_maps_to_planes(int64_t n, int64_t c, const hg_real *x, hg_real *y)
{
    hg_maps_from_planes(c, n, x, y);
}
