/* SPDX-License-Identifier: Apache-2.0
 *
 * test_project_rounded.c: a frozen layer with its H-LoRA, whose weights are of different types, with rounded
 * activations: near what floats give, the same bits with any threads and any length of chunks, and with a
 * scale for 256 inputs just where the tier's table says so, in bf16 where the context does.
 */
#include "base/rng.h"
#include "ops/ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { K = 512, N = 144, R = 64, E = 4, T = 75 };

/* Of a layer with enough weight rows for long chunks on one thread. */
enum { LONG_N = 16 * HG_WIDE_MOST + 48, LONG_K = 256, LONG_R = 32, LONG_T = 40 };

typedef struct layer {
    hg_real x[T * K];
    uint8_t w[N * K * 4], a[R * K * 4], b[N * R * 4], router[E * K * 4];
    hg_tensor in, weight;
    hg_hlora plug;
} layer;

static layer l;

static hg_tensor make_weight(hg_dtype type, int64_t rows, int64_t columns, hg_rng *rng, void *memory)
{
    static hg_real real[LONG_N * LONG_K]; /* more than N K */
    for (int64_t i = 0; i < rows * columns; i++)
        real[i] = (hg_real)(2 * hg_rng_uniform(rng) - 1);
    hg_dtype_from_real(type, rows * columns, real, memory);
    return hg_tensor_make(type, 2, (int64_t[]){rows, columns}, memory);
}

/* As packages have it: a plug-in of its own type, the router in f16. */
static void make_layer(hg_dtype frozen, hg_dtype plug)
{
    hg_rng rng;
    hg_rng_init(&rng, 5);
    for (int i = 0; i < T * K; i++)
        l.x[i] = (hg_real)(2 * hg_rng_uniform(&rng) - 1);
    l.in = hg_tensor_make(HG_DTYPE_REAL, 2, (int64_t[]){T, K}, l.x);
    l.weight = make_weight(frozen, N, K, &rng, l.w);
    l.plug.a = make_weight(plug, R, K, &rng, l.a);
    l.plug.b = make_weight(plug, N, R, &rng, l.b);
    l.plug.router = make_weight(HG_DTYPE_F16, E, K, &rng, l.router);
    l.plug.scale = (hg_real)0.5;
}

/* The first n_t rows. */
static void run(const hg_kernels *kernels, hg_compute compute, bool bf16, int n_threads, int64_t n_t,
                hg_real *y)
{
    hg_arena arena;
    hg_ctx ctx;
    hg_arena_init(&arena, 1 << 20, (size_t)64 << 20);
    hg_ctx_init(&ctx, &arena, kernels, n_threads);
    ctx.compute = compute;
    ctx.bf16 = bf16;
    hg_tensor x = hg_tensor_view_rows(&l.in, 0, n_t);
    const hg_tensor *got = hg_op_project(&ctx, &x, &l.weight, NULL, &l.plug, NULL);
    if (got == NULL)
        fail_msg("%s", ctx.error.text);
    memcpy(y, got->data, hg_tensor_bytes(got));
    hg_arena_deinit(&arena);
}

/* Of the results' root mean square. A number of a run of uniform ones moves by 1/254 of the largest at most,
 * so by 1/254 of its own root mean square on average: x, then what B is multiplied with, as much for either's
 * weights where they are rounded, too; errors are independent. */
#define MEAN_ERROR (2.0 / 127)

static hg_real exact[T * N], rounded[T * N], again[T * N];

/* Of rounded from exact, of its root mean square. */
static double mean_error(int64_t n_t)
{
    double errors = 0, sizes = 0;
    for (int64_t i = 0; i < n_t * N; i++) {
        errors += pow((double)rounded[i] - (double)exact[i], 2);
        sizes += pow((double)exact[i], 2);
    }
    return sqrt(errors / sizes);
}

