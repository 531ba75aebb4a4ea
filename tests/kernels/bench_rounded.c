/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_rounded.c: products with block-quantised weights on HealthGPT-M3's shapes, on all processors: for one
 * row of activations beside a plain read of the same memory, for many beside oneDNN's dense products. What is
 * compared is timed in turns; figures are medians of the turns' ratios.
 */
#include "bench_kernels.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "kernels/kernels.h"

#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TURNS 7
#define TOKENS 512
#define WEIGHT_BYTES ((size_t)320 << 20) /* far more than any cache */

static const hg_dtype block_types[] = {HG_DTYPE_Q8_0, HG_DTYPE_Q6_K, HG_DTYPE_Q4_K, HG_DTYPE_Q4_0};
/* Inputs and outputs of qkv, o, gate and up, down. */
static const int64_t shapes[4][2] = {{3072, 9216}, {3072, 3072}, {3072, 16384}, {8192, 3072}};

typedef struct rounded_bench {
    const hg_kernels *kernels;
    int n_threads;
    hg_dtype type;
    int64_t n, k, t;
    uint8_t *w;
    float *x, *y;
    void *scratch; /* one for each thread */
    hg_rounded rows;
    bool wide; /* many rows go through gemm_wide */
    hg_wide wide_rows;
    uint64_t gather[4096];
} rounded_bench;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* A thread's, for the longest rows. */
static size_t scratch_bytes(void)
{
    return larger(hg_rounded_scratch(8192), hg_wide_scratch(8192));
}

static int64_t chunk_rows(const rounded_bench *b, int64_t index)
{
    int64_t left = b->n - index * HG_ROUNDED_PANEL;
    return left < HG_ROUNDED_PANEL ? left : HG_ROUNDED_PANEL;
}

static const uint8_t *chunk_weights(const rounded_bench *b, int64_t index)
{
    return b->w + hg_dtype_span(b->type, index * HG_ROUNDED_PANEL * b->k);
}

static void matvec_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    rounded_bench *b = arg;
    b->kernels->matvec_rounded(b->type, chunk_rows(b, index), chunk_weights(b, index), b->k, &b->rows, false,
                               b->y + index * HG_ROUNDED_PANEL, b->n);
}

static void interleaved_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    rounded_bench *b = arg;
    b->kernels->matvec_interleaved(b->type, chunk_rows(b, index) / 16 * 16, chunk_weights(b, index), &b->rows,
                                   false, b->y + index * HG_ROUNDED_PANEL, b->n);
}

/* One load a cache line. */
static void read_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    rounded_bench *b = arg;
    int64_t n = (int64_t)hg_dtype_span(b->type, chunk_rows(b, index) * b->k);
    const uint8_t *w = chunk_weights(b, index);
    uint64_t lane[8] = {0};
    for (int64_t i = 0; i + 512 <= n; i += 512) {
        for (int l = 0; l < 8; l++) {
            uint64_t part;
            memcpy(&part, w + i + 64 * l, sizeof part);
            __builtin_prefetch(w + i + 64 * l + 4096);
            lane[l] ^= part;
        }
    }
    for (int l = 1; l < 8; l++)
        lane[0] ^= lane[l];
    b->gather[index % 4096] = lane[0];
}

static void gemm_chunk(void *arg, int64_t index, int worker)
{
    rounded_bench *b = arg;
    uint8_t *scratch = (uint8_t *)b->scratch + (size_t)worker * scratch_bytes();
    float *y = b->y + index * HG_ROUNDED_PANEL;
    if (b->wide)
        b->kernels->gemm_wide(chunk_rows(b, index),
                              &(hg_wide_term){b->type, false, chunk_weights(b, index), b->k, &b->wide_rows},
                              1, false, y, b->n, scratch);
    else
        b->kernels->gemm_rounded(b->type, chunk_rows(b, index), chunk_weights(b, index), b->k, &b->rows,
                                 false, y, b->n, scratch);
}

static void round_row(void *arg, int64_t index, int worker)
{
    (void)worker;
    rounded_bench *b = arg;
    if (b->wide)
        b->kernels->round_wide(b->x + index * b->k, &b->wide_rows, index);
    else
        b->kernels->round(b->x + index * b->k, &b->rows, index);
}

static double rounding_seconds(rounded_bench *b)
{
    double begin = now();
    hg_parallel_for(b->n_threads, b->t, round_row, b);
    return now() - begin;
}

