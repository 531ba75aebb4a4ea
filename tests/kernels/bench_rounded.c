/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_rounded.c: products with block-quantised weights on HealthGPT-M3's shapes, on all processors: for one
 * row of activations beside a plain read of the same memory, for many beside oneDNN's dense products, and
 * both beside the reference tier. What is compared is timed in turns; figures are medians of the turns'
 * ratios.
 */
#include "bench_kernels.h"
#include "dense_product.h"

#include "base/bandwidth.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/timing.h"
#include "kernels/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    hg_prefetch prefetch; /* of interleaved weights */
    size_t ahead;         /* of plain reads */
    volatile uint64_t sum;
} rounded_bench;

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* A thread's, for the longest rows. */
static size_t scratch_bytes(void)
{
    return larger(larger(hg_rounded_scratch(8192), hg_wide_scratch(HG_WIDE_PANEL, 8192)),
                  HG_ROUNDED_PANEL * 8192 * sizeof(float));
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
    b->kernels->matvec_interleaved(b->type, chunk_rows(b, index) / 16 * 16, chunk_weights(b, index),
                                   b->prefetch, &b->rows, false, b->y + index * HG_ROUNDED_PANEL, b->n);
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

/* As the reference tier does it: weights become numbers, activations stay as they are. */
static void reference_chunk(void *arg, int64_t index, int worker)
{
    rounded_bench *b = arg;
    const hg_kernels *reference = hg_kernels_get(HG_CPU_TIER_REFERENCE);
    const int64_t rows = chunk_rows(b, index);
    float *y = b->y + index * HG_ROUNDED_PANEL;
    if (b->t == 1) {
        reference->matvec(b->type, rows, b->k, chunk_weights(b, index), b->k, b->x, true, y);
        return;
    }
    float *w = (float *)(void *)((uint8_t *)b->scratch + (size_t)worker * scratch_bytes());
    const hg_gemm_shape s = {
        .trans_b = true, .m = b->t, .n = rows, .k = b->k, .lda = b->k, .ldb = b->k, .ldc = b->n};
    reference->to_real(b->type, rows * b->k, chunk_weights(b, index), w);
    reference->gemm(&s, b->x, w, 0, y);
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
    double begin = hg_timing_now();
    hg_parallel_for(b->n_threads, b->t, round_row, b);
    return hg_timing_now() - begin;
}

static double seconds_of(rounded_bench *b, hg_parallel_fn fn)
{
    double begin = hg_timing_now();
    rounding_seconds(b);
    hg_parallel_for(b->n_threads, (b->n + HG_ROUNDED_PANEL - 1) / HG_ROUNDED_PANEL, fn, b);
    return hg_timing_now() - begin;
}

/* A plain read of as many bytes. */
static double read_seconds(rounded_bench *b)
{
    double begin = hg_timing_now();
    b->sum = hg_bandwidth_read(b->n_threads, b->w, hg_dtype_span(b->type, b->n * b->k), b->ahead);
    return hg_timing_now() - begin;
}

/* Seconds that the reference would take for all rows: it is slow, so a panel for each thread stands for them.
 */
static double reference_seconds(rounded_bench *b)
{
    double begin = hg_timing_now();
    hg_parallel_for(b->n_threads, b->n_threads, reference_chunk, b);
    return (hg_timing_now() - begin) * (double)b->n / (double)(b->n_threads * HG_ROUNDED_PANEL);
}

/* Gigabytes of weights a second on one thread, of weights that lie in its second-level cache. */
static double cached_rate(rounded_bench *b, hg_parallel_fn fn)
{
    double rate[TURNS];
    for (int turn = 0; turn < TURNS; turn++) {
        double begin = hg_timing_now();
        for (int i = 0; i < 400; i++)
            fn(b, 0, 0);
        rate[turn] =
            400e-9 * (double)hg_dtype_span(b->type, chunk_rows(b, 0) * b->k) / (hg_timing_now() - begin);
    }
    return hg_timing_median(TURNS, rate);
}

/* The same bytes taken for interleaved rows, with every way of asking for them. */
static void bench_interleaved(rounded_bench *b)
{
    static const char *const names[HG_PREFETCH_COUNT] = {[HG_PREFETCH_NONE] = "unasked",
                                                         [HG_PREFETCH_3K] = "asked 3 KiB ahead",
                                                         [HG_PREFETCH_4K] = "4 KiB",
                                                         [HG_PREFETCH_6K] = "6 KiB"};
    double ratio[HG_PREFETCH_COUNT][TURNS];
    for (int turn = -1; turn < TURNS; turn++) {
        for (int way = HG_PREFETCH_NONE; way < HG_PREFETCH_COUNT; way++) {
            b->prefetch = (hg_prefetch)way;
            double read = read_seconds(b), fast = seconds_of(b, interleaved_chunk);
            if (turn >= 0)
                ratio[way][turn] = read / fast;
        }
    }
    printf("  interleaved:");
    for (int way = HG_PREFETCH_NONE; way < HG_PREFETCH_COUNT; way++)
        printf(" %.2f (%s)", hg_timing_median(TURNS, ratio[way]), names[way]);
    b->prefetch = HG_PREFETCH_NONE;
    printf(" of a plain read's speed; from cache, one thread: %.0f GB/s, rows %.0f\n",
           cached_rate(b, interleaved_chunk), cached_rate(b, matvec_chunk));
}

static void bench_decode(rounded_bench *b)
{
    b->wide = false;
    b->k = 3072;
    b->t = 1;
    b->rows.t = 1;
    b->rows.k = b->k;
    for (size_t i = 0; i < sizeof block_types / sizeof *block_types; i++) {
        double ratio[TURNS], rate[TURNS], to_reference[TURNS];
        b->type = block_types[i];
        b->n = (int64_t)(WEIGHT_BYTES / hg_dtype_span(b->type, b->k));
        double giga = (double)hg_dtype_span(b->type, b->n * b->k) * 1e-9;
        for (int turn = -1; turn < TURNS; turn++) {
            double read = read_seconds(b), fast = seconds_of(b, matvec_chunk), plain = reference_seconds(b);
            if (turn < 0)
                continue; /* warms up */
            ratio[turn] = read / fast;
            to_reference[turn] = plain / fast;
            rate[turn] = giga / read;
        }
        printf("one row, %-4s %-11s %d threads: %.2f of a plain read's speed (%.1f GB/s), %.1f of the "
               "reference's\n",
               hg_dtype_name(b->type), b->kernels->name, b->n_threads, hg_timing_median(TURNS, ratio),
               hg_timing_median(TURNS, rate), hg_timing_median(TURNS, to_reference));
        if (b->kernels->interleaves && b->type != HG_DTYPE_Q6_K)
            bench_interleaved(b);
    }
}

/* Medians are 0 where oneDNN has no product of that type. */
static void bench_shape(rounded_bench *b, dense_product *bf16, dense_product *f32)
{
    double to_bf16[TURNS], to_f32[TURNS], to_reference[TURNS], rate[TURNS], rounding[TURNS];
    for (int turn = -1; turn < TURNS; turn++) {
        double half = dense_product_seconds(bf16), whole = dense_product_seconds(f32),
               fast = seconds_of(b, gemm_chunk), part = rounding_seconds(b), plain = reference_seconds(b);
        if (turn < 0)
            continue;
        to_bf16[turn] = half / fast;
        to_f32[turn] = whole / fast;
        to_reference[turn] = plain / fast;
        rate[turn] = 2e-9 * (double)(b->t * b->n * b->k) / fast;
        rounding[turn] = 100 * part / fast;
    }
    printf("%d rows, %lld to %lld, %-4s %-11s: %.2f of oneDNN's bf16, %.2f of its f32, %.0f of the reference "
           "(%.0f GOP/s; %.1f %% of the time is rounding)\n",
           TOKENS, (long long)b->k, (long long)b->n, hg_dtype_name(b->type), b->kernels->name,
           hg_timing_median(TURNS, to_bf16), hg_timing_median(TURNS, to_f32),
           hg_timing_median(TURNS, to_reference), hg_timing_median(TURNS, rate),
           hg_timing_median(TURNS, rounding));
}

static void bench_prefill(rounded_bench *b)
{
    for (size_t s = 0; s < 4; s++) {
        dense_product bf16, f32;
        b->k = shapes[s][0];
        b->n = shapes[s][1];
        b->t = TOKENS;
        (void)dense_product_open(&bf16, dnnl_bf16, b->t, b->k, b->n);
        (void)dense_product_open(&f32, dnnl_f32, b->t, b->k, b->n);
        for (size_t i = 0; i < sizeof block_types / sizeof *block_types; i++) {
            b->type = block_types[i];
            b->wide = hg_kernels_widen(b->kernels, b->type, b->t);
            if (b->wide)
                b->wide_rows = hg_wide_make(b->t, b->k, b->rows.codes);
            else
                b->rows = hg_rounded_make(b->t, b->k, b->rows.codes);
            bench_shape(b, &bf16, &f32);
        }
        dense_product_close(&bf16);
        dense_product_close(&f32);
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
    int n_tiers = 0;
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
    b.ahead = hg_bandwidth_ahead(b.w, WEIGHT_BYTES);
    for (int i = 0; i < TOKENS * 8192; i++)
        b.x[i] = (float)(i % 89) * 0.02F - 0.9F;
    for (hg_cpu_tier tier = HG_CPU_TIER_AVX2; tier < HG_CPU_TIER_COUNT; tier++) {
        if (!differs(tier) || (only != NULL && strcmp(only, hg_cpu_tier_name(tier)) != 0))
            continue;
        b.kernels = hg_kernels_get(tier);
        b.rows = hg_rounded_make(TOKENS, 3072, rows);
        bench_decode(&b);
        bench_prefill(&b);
        n_tiers++;
    }
    if (n_tiers == 0)
        printf("no tier %s with products of its own on this processor\n", only != NULL ? only : "at all");
    hg_mem_free(b.w);
    hg_mem_free(b.x);
    hg_mem_free(b.y);
    hg_mem_free(b.scratch);
    hg_mem_free(rows);
    return 0;
}
