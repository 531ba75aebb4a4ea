/* SPDX-License-Identifier: Apache-2.0
 *
 * test_matmul_bf16.c: the gradient through a frozen weight in bf16 differs from the exact one by what
 * rounding both factors to 8 bits can do, |d| <= (2 / 256 + a little) · sum |dy| |w|, for every type of
 * weight and any threads; it is used when it was asked for, for frozen weights alone.
 */
#include "base/rng.h"
#include "ops/matmul.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { T = 37, N = 300, K = 768, LD = K + 5 };

static hg_real dy[T * N], exact[T * LD], reduced[T * LD], again[T * LD], w_real[N * K], bounds[T * K];

static void fill(hg_rng *rng, hg_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (hg_real)hg_rng_normal(rng);
}

static hg_tensor make_weight(hg_dtype type, void *memory)
{
    hg_rng rng;
    hg_rng_init(&rng, 4);
    fill(&rng, w_real, N * K);
    hg_dtype_from_real(type, N * K, w_real, memory);
    return hg_tensor_make(type, 2, (int64_t[]){N, K}, memory);
}

/* sum over n of |dy| |w| for every element of dx. */
static void make_bounds(const hg_tensor *w)
{
    hg_dtype_to_real(w->dtype, N * K, w->data, w_real);
    memset(bounds, 0, sizeof bounds);
    for (int64_t t = 0; t < T; t++) {
        for (int64_t n = 0; n < N; n++) {
            for (int64_t k = 0; k < K; k++)
                bounds[t * K + k] += (hg_real)fabs((double)dy[t * N + n] * (double)w_real[n * K + k]);
        }
    }
}

static void check_type(hg_dtype type)
{
    hg_arena arena;
    hg_ctx ctx;
    hg_rng rng;
    hg_arena_init(&arena, (size_t)1 << 20, (size_t)1 << 28);
    hg_ctx_init(&ctx, &arena, hg_kernels_get(hg_cpu_detect()), 1);
    void *memory = hg_arena_alloc(&arena, hg_dtype_span(type, N * K));
    assert_non_null(memory);
    hg_tensor w = make_weight(type, memory);
    hg_rng_init(&rng, 5);
    fill(&rng, dy, T * N);
    fill(&rng, exact, T * LD); /* gradients are added to what is there */
    memcpy(reduced, exact, sizeof exact);
    memcpy(again, exact, sizeof exact);
    make_bounds(&w);
    hg_matmul_backward_data(&ctx, T, dy, N, &w, exact, LD);
    hg_matmul_backward_data_bf16(&ctx, T, dy, N, &w, reduced, LD);
    hg_ctx_init(&ctx, &arena, ctx.kernels, 3);
    hg_matmul_backward_data_bf16(&ctx, T, dy, N, &w, again, LD);
    assert_false(hg_ctx_failed(&ctx));
    assert_memory_equal(reduced, again, sizeof reduced);
    int apart = 0;
    for (int64_t t = 0; t < T; t++) {
        for (int64_t k = 0; k < LD; k++) {
            double d = fabs((double)exact[t * LD + k] - (double)reduced[t * LD + k]);
            double allowed = k < K ? (2.0 / 256 + 1e-4) * (double)bounds[t * K + k] + 1e-4 : 0;
            apart += d > 0;
            if (d > allowed)
                fail_msg("%s (%d, %d): %g apart, allowed %g", hg_dtype_name(type), (int)t, (int)k, d,
                         allowed);
        }
    }
    assert_true(apart > 0); /* it is not the exact one */
    hg_arena_deinit(&arena);
}

static void test_types(void **state)
{
    (void)state;
    static const hg_dtype types[] = {HG_DTYPE_Q4_K, HG_DTYPE_Q6_K, HG_DTYPE_Q8_0,
                                     HG_DTYPE_Q4_0, HG_DTYPE_F16,  HG_DTYPE_BF16};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        check_type(types[i]);
}

static void test_choice(void **state)
{
    (void)state;
    hg_kernels kernels = *hg_kernels_get(hg_cpu_detect());
    hg_arena arena;
    hg_ctx ctx;
    hg_real grad = 0;
    hg_arena_init(&arena, (size_t)1 << 12, (size_t)1 << 16);
    hg_ctx_init(&ctx, &arena, &kernels, 1);
    hg_tensor w = hg_tensor_make(HG_DTYPE_BF16, 2, (int64_t[]){N, K}, NULL);
    kernels.fast_bf16 = true;
    assert_false(hg_matmul_wants_bf16(&ctx, T, &w)); /* nobody asked */
    ctx.compute = HG_COMPUTE_REDUCED;
    assert_true(hg_matmul_wants_bf16(&ctx, T, &w));
    kernels.fast_bf16 = false;
    assert_false(hg_matmul_wants_bf16(&ctx, T, &w));
    kernels.fast_bf16 = true;
    w.grad = &grad; /* it learns */
    assert_false(hg_matmul_wants_bf16(&ctx, T, &w));
    hg_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types), cmocka_unit_test(test_choice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
