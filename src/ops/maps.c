/* SPDX-License-Identifier: Apache-2.0
 *
 * maps.c: chunks are bands of a convolution or runs of pixels whose number is a constant. Statistics of group
 * norm: sums of 32 pixels in float, channel by channel, then in double, chunk after chunk.
 */
#include "ops/maps.h"

#include "base/parallel.h"

#include <math.h>

#define CHUNKS 64
#define SUM_PIXELS 32

/* ---- convolution ---- */

typedef struct conv_job {
    const hg_map_conv *conv;
    const void *x;
    hg_real *y;
    uint8_t *scratch; /* `each` bytes for each worker */
    size_t each;
    unsigned char failed[CHUNKS]; /* by band */
} conv_job;

static void conv_band(void *arg, int64_t index, int worker)
{
    conv_job *job = arg;
    void *scratch = job->scratch + (size_t)worker * job->each;
    job->failed[index] = !hg_map_conv_run(job->conv, index, job->x, job->y, scratch);
}

void hg_maps_conv(hg_ctx *ctx, const hg_map_conv *conv, const void *x, hg_real *y)
{
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    conv_job job = {.conv = conv, .x = x, .y = y, .each = hg_map_conv_scratch_bytes(conv)};
    int64_t floats = (int64_t)(job.each / sizeof(hg_real));
    job.scratch = (uint8_t *)hg_ctx_scratch(ctx, floats * ctx->n_threads);
    if (hg_ctx_failed(ctx))
        return;
    hg_parallel_for(ctx->n_threads, hg_map_conv_n_bands(conv), conv_band, &job);
    for (int64_t i = 0; i < hg_map_conv_n_bands(conv); i++) {
        if (job.failed[i])
            hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (a convolution)");
    }
    hg_arena_reset(ctx->arena, mark);
}

/* ---- pixel by pixel ---- */

typedef struct pixel_job {
    const hg_kernels *kernels;
    const hg_maps_norm *s;
    const hg_real *x;
    hg_dtype type;
    void *y;
    double *sums;                  /* (CHUNKS, 2, c) */
    const hg_real *slope, *offset; /* (c) */
    hg_real *scratch;              /* for each worker: a pixel, or 2 c sums */
} pixel_job;

/* The first pixel of a chunk. */
static int64_t chunk_begin(int64_t n, int64_t index)
{
    return n * index / CHUNKS;
}

static void add_pixels(int64_t n, int64_t c, const hg_real *x, hg_real *sum, hg_real *square)
{
    for (int64_t p = 0; p < n; p++, x += c) {
        for (int64_t j = 0; j < c; j++) {
            sum[j] += x[j];
            square[j] += x[j] * x[j];
        }
    }
}

static void sum_chunk(void *arg, int64_t index, int worker)
{
    const pixel_job *job = arg;
    int64_t c = job->s->c, end = chunk_begin(job->s->n, index + 1);
    hg_real *part = job->scratch + worker * 2 * c;
    double *sums = job->sums + index * 2 * c;
    memset(sums, 0, (size_t)(2 * c) * sizeof *sums);
    for (int64_t p = chunk_begin(job->s->n, index); p < end; p += SUM_PIXELS) {
        memset(part, 0, (size_t)(2 * c) * sizeof *part);
        add_pixels(end - p < SUM_PIXELS ? end - p : SUM_PIXELS, c, job->x + p * c, part, part + c);
        for (int64_t j = 0; j < 2 * c; j++)
            sums[j] += (double)part[j];
    }
}

