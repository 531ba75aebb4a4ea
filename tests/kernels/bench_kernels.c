/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_kernels.c: the best of several runs. Ratios hold within one run only: machines and their load differ.
 */
#include "bench_kernels.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "base/timing.h"
#include "kernels/kernels.h"

#include <stdio.h>

#define COLUMNS 8192
#define CHUNK 64
/* Bytes of a matrix, of whatever type: more than any cache holds. A chunk of the smallest type has half a
 * byte a number. */
#define MATRIX_BYTES ((size_t)128 << 20)
#define MAX_CHUNKS ((int64_t)(MATRIX_BYTES / (CHUNK * COLUMNS / 2)))

typedef struct bench {
    const hg_kernels *kernels;
    hg_dtype type;
    void *w; /* MATRIX_BYTES */
    float *x, *y;
    int64_t n;
    int64_t n_chunks;
    float gather[MAX_CHUNKS];
} bench;

static void bench_matvec_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    bench *b = arg;
    const uint8_t *w = (const uint8_t *)b->w + (size_t)index * hg_dtype_span(b->type, CHUNK * COLUMNS);
    b->kernels->matvec(b->type, CHUNK, COLUMNS, w, COLUMNS, b->x, true, b->y + index * CHUNK);
}

/* A plain read of the same bytes. */
static void bench_read_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    bench *b = arg;
    int64_t n = (int64_t)hg_dtype_span(b->type, CHUNK * COLUMNS) / 8;
    const uint64_t *w = (const uint64_t *)b->w + index * n;
    uint64_t lane[16] = {0};
    for (int64_t i = 0; i < n; i += 16) {
        for (int l = 0; l < 16; l++)
            lane[l] ^= w[i + l];
    }
    for (int l = 1; l < 16; l++)
        lane[0] ^= lane[l];
    b->gather[index] = (float)lane[0];
}

static double bench_chunks(bench *b, int n_threads, hg_parallel_fn fn)
{
    double best = 1e9;
    for (int i = 0; i < 7; i++) {
        double begin = hg_timing_now();
        hg_parallel_for(n_threads, b->n_chunks, fn, b);
        double seconds = hg_timing_now() - begin;
        best = seconds < best ? seconds : best;
    }
    return best;
}

static void bench_matvec(bench *b, hg_cpu_tier tier)
{
    static const hg_dtype types[] = {HG_DTYPE_F32,  HG_DTYPE_F16,  HG_DTYPE_BF16, HG_DTYPE_Q8_0,
                                     HG_DTYPE_Q4_0, HG_DTYPE_Q4_K, HG_DTYPE_Q6_K};
    for (int n_threads = 1; n_threads <= hg_parallel_processors(); n_threads *= 2) {
        for (int i = 0; i < (int)(sizeof types / sizeof *types); i++) {
            b->type = types[i];
            size_t chunk_bytes = hg_dtype_span(b->type, CHUNK * COLUMNS);
            b->n_chunks = (int64_t)(MATRIX_BYTES / chunk_bytes);
            double giga = (double)b->n_chunks * (double)chunk_bytes * 1e-9;
            b->kernels = hg_kernels_get(tier);
            double fast = bench_chunks(b, n_threads, bench_matvec_chunk);
            double read = bench_chunks(b, n_threads, bench_read_chunk);
            printf("matvec %-4s %-9s %d threads: %6.2f GB/s, plain read %6.2f GB/s\n", hg_dtype_name(b->type),
                   b->kernels->name, n_threads, giga / fast, giga / read);
        }
    }
}

typedef void (*bench_fn)(bench *b);

static void run_rmsnorm(bench *b)
{
    b->kernels->rmsnorm(b->n, 1e-5F, b->x, b->x, b->y);
}

static void run_layernorm(bench *b)
{
    b->kernels->layernorm(b->n, 1e-5F, b->x, b->x, b->x, b->y);
}

static void run_softmax(bench *b)
{
    memcpy(b->y, b->x, (size_t)b->n * sizeof *b->y);
    b->kernels->softmax(b->n, 1, b->y);
}

static void run_silu(bench *b)
{
    b->kernels->silu(b->n, b->x, b->y);
}

static void run_swiglu(bench *b)
{
    b->kernels->swiglu(b->n, b->x, b->x, b->y);
}

