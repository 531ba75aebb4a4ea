/* SPDX-License-Identifier: Apache-2.0
 *
 * test_attention_bf16.c: attention over cached keys and values in bf16 differs from that in float32 by what
 * rounding its factors can do, for every type of cache, grouped heads, windows and any threads; it is used
 * where it is wanted, and nowhere else.
 */
#include "base/rng.h"
#include "ops/attention_part.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { T = 200, S = 330, H = 4, G = 2, D = 32 };

/* Queries, and a cache; the cache's numbers as floats. */
typedef struct inputs {
    hg_real q[T * H * D], k[S * G * D], v[S * G * D];
    uint8_t cached[2][S * G * D * sizeof(hg_real)];
    hg_tensor tensor[3];
} inputs;

static void fill(hg_rng *rng, hg_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (hg_real)(2 * hg_rng_uniform(rng) - 1);
}

static void cache(hg_dtype type, hg_real *x, void *memory, hg_tensor *t)
{
    hg_dtype_from_real(type, S * G * D, x, memory);
    hg_dtype_to_real(type, S * G * D, memory, x);
    *t = hg_tensor_make(type, 3, (int64_t[]){S, G, D}, memory);
}

static void make_inputs(inputs *in, hg_dtype type)
{
    hg_rng rng;
    hg_rng_init(&rng, 9);
    fill(&rng, in->q, T * H * D);
    fill(&rng, in->k, S * G * D);
    fill(&rng, in->v, S * G * D);
    in->tensor[0] = hg_tensor_make(HG_DTYPE_REAL, 3, (int64_t[]){T, H, D}, in->q);
    cache(type, in->k, in->cached[0], &in->tensor[1]);
    cache(type, in->v, in->cached[1], &in->tensor[2]);
}

/* The last n_queries of the queries. */
static void run(const hg_kernels *kernels, hg_compute compute, int n_threads, const hg_attention *how,
                inputs *in, int64_t n_queries, hg_real *y)
{
    hg_arena arena;
    hg_ctx ctx;
    hg_arena_init(&arena, 1 << 20, (size_t)64 << 20);
    hg_ctx_init(&ctx, &arena, kernels, n_threads);
    ctx.compute = compute;
    hg_tensor q = hg_tensor_view_rows(&in->tensor[0], T - n_queries, n_queries);
    const hg_tensor *got = hg_op_attention(&ctx, &q, &in->tensor[1], &in->tensor[2], how);
    if (got == NULL)
        fail_msg("%s", ctx.error.text);
    memcpy(y, got->data, hg_tensor_bytes(got));
    hg_arena_deinit(&arena);
}

/* What rounding can do to query t of head h, values being at most 1: a score moves by `score` at most, so a
 * weight by exp(2 score) of itself, and weights and values by 2^-8 each. */
static double bound(const inputs *in, const hg_attention *how, int64_t t, int h)
{
    const hg_key_range seen = hg_attention_range(how, T, S, t);
    double most = 0;
    for (int64_t s = seen.begin; s < seen.end; s++) {
        double size = 0;
        for (int i = 0; i < D; i++)
            size += fabs((double)in->q[(t * H + h) * D + i] * (double)in->k[(s * G + h / (H / G)) * D + i]);
        most = fmax(most, size);
    }
    const double one = 1 + 0x1p-8, score = (double)how->scale * most * (one * one - 1);
    return exp(2 * score) * one * one - 1 + 1e-5;
}

/* Of the results' root mean square. Errors of the factors are independent and cancel as the values do: what
 * is left are four roundings by up to 2^-9, times scores near 1. */
#define MEAN_ERROR 0x1p-6

static hg_real plain[T * H * D], rounded[T * H * D], again[T * H * D];

static void check_type(const hg_kernels *kernels, hg_dtype type, const hg_attention *how)
{
    static inputs in;
    make_inputs(&in, type);
    run(kernels, HG_COMPUTE_EXACT, 1, how, &in, T, plain);
    run(kernels, HG_COMPUTE_INFER, 1, how, &in, T, rounded);
    double errors = 0, sizes = 0;
    for (int64_t i = 0; i < T * H * D; i++) {
        const double error = fabs((double)rounded[i] - (double)plain[i]);
        if (!(error <= bound(&in, how, i / (H * D), (int)(i / D % H))))
            fail_msg("%s: %g off", hg_dtype_name(type), error);
        errors += error * error;
        sizes += (double)plain[i] * (double)plain[i];
    }
    if (!(errors > 0 && errors <= MEAN_ERROR * MEAN_ERROR * sizes))
        fail_msg("%s: %g of the results' root mean square off", hg_dtype_name(type), sqrt(errors / sizes));
    for (int threads = 2; threads <= 4; threads++) {
        run(kernels, HG_COMPUTE_INFER, threads, how, &in, T, again);
        assert_memory_equal(again, rounded, sizeof again);
    }
}

static const hg_attention attentions[] = {{.causal = true, .scale = (hg_real)0.2},
                                          {.causal = true, .window = 70, .scale = (hg_real)0.5},
                                          {.causal = false, .scale = (hg_real)0.1}};

static void check_table(const hg_kernels *kernels)
{
    static const hg_dtype types[] = {HG_DTYPE_F16, HG_DTYPE_BF16, HG_DTYPE_Q8_0};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        for (size_t a = 0; a < sizeof attentions / sizeof *attentions; a++)
            check_type(kernels, types[i], &attentions[a]);
    }
}

/* The reference's kernels, as if they were fast. */
static hg_kernels fast_reference(void)
{
    hg_kernels table = *hg_kernels_get(HG_CPU_TIER_REFERENCE);
    table.fast_bf16 = true;
    return table;
}

static void test_reference(void **state)
{
    (void)state;
    const hg_kernels table = fast_reference();
    check_table(&table);
}

static void test_this_processor(void **state)
{
    (void)state;
    const hg_kernels *table = hg_kernels_get(hg_cpu_detect());
    if (!table->fast_bf16) {
        print_message("skipped: no fast products of bf16\n");
        skip();
    }
    check_table(table);
}

/* Few queries, keys in float32, and training: the bits of float32. */
static void test_not_wanted(void **state)
{
    (void)state;
    static inputs in;
    const hg_kernels table = fast_reference(), *slow = hg_kernels_get(HG_CPU_TIER_REFERENCE);
    const struct {
        hg_dtype type;
        hg_compute compute;
        int64_t n_queries;
    } cases[] = {{HG_DTYPE_F16, HG_COMPUTE_INFER, 31},
                 {HG_DTYPE_F32, HG_COMPUTE_INFER, T},
                 {HG_DTYPE_F16, HG_COMPUTE_BF16, T},
                 {HG_DTYPE_F16, HG_COMPUTE_EXACT, T}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t bytes = (size_t)(cases[i].n_queries * H * D) * sizeof(hg_real);
        make_inputs(&in, cases[i].type);
        run(slow, HG_COMPUTE_EXACT, 1, &attentions[0], &in, cases[i].n_queries, plain);
        run(&table, cases[i].compute, 1, &attentions[0], &in, cases[i].n_queries, again);
        assert_memory_equal(again, plain, bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference),
                                       cmocka_unit_test(test_this_processor),
                                       cmocka_unit_test(test_not_wanted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