/* Per channel: y = x · slope + offset. */
static void groupnorm_lines(const hg_maps_norm *s, const double *sums, hg_real *slope, hg_real *offset)
{
    int64_t each = s->c / s->n_groups;
    double n = (double)(s->n * each);
    for (int64_t first = 0; first < s->c; first += each) {
        double sum = 0, square = 0;
        for (int64_t i = 0; i < CHUNKS; i++) {
            for (int64_t j = first; j < first + each; j++) {
                sum += sums[i * 2 * s->c + j];
                square += sums[i * 2 * s->c + s->c + j];
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

static void norm_pixel(const pixel_job *job, const hg_real *restrict x, hg_real *restrict y)
{
    const hg_real *restrict slope = job->slope, *restrict offset = job->offset;
    for (int64_t j = 0; j < job->s->c; j++)
        y[j] = x[j] * slope[j] + offset[j];
    if (job->s->silu)
        job->kernels->silu(job->s->c, y, y);
}

static void norm_chunk(void *arg, int64_t index, int worker)
{
    const pixel_job *job = arg;
    int64_t c = job->s->c, end = chunk_begin(job->s->n, index + 1);
    hg_real *pixel = job->scratch + worker * 2 * c;
    for (int64_t p = chunk_begin(job->s->n, index); p < end; p++) {
        if (job->type == HG_DTYPE_REAL) {
            norm_pixel(job, job->x + p * c, (hg_real *)job->y + p * c);
            continue;
        }
        norm_pixel(job, job->x + p * c, pixel);
        job->kernels->to_bf16(HG_DTYPE_REAL, c, pixel, (uint16_t *)job->y + p * c);
    }
}

void hg_maps_groupnorm(hg_ctx *ctx, const hg_maps_norm *s, const hg_real *x, hg_dtype type, void *y)
{
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    pixel_job job = {.kernels = ctx->kernels, .s = s, .x = x, .type = type, .y = y};
    job.sums = (double *)hg_ctx_scratch(ctx, (int64_t)(sizeof(double) / sizeof(hg_real)) * CHUNKS * 2 * s->c);
    job.scratch = hg_ctx_scratch(ctx, ctx->n_threads * 2 * s->c);
    hg_real *slope = hg_ctx_scratch(ctx, s->c), *offset = hg_ctx_scratch(ctx, s->c);
    if (hg_ctx_failed(ctx))
        return;
    int threads = hg_ctx_threads(ctx, 4 * s->n * s->c);
    hg_parallel_for(threads, CHUNKS, sum_chunk, &job);
    groupnorm_lines(s, job.sums, slope, offset);
    job.slope = slope;
    job.offset = offset;
    hg_parallel_for(threads, CHUNKS, norm_chunk, &job);
    hg_arena_reset(ctx->arena, mark);
}

typedef struct round_job {
    const hg_kernels *kernels;
    int64_t n, side, c; /* side and c of an upsampled map */
    const hg_real *x;
    hg_dtype type;
    void *y;
} round_job;

static void round_values(const round_job *job, int64_t n, int64_t from, int64_t to)
{
    if (job->type == HG_DTYPE_REAL)
        memcpy((hg_real *)job->y + to, job->x + from, (size_t)n * sizeof(hg_real));
    else
        job->kernels->to_bf16(HG_DTYPE_REAL, n, job->x + from, (uint16_t *)job->y + to);
}

static void round_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const round_job *job = arg;
    int64_t begin = chunk_begin(job->n, index);
    round_values(job, chunk_begin(job->n, index + 1) - begin, begin, begin);
}

void hg_maps_round(hg_ctx *ctx, int64_t n, const hg_real *x, hg_dtype type, void *y)
{
    round_job job = {.kernels = ctx->kernels, .n = n, .x = x, .type = type, .y = y};
    hg_parallel_for(hg_ctx_threads(ctx, n), CHUNKS, round_chunk, &job);
}

/* One row of x, two of y. */
static void upsample_row(void *arg, int64_t row, int worker)
{
    (void)worker;
    const round_job *job = arg;
    int64_t c = job->c, length = 2 * job->side * c, to = 2 * row * length;
    for (int64_t i = 0; i < job->side; i++) {
        round_values(job, c, (row * job->side + i) * c, to + 2 * i * c);
        round_values(job, c, (row * job->side + i) * c, to + (2 * i + 1) * c);
    }
    size_t bytes = hg_dtype_bytes(job->type);
    uint8_t *y = job->y;
    memcpy(y + (size_t)(to + length) * bytes, y + (size_t)to * bytes, (size_t)length * bytes);
}

void hg_maps_upsample(hg_ctx *ctx, int64_t side, int64_t c, const hg_real *x, hg_dtype type, void *y)
{
    round_job job = {.kernels = ctx->kernels, .side = side, .c = c, .x = x, .type = type, .y = y};
    hg_parallel_for(hg_ctx_threads(ctx, 4 * side * side * c), side, upsample_row, &job);
}

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
