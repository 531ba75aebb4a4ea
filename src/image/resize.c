/* SPDX-License-Identifier: Apache-2.0
 *
 * resize.c: separable resampling, rows first, then columns, through an 8-bit picture in between. An output
 * sample is the sum of the inputs under the filter, which is stretched by the scale when shrinking. To give
 * Pillow's bytes: weights are computed and normalised in double, then rounded to 22 fractional bits (8 bits
 * of sample, 2 of headroom for negative lobes, 32 in all); sums start at one half, are shifted back and
 * clipped; a direction whose size does not change is not resampled at all. Rows of canvas above and below the
 * picture are all the same, so they are resampled once.
 */
#include "image/resize.h"

#include "base/checked.h"
#include "base/memory.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define RESIZE_FRACTION_BITS (32 - 8 - 2)
#define RESIZE_HALF (1 << (RESIZE_FRACTION_BITS - 1))
#define RESIZE_PI 3.14159265358979323846

typedef double (*resize_kernel)(double x);

/* The weights of one direction: output i is the sum of inputs first[i] .. first[i] + count[i] - 1 times
 * weights[i * stride ...]. */
typedef struct resize_plan {
    int n_out;
    size_t stride;
    int *first;
    int *count;
    int32_t *weights;
    bool identity; /* sizes are equal: copy */
} resize_plan;

static double resize_triangle(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

/* The order of operations matters for the last bit of a weight. */
static double resize_cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0)
        return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
}

static double resize_sinc(double x)
{
    if (x == 0.0)
        return 1.0;
    x *= RESIZE_PI;
    return sin(x) / x;
}

static double resize_lanczos(double x)
{
    return x >= -3.0 && x < 3.0 ? resize_sinc(x) * resize_sinc(x / 3.0) : 0.0;
}

static resize_kernel resize_kernel_of(hg_resize_filter filter, double *radius)
{
    switch (filter) {
    case HG_RESIZE_FILTER_BILINEAR:
        *radius = 1.0;
        return resize_triangle;
    case HG_RESIZE_FILTER_LANCZOS:
        *radius = 3.0;
        return resize_lanczos;
    case HG_RESIZE_FILTER_BICUBIC:
        break;
    }
    *radius = 2.0;
    return resize_cubic;
}

static void resize_plan_deinit(resize_plan *plan)
{
    hg_mem_free(plan->first);
    hg_mem_free(plan->count);
    hg_mem_free(plan->weights);
}

/* Weights of output i, and which inputs they belong to. `exact` is scratch of plan->stride doubles. */
static void resize_plan_sample(resize_plan *plan, int i, int n_in, double scale, double radius,
                               resize_kernel kernel, double *exact)
{
    double stretch = scale < 1.0 ? 1.0 : scale;
    double support = radius * stretch;
    double centre = (i + 0.5) * scale;
    double shrink = 1.0 / stretch;
    int first = (int)(centre - support + 0.5);
    int end = (int)(centre + support + 0.5);
    first = first < 0 ? 0 : first;
    end = end > n_in ? n_in : end;
    int count = end - first;
    double sum = 0.0;
    for (int k = 0; k < count; k++) {
        exact[k] = kernel((k + first - centre + 0.5) * shrink);
        sum += exact[k];
    }
    int32_t *weights = plan->weights + (size_t)i * plan->stride;
    for (int k = 0; k < count; k++) {
        double weight = sum != 0.0 ? exact[k] / sum : exact[k];
        weight *= 1 << RESIZE_FRACTION_BITS;
        weights[k] = (int32_t)(weight < 0.0 ? weight - 0.5 : weight + 0.5);
    }
    plan->first[i] = first;
    plan->count[i] = count;
}

static hg_status resize_plan_init(resize_plan *plan, int n_in, int n_out, hg_resize_filter filter,
                                  hg_error *err)
{
    *plan = (resize_plan){.n_out = n_out, .identity = n_in == n_out};
    if (plan->identity)
        return HG_STATUS_OK;
    double radius;
    resize_kernel kernel = resize_kernel_of(filter, &radius);
    double scale = (double)n_in / n_out;
    plan->stride = (size_t)ceil(radius * (scale < 1.0 ? 1.0 : scale)) * 2 + 1;
    size_t n_weights;
    if (!hg_checked_mul(plan->stride, (size_t)n_out, &n_weights))
        return hg_error_set(err, HG_STATUS_USAGE, "cannot resize from %d to %d", n_in, n_out);
    plan->first = hg_mem_array((size_t)n_out, sizeof *plan->first);
    plan->count = hg_mem_array((size_t)n_out, sizeof *plan->count);
    plan->weights = hg_mem_array(n_weights, sizeof *plan->weights);
    double *exact = hg_mem_array(plan->stride, sizeof *exact);
    bool ok = plan->first != NULL && plan->count != NULL && plan->weights != NULL && exact != NULL;
    for (int i = 0; ok && i < n_out; i++)
        resize_plan_sample(plan, i, n_in, scale, radius, kernel, exact);
    hg_mem_free(exact);
    return ok ? HG_STATUS_OK : hg_error_memory(err, n_weights * sizeof(int32_t), "resizing weights");
}