static void check_rows(const hg_kernels *kernels, hg_dtype frozen, hg_dtype plug, int64_t n_t)
{
    const size_t bytes = (size_t)(n_t * N) * sizeof(hg_real);
    run(kernels, HG_COMPUTE_EXACT, false, 1, n_t, exact);
    run(kernels, HG_COMPUTE_INFER, false, 1, n_t, rounded);
    const double error = mean_error(n_t);
    if (!(error > 0 && error <= MEAN_ERROR))
        fail_msg("%s: %s with %s, %lld rows: %g of the results' root mean square off", kernels->name,
                 hg_dtype_name(frozen), hg_dtype_name(plug), (long long)n_t, error);
    for (int threads = 2; threads <= 4; threads++) {
        run(kernels, HG_COMPUTE_INFER, false, threads, n_t, again);
        assert_memory_equal(again, rounded, bytes);
    }
    hg_kernels finer = *kernels;
    finer.wide = HG_WIDE_NONE;
    run(&finer, HG_COMPUTE_INFER, false, 1, n_t, again);
    /* The layer decides of A, too; B has an x of its own. */
    const bool widens = hg_kernels_widen(kernels, frozen, n_t) ||
                        (hg_dtype_is_quantised(plug) && hg_kernels_widen(kernels, plug, n_t));
    assert_true((memcmp(again, rounded, bytes) != 0) == widens);
}

static void test_types_and_rows(void **state)
{
    (void)state;
    static const hg_dtype frozen[] = {HG_DTYPE_Q4_K, HG_DTYPE_Q4_0, HG_DTYPE_Q6_K, HG_DTYPE_Q8_0};
    static const hg_dtype plugs[] = {HG_DTYPE_Q8_0, HG_DTYPE_Q4_0, HG_DTYPE_F16};
    static const int64_t rows[] = {1,
                                   HG_WIDE_LEAST_Q4_K - 1,
                                   HG_WIDE_LEAST_Q4_K,
                                   HG_WIDE_LEAST_Q4_0 - 1,
                                   HG_WIDE_LEAST_Q4_0,
                                   HG_WIDE_LEAST - 1,
                                   HG_WIDE_LEAST,
                                   T};
    for (hg_cpu_tier tier = HG_CPU_TIER_REFERENCE; tier < HG_CPU_TIER_COUNT; tier++) {
        const hg_kernels *kernels = hg_kernels_get(tier);
        if (!hg_cpu_has(tier) || !kernels->rounds || strcmp(kernels->name, hg_cpu_tier_name(tier)) != 0)
            continue;
        for (size_t f = 0; f < sizeof frozen / sizeof *frozen; f++) {
            for (size_t p = 0; p < sizeof plugs / sizeof *plugs; p++) {
                make_layer(frozen[f], plugs[p]);
                for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                    check_rows(kernels, frozen[f], plugs[p], rows[i]);
            }
        }
    }
}

/* Both factors move by 2^-9 of themselves at most, one after the other in two products. */
#define MEAN_ERROR_BF16 0x1p-7

static void check_bf16(const hg_kernels *kernels, hg_dtype frozen, hg_dtype plug, int64_t n_t)
{
    const size_t bytes = (size_t)(n_t * N) * sizeof(hg_real);
    run(kernels, HG_COMPUTE_INFER, false, 1, n_t, exact);
    run(kernels, HG_COMPUTE_INFER, true, 1, n_t, rounded);
    const double error = mean_error(n_t);
    /* Few rows, and what is in blocks, stay as they are. */
    const bool differs =
        kernels->fast_bf16 && n_t >= 32 && !(hg_dtype_is_quantised(frozen) && hg_dtype_is_quantised(plug));
    if (differs ? !(error > 0 && error <= MEAN_ERROR_BF16) : memcmp(exact, rounded, bytes) != 0)
        fail_msg("%s: %s with %s in bf16, %lld rows: %g of the results' root mean square off", kernels->name,
                 hg_dtype_name(frozen), hg_dtype_name(plug), (long long)n_t, error);
    run(kernels, HG_COMPUTE_INFER, true, 3, n_t, again);
    assert_memory_equal(again, rounded, bytes);
    run(kernels, HG_COMPUTE_EXACT, false, 1, n_t, exact);
    run(kernels, HG_COMPUTE_EXACT, true, 1, n_t, again); /* is not asked */
    assert_memory_equal(again, exact, bytes);
}