static void run_gelu(bench *b)
{
    b->kernels->gelu(b->n, b->x, b->y);
}

static void run_quick_gelu(bench *b)
{
    b->kernels->quick_gelu(b->n, b->x, b->y);
}

static void run_head_scores(bench *b)
{
    b->kernels->head_scores(&(hg_head_rows){HG_DTYPE_F16, 512, 1, 128, b->w, 128, true}, b->x, 0, b->y, 0);
}

static void run_head_sums(bench *b)
{
    b->kernels->head_sums(&(hg_head_rows){HG_DTYPE_F16, 512, 1, 128, b->w, 128, true}, b->x, 0, b->y, 0);
}

static void run_to_real_q4_k(bench *b)
{
    b->kernels->to_real(HG_DTYPE_Q4_K, 8192, b->w, b->y);
}

static void run_to_real_q6_k(bench *b)
{
    b->kernels->to_real(HG_DTYPE_Q6_K, 8192, b->w, b->y);
}

static void run_gemm(bench *b)
{
    hg_gemm_shape s = {.trans_b = true, .m = 128, .n = 64, .k = 1024, .lda = 1024, .ldb = 1024, .ldc = 64};
    b->kernels->gemm(&s, b->w, (const float *)b->w + 128 * 1024, 0, b->y);
}

static void run_conv(bench *b)
{
    hg_conv_shape s = {.n_images = 1,
                       .c_in = 32,
                       .h_in = 16,
                       .w_in = 16,
                       .c_out = 32,
                       .h_out = 16,
                       .w_out = 16,
                       .kernel = 3,
                       .stride = 1,
                       .pad = 1};
    b->kernels->conv2d(1, &s, b->w, (const float *)b->w + 8192, b->x, b->y);
}

static double bench_one(bench *b, hg_cpu_tier tier, bench_fn fn)
{
    double best = 1e9;
    b->kernels = hg_kernels_get(tier);
    for (int i = 0; i < 50; i++) {
        double begin = hg_timing_now();
        fn(b);
        double seconds = hg_timing_now() - begin;
        best = seconds < best ? seconds : best;
    }
    return best;
}

int bench_kernels(void)
{
    static const struct {
        const char *name;
        bench_fn fn;
    } list[] = {{"rmsnorm", run_rmsnorm},
                {"layernorm", run_layernorm},
                {"softmax", run_softmax},
                {"silu", run_silu},
                {"swiglu", run_swiglu},
                {"gelu", run_gelu},
                {"quick_gelu", run_quick_gelu},
                {"head_scores", run_head_scores},
                {"head_sums", run_head_sums},
                {"to_real q4_k", run_to_real_q4_k},
                {"to_real q6_k", run_to_real_q6_k},
                {"gemm", run_gemm},
                {"conv2d", run_conv}};
    bench b = {.w = hg_mem_aligned(64, MATRIX_BYTES),
               .x = hg_mem_array(COLUMNS, sizeof(float)),
               .y = hg_mem_array((size_t)(MAX_CHUNKS * CHUNK), sizeof(float)),
               .n = 3072};
    if (b.w == NULL || b.x == NULL || b.y == NULL)
        return 1;
    for (size_t i = 0; i < MATRIX_BYTES / sizeof(float); i++)
        ((float *)b.w)[i] = (float)(i % 97) * 0.01F;
    for (int i = 0; i < COLUMNS; i++)
        b.x[i] = (float)(i % 89) * 0.02F - 0.9F;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        double reference = bench_one(&b, HG_CPU_TIER_REFERENCE, list[i].fn);
        for (hg_cpu_tier tier = HG_CPU_TIER_AVX2; tier < HG_CPU_TIER_COUNT; tier++) {
            if (!hg_cpu_has(tier))
                continue;
            double seconds = bench_one(&b, tier, list[i].fn);
            printf("%-14s %-7s %9.2f us, %6.2f times the reference's speed\n", list[i].name, b.kernels->name,
                   seconds * 1e6, reference / seconds);
        }
    }
    for (hg_cpu_tier tier = HG_CPU_TIER_AVX2; tier < HG_CPU_TIER_COUNT; tier++) {
        if (hg_cpu_has(tier))
            bench_matvec(&b, tier);
    }
    hg_mem_free(b.w);
    hg_mem_free(b.x);
    hg_mem_free(b.y);
    return 0;
}