static double seconds_of(rounded_bench *b, hg_parallel_fn fn)
{
    double begin = now();
    if (fn != read_chunk)
        rounding_seconds(b);
    hg_parallel_for(b->n_threads, (b->n + HG_ROUNDED_PANEL - 1) / HG_ROUNDED_PANEL, fn, b);
    return now() - begin;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, compare_doubles);
    return x[n / 2];
}

/* Gigabytes of weights a second on one thread, of weights that lie in its second-level cache. */
static double cached_rate(rounded_bench *b, hg_parallel_fn fn)
{
    double rate[TURNS];
    for (int turn = 0; turn < TURNS; turn++) {
        double begin = now();
        for (int i = 0; i < 400; i++)
            fn(b, 0, 0);
        rate[turn] = 400e-9 * (double)hg_dtype_span(b->type, chunk_rows(b, 0) * b->k) / (now() - begin);
    }
    return median(rate, TURNS);
}

/* The same bytes taken for interleaved rows. */
static void bench_interleaved(rounded_bench *b)
{
    double ratio[TURNS];
    for (int turn = -1; turn < TURNS; turn++) {
        double read = seconds_of(b, read_chunk), fast = seconds_of(b, interleaved_chunk);
        if (turn >= 0)
            ratio[turn] = read / fast;
    }
    printf("  interleaved: %.2f of a plain read's speed; from cache, one thread: %.0f GB/s, rows %.0f\n",
           median(ratio, TURNS), cached_rate(b, interleaved_chunk), cached_rate(b, matvec_chunk));
}

static void bench_decode(rounded_bench *b)
{
    b->wide = false;
    b->k = 3072;
    b->t = 1;
    b->rows.t = 1;
    b->rows.k = b->k;
    for (size_t i = 0; i < sizeof block_types / sizeof *block_types; i++) {
        double ratio[TURNS], rate[TURNS];
        b->type = block_types[i];
        b->n = (int64_t)(WEIGHT_BYTES / hg_dtype_span(b->type, b->k));
        double giga = (double)hg_dtype_span(b->type, b->n * b->k) * 1e-9;
        for (int turn = -1; turn < TURNS; turn++) {
            double read = seconds_of(b, read_chunk), fast = seconds_of(b, matvec_chunk);
            if (turn < 0)
                continue; /* warms up */
            ratio[turn] = read / fast;
            rate[turn] = giga / read;
        }
        printf("one row, %-4s %-11s %d threads: %.2f of a plain read's speed (%.1f GB/s)\n",
               hg_dtype_name(b->type), b->kernels->name, b->n_threads, median(ratio, TURNS),
               median(rate, TURNS));
        if (b->kernels->interleaves && b->type != HG_DTYPE_Q6_K)
            bench_interleaved(b);
    }
}

/* ---- oneDNN's dense product with weights in the order it likes ---- */

typedef struct dense {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    dnnl_memory_t x, w, y;
} dense;

static dnnl_memory_t dense_memory(const dense *d, const dnnl_memory_desc_t *desc)
{
    dnnl_memory_t m = NULL;
    void *data = NULL;
    if (dnnl_memory_create(&m, desc, d->engine, DNNL_MEMORY_ALLOCATE) != dnnl_success ||
        dnnl_memory_get_data_handle(m, &data) != dnnl_success)
        exit(1);
    memset(data, 0, dnnl_memory_desc_get_size(desc));
    return m;
}

static void dense_open(dense *d, const rounded_bench *b, dnnl_data_type_t type)
{
    dnnl_memory_desc_t x, w, y;
    const dnnl_dims_t xd = {b->t, b->k}, wd = {b->k, b->n}, yd = {b->t, b->n};
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd;
    dnnl_engine_create(&d->engine, dnnl_cpu, 0);
    dnnl_stream_create(&d->stream, d->engine, dnnl_stream_default_flags);
    dnnl_memory_desc_init_by_tag(&x, 2, xd, type, dnnl_ab);
    dnnl_memory_desc_init_by_tag(&w, 2, wd, type, dnnl_format_tag_any);
    dnnl_memory_desc_init_by_tag(&y, 2, yd, dnnl_f32, dnnl_ab);
    if (dnnl_matmul_desc_init(&desc, &x, &w, NULL, &y) != dnnl_success ||
        dnnl_primitive_desc_create(&pd, &desc, NULL, d->engine, NULL) != dnnl_success ||
        dnnl_primitive_create(&d->primitive, pd) != dnnl_success)
        exit(1);
    d->x = dense_memory(d, &x);
    d->w = dense_memory(d, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0));
    d->y = dense_memory(d, &y);
    dnnl_primitive_desc_destroy(pd);
}