static void test_bf16(void **state)
{
    (void)state;
    static const hg_dtype types[] = {HG_DTYPE_BF16, HG_DTYPE_F16, HG_DTYPE_F32, HG_DTYPE_Q8_0, HG_DTYPE_Q4_K};
    static const int64_t rows[] = {1, 31, 32, T};
    static const hg_cpu_tier tiers[] = {HG_CPU_TIER_REFERENCE, HG_CPU_TIER_AVX512_VNNI,
                                        HG_CPU_TIER_AVX512_BF16, HG_CPU_TIER_AMX};
    for (size_t tier = 0; tier < sizeof tiers / sizeof *tiers; tier++) {
        for (size_t f = 0; f < 5 && hg_cpu_has(tiers[tier]); f++) {
            for (size_t p = 0; p < 4; p++) {
                make_layer(types[f], types[p]);
                for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                    check_bf16(hg_kernels_get(tiers[tier]), types[f], types[p], rows[i]);
            }
        }
    }
}

/* ---- many weight rows a chunk ---- */

static const hg_kernels *long_kernels; /* what counts calls for */
static int64_t long_most;              /* weight rows in one of them */

static void long_gemm(int64_t n, const hg_wide_term *terms, int n_terms, bool add, hg_real *y, int64_t ldy,
                      void *scratch)
{
    long_most = n > long_most ? n : long_most;
    long_kernels->gemm_wide(n, terms, n_terms, add, y, ldy, scratch);
}

/* One thread, as more would have too few chunks. Returns the weight rows of the longest. */
static int64_t run_long(const hg_kernels *kernels, int64_t rows_a_chunk, hg_real *y)
{
    hg_kernels counting = *kernels;
    counting.gemm_wide = long_gemm;
    counting.wide_rows = rows_a_chunk;
    long_kernels = kernels;
    long_most = 0;
    run(&counting, HG_COMPUTE_INFER, false, 1, LONG_T, y);
    return long_most;
}

/* The same bits with as many as a kernel takes as with one panel. */
static void test_long_chunks(void **state)
{
    (void)state;
    static hg_real x[LONG_T * LONG_K], y[2][LONG_T * LONG_N];
    static uint8_t w[LONG_N * LONG_K], a[LONG_R * LONG_K], b[LONG_N * LONG_R];
    hg_rng rng;
    hg_rng_init(&rng, 6);
    for (int i = 0; i < LONG_T * LONG_K; i++)
        x[i] = (hg_real)(2 * hg_rng_uniform(&rng) - 1);
    l.in = hg_tensor_make(HG_DTYPE_REAL, 2, (int64_t[]){LONG_T, LONG_K}, x);
    l.weight = make_weight(HG_DTYPE_Q4_0, LONG_N, LONG_K, &rng, w);
    l.plug.a = make_weight(HG_DTYPE_Q4_0, LONG_R, LONG_K, &rng, a);
    l.plug.b = make_weight(HG_DTYPE_Q4_0, LONG_N, LONG_R, &rng, b);
    l.plug.router = make_weight(HG_DTYPE_F16, E, LONG_K, &rng, l.router);
    for (hg_cpu_tier tier = HG_CPU_TIER_REFERENCE; tier < HG_CPU_TIER_COUNT; tier++) {
        const hg_kernels *kernels = hg_kernels_get(tier);
        if (!hg_cpu_has(tier) || !hg_kernels_widen(kernels, HG_DTYPE_Q4_0, LONG_T) || !kernels->rounds)
            continue;
        assert_int_equal(run_long(kernels, HG_WIDE_PANEL, y[0]), HG_WIDE_PANEL);
        assert_int_equal(run_long(kernels, HG_WIDE_MOST, y[1]), HG_WIDE_MOST);
        assert_memory_equal(y[0], y[1], sizeof y[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types_and_rows), cmocka_unit_test(test_bf16),
                                       cmocka_unit_test(test_long_chunks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