static uint8_t resize_clip(int32_t sum)
{
    int32_t value = sum >> RESIZE_FRACTION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* Outputs [begin, end) of a row. */
typedef struct resize_span {
    int begin;
    int end;
} resize_span;

/* One row of three channels. */
static void resize_row_rgb(uint8_t *out, const uint8_t *in, const resize_plan *plan, resize_span span)
{
    for (int i = span.begin; i < span.end; i++) {
        const uint8_t *from = in + (size_t)plan->first[i] * 3;
        const int32_t *weights = plan->weights + (size_t)i * plan->stride;
        int32_t r = RESIZE_HALF;
        int32_t g = RESIZE_HALF;
        int32_t b = RESIZE_HALF;
        for (int k = 0; k < plan->count[i]; k++) {
            r += from[3 * k] * weights[k];
            g += from[3 * k + 1] * weights[k];
            b += from[3 * k + 2] * weights[k];
        }
        out[3 * i] = resize_clip(r);
        out[3 * i + 1] = resize_clip(g);
        out[3 * i + 2] = resize_clip(b);
    }
}

static void resize_row(uint8_t *out, const uint8_t *in, const resize_plan *plan, int channels,
                       resize_span span)
{
    if (plan->identity) {
        memcpy(out, in, (size_t)plan->n_out * (size_t)channels);
        return;
    }
    if (channels == 3) {
        resize_row_rgb(out, in, plan, span);
        return;
    }
    for (int i = span.begin; i < span.end; i++) {
        const uint8_t *from = in + (size_t)plan->first[i] * (size_t)channels;
        const int32_t *weights = plan->weights + (size_t)i * plan->stride;
        for (int c = 0; c < channels; c++) {
            int32_t sum = RESIZE_HALF;
            for (int k = 0; k < plan->count[i]; k++)
                sum += from[k * channels + c] * weights[k];
            out[i * channels + c] = resize_clip(sum);
        }
    }
}

/* The picture between the two passes: `n_rows` resampled rows of the picture, and one of bare canvas. */
typedef struct resize_middle {
    uint8_t *rows;
    uint8_t *bare;
    size_t row_bytes;
    int top;
    int n_rows;
} resize_middle;

static const uint8_t *resize_middle_row(const resize_middle *m, int y)
{
    if (y < m->top || y >= m->top + m->n_rows)
        return m->bare;
    return m->rows + (size_t)(y - m->top) * m->row_bytes;
}

static void resize_fill(uint8_t *line, int n_pixels, const hg_resize_canvas *in)
{
    size_t n_channels = (size_t)in->channels;
    for (int x = 0; x < n_pixels; x++)
        memcpy(line + (size_t)x * n_channels, in->colour, n_channels);
}

/* The outputs of a row that see anything of the picture; the others are bare canvas. */
static resize_span resize_seen(const hg_resize_canvas *in, const resize_plan *plan)
{
    resize_span span = {0, plan->n_out};
    if (plan->identity)
        return span;
    while (span.begin < span.end && plan->first[span.begin] + plan->count[span.begin] <= in->left)
        span.begin++;
    while (span.begin < span.end && plan->first[span.end - 1] >= in->left + in->width)
        span.end--;
    return span;
}

/* First pass. `line` is scratch for a row of the canvas. Only the outputs that see the picture are computed
 * for each row: for a picture of one column and many rows, all of them would take long. */
static void resize_rows(resize_middle *m, const hg_resize_canvas *in, const resize_plan *plan, uint8_t *line)
{
    size_t n_channels = (size_t)in->channels;
    size_t in_bytes = (size_t)in->width * n_channels;
    bool framed = in->width != in->canvas_width;
    resize_span all = {0, plan->n_out};
    resize_span seen = resize_seen(in, plan);
    resize_fill(line, in->canvas_width, in);
    resize_row(m->bare, line, plan, in->channels, all);
    for (int y = 0; y < in->height; y++) {
        const uint8_t *row = in->pixels + (size_t)y * in_bytes;
        uint8_t *out = m->rows + (size_t)y * m->row_bytes;
        if (framed) {
            memcpy(line + (size_t)in->left * n_channels, row, in_bytes);
            memcpy(out, m->bare, m->row_bytes);
        }
        resize_row(out, framed ? line : row, plan, in->channels, seen);
    }
}

/* Second pass, a whole output row at a time so that memory is read in order. `sums` has row_bytes numbers. */
static void resize_columns(uint8_t *out, const resize_middle *m, const resize_plan *plan, int32_t *sums)
{
    for (int i = 0; i < plan->n_out; i++, out += m->row_bytes) {
        if (plan->identity) {
            memcpy(out, resize_middle_row(m, i), m->row_bytes);
            continue;
        }
        const int32_t *weights = plan->weights + (size_t)i * plan->stride;
        for (size_t x = 0; x < m->row_bytes; x++)
            sums[x] = RESIZE_HALF;
        for (int k = 0; k < plan->count[i]; k++) {
            const uint8_t *row = resize_middle_row(m, plan->first[i] + k);
            int32_t weight = weights[k];
            for (size_t x = 0; x < m->row_bytes; x++)
                sums[x] += row[x] * weight;
        }
        for (size_t x = 0; x < m->row_bytes; x++)
            out[x] = resize_clip(sums[x]);
    }
}

static hg_status resize_check(int out_width, int out_height, const hg_resize_canvas *in, hg_error *err)
{
    bool sizes = in->width > 0 && in->height > 0 && out_width > 0 && out_height > 0;
    bool channels = in->channels > 0 && in->channels <= HG_RESIZE_MAX_CHANNELS;
    bool place = in->left >= 0 && in->top >= 0 && in->canvas_width - in->left >= in->width &&
                 in->canvas_height - in->top >= in->height;
    if (sizes && channels && place)
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_USAGE,
                        "cannot resize %d x %d pixels of %d channels at (%d, %d) of %d x %d to %d x %d",
                        in->width, in->height, in->channels, in->left, in->top, in->canvas_width,
                        in->canvas_height, out_width, out_height);
}