static double dense_seconds(dense *d)
{
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, d->x}, {DNNL_ARG_WEIGHTS, d->w}, {DNNL_ARG_DST, d->y}};
    double begin = now();
    dnnl_primitive_execute(d->primitive, d->stream, 3, args);
    dnnl_stream_wait(d->stream);
    return now() - begin;
}

static void dense_close(dense *d)
{
    dnnl_memory_destroy(d->x);
    dnnl_memory_destroy(d->w);
    dnnl_memory_destroy(d->y);
    dnnl_primitive_destroy(d->primitive);
    dnnl_stream_destroy(d->stream);
    dnnl_engine_destroy(d->engine);
}

static void bench_prefill(rounded_bench *b)
{
    for (size_t s = 0; s < 4; s++) {
        dense bf16, f32;
        b->k = shapes[s][0];
        b->n = shapes[s][1];
        b->t = TOKENS;
        b->wide = b->kernels->wide;
        if (b->wide)
            b->wide_rows = hg_wide_make(b->t, b->k, b->rows.codes);
        else
            b->rows = hg_rounded_make(b->t, b->k, b->rows.codes);
        dense_open(&bf16, b, dnnl_bf16);
        dense_open(&f32, b, dnnl_f32);
        for (size_t i = 0; i < sizeof block_types / sizeof *block_types; i++) {
            double to_bf16[TURNS], to_f32[TURNS], rate[TURNS], rounding[TURNS];
            b->type = block_types[i];
            for (int turn = -1; turn < TURNS; turn++) {
                double half = dense_seconds(&bf16), whole = dense_seconds(&f32),
                       fast = seconds_of(b, gemm_chunk), part = rounding_seconds(b);
                if (turn < 0)
                    continue;
                to_bf16[turn] = half / fast;
                to_f32[turn] = whole / fast;
                rate[turn] = 2e-9 * (double)(b->t * b->n * b->k) / fast;
                rounding[turn] = 100 * part / fast;
            }
            printf(
                "%d rows, %lld to %lld, %-4s %-11s: %.2f of oneDNN's bf16, %.2f of its f32 (%.0f GOP/s; %.1f "
                "%% of the time is rounding)\n",
                TOKENS, (long long)b->k, (long long)b->n, hg_dtype_name(b->type), b->kernels->name,
                median(to_bf16, TURNS), median(to_f32, TURNS), median(rate, TURNS), median(rounding, TURNS));
        }
        dense_close(&bf16);
        dense_close(&f32);
    }
}

/* Whether a tier has products of its own. */
static bool differs(hg_cpu_tier tier)
{
    const hg_kernels *t = hg_kernels_get(tier), *below = hg_kernels_get((hg_cpu_tier)((int)tier - 1));
    return hg_cpu_has(tier) && (t->gemm_rounded != below->gemm_rounded || t->wide != below->wide ||
                                t->gemm_wide != below->gemm_wide);
}

int bench_rounded(const char *only)
{
    static rounded_bench b;
    b.n_threads = hg_parallel_processors();
    b.w = hg_mem_aligned(1 << 21, WEIGHT_BYTES);
    b.x = hg_mem_array((size_t)TOKENS * 8192, sizeof *b.x);
    b.y = hg_mem_array((size_t)TOKENS * 16384, sizeof *b.y);
    b.scratch = hg_mem_aligned(64, (size_t)b.n_threads * scratch_bytes());
    void *rows = hg_mem_aligned(64, larger(hg_rounded_bytes(TOKENS, 8192), hg_wide_bytes(TOKENS, 8192)));
    if (b.w == NULL || b.x == NULL || b.y == NULL || b.scratch == NULL || rows == NULL)
        return 1;
    for (size_t i = 0; i < WEIGHT_BYTES; i++)
        b.w[i] = (uint8_t)(i % 59);
    for (int i = 0; i < TOKENS * 8192; i++)
        b.x[i] = (float)(i % 89) * 0.02F - 0.9F;
    for (hg_cpu_tier tier = HG_CPU_TIER_AVX2; tier < HG_CPU_TIER_COUNT; tier++) {
        if (!differs(tier) || (only != NULL && strcmp(only, hg_cpu_tier_name(tier)) != 0))
            continue;
        b.kernels = hg_kernels_get(tier);
        b.rows = hg_rounded_make(TOKENS, 3072, rows);
        bench_decode(&b);
        bench_prefill(&b);
    }
    hg_mem_free(b.w);
    hg_mem_free(b.x);
    hg_mem_free(b.y);
    hg_mem_free(b.scratch);
    hg_mem_free(rows);
    return 0;
}