static hg_status resize_run(uint8_t *out, const hg_resize_canvas *in, const resize_plan *across,
                            const resize_plan *down, hg_error *err)
{
    resize_middle m = {.top = in->top, .n_rows = in->height};
    m.row_bytes = (size_t)across->n_out * (size_t)in->channels;
    m.rows = hg_mem_array((size_t)in->height, m.row_bytes);
    m.bare = hg_mem_alloc(m.row_bytes);
    uint8_t *line = hg_mem_array((size_t)in->canvas_width, (size_t)in->channels);
    int32_t *sums = hg_mem_array(m.row_bytes, sizeof *sums);
    hg_status status = HG_STATUS_OK;
    if (m.rows != NULL && m.bare != NULL && line != NULL && sums != NULL) {
        resize_rows(&m, in, across, line);
        resize_columns(out, &m, down, sums);
    } else {
        status = hg_error_memory(err, (unsigned long long)in->height * m.row_bytes, "resizing");
    }
    hg_mem_free(sums);
    hg_mem_free(line);
    hg_mem_free(m.bare);
    hg_mem_free(m.rows);
    return status;
}

hg_status hg_resize_canvas_u8(uint8_t *out, int out_width, int out_height, const hg_resize_canvas *in,
                              hg_resize_filter filter, hg_error *err)
{
    hg_status status = resize_check(out_width, out_height, in, err);
    if (status != HG_STATUS_OK)
        return status;
    resize_plan across;
    resize_plan down = {0};
    status = resize_plan_init(&across, in->canvas_width, out_width, filter, err);
    if (status == HG_STATUS_OK)
        status = resize_plan_init(&down, in->canvas_height, out_height, filter, err);
    if (status == HG_STATUS_OK)
        status = resize_run(out, in, &across, &down, err);
    resize_plan_deinit(&across);
    resize_plan_deinit(&down);
    return status;
}

hg_status hg_resize_u8(uint8_t *out, int out_width, int out_height, const uint8_t *in, int width, int height,
                       int channels, hg_resize_filter filter, hg_error *err)
{
    hg_resize_canvas canvas = {.pixels = in,
                               .width = width,
                               .height = height,
                               .channels = channels,
                               .canvas_width = width,
                               .canvas_height = height};
    return hg_resize_canvas_u8(out, out_width, out_height, &canvas, filter, err);
}
