/* SPDX-License-Identifier: Apache-2.0
 *
 * test_matmul_reduced.c: the gradient through a frozen weight in bf16 and in 8 bits differs from the exact
 * one by what rounding both factors can do, for every type of weight and any threads; each way is used when
 * it was asked for, for frozen weights alone. The expected bounds follow from the numbers themselves: nothing
 * of what the kernels say of their scales is used.
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

/* Outputs: a whole block of them and a run more. Inputs: two whole chunks and a half. */
enum { T = 37, N = HG_TURNED_ROWS + HG_ROUNDED_RUN, K = 768, LD = K + 5 };

static hg_real dy[T * N], exact[T * LD], reduced[T * LD], again[T * LD], w_real[N * K];
static double bounds[T * K];

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
    hg_dtype_to_real(type, N * K, memory, w_real);
    return hg_tensor_make(type, 2, (int64_t[]){N, K}, memory);
}

/* How far each of them may move when it is rounded. */
static double dy_moves[T * N], w_moves[N * K];

static void moves_of_bf16(void)
{
    for (int64_t i = 0; i < T * N; i++)
        dy_moves[i] = fabs((double)dy[i]) / 256;
    for (int64_t i = 0; i < N * K; i++)
        w_moves[i] = fabs((double)w_real[i]) / 256;
}

/* Half a step, 1 / 254, of the largest of n numbers `step` apart. */
static void moves_of_run(int64_t n, int64_t step, const hg_real *x, double *moves)
{
    double largest = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)x[i * step]));
    for (int64_t i = 0; i < n; i++)
        moves[i * step] = largest / 254;
}

/* dy in runs of 32 outputs, weights in columns of a block of rows. */
static void moves_of_int8(void)
{
    for (int64_t i = 0; i < T * N; i += HG_ROUNDED_RUN)
        moves_of_run(HG_ROUNDED_RUN, 1, dy + i, dy_moves + i);
    for (int64_t n = 0; n < N; n += HG_TURNED_ROWS) {
        int64_t rows = N - n < HG_TURNED_ROWS ? N - n : HG_TURNED_ROWS;
        for (int64_t k = 0; k < K; k++)
            moves_of_run(rows, K, w_real + n * K + k, w_moves + n * K + k);
    }
}

/* One of the ways. */
typedef struct way {
    void (*run)(hg_ctx *ctx, int64_t t, const hg_real *dy, int64_t ld_dy, const hg_tensor *w, hg_real *dx,
                int64_t ld_dx);
    void (*moves)(void);
} way;

/* sum over n of |dy - dy'| |w| + |dy'| |w - w'| for every element of dx. */
static void make_bounds(const way *how)
{
    how->moves();
    memset(bounds, 0, sizeof bounds);
    for (int64_t i = 0; i < T * N; i++) {
        const double most = fabs((double)dy[i]) + dy_moves[i];
        const hg_real *w = w_real + i % N * K;
        for (int64_t k = 0; k < K; k++)
            bounds[i / N * K + k] += dy_moves[i] * fabs((double)w[k]) + most * w_moves[i % N * K + k];
    }
}

static void check_apart(const char *name)
{
    int apart = 0;
    for (int64_t t = 0; t < T; t++) {
        for (int64_t k = 0; k < LD; k++) {
            double d = fabs((double)exact[t * LD + k] - (double)reduced[t * LD + k]);
            double allowed = k < K ? 1.01 * bounds[t * K + k] + 1e-4 : 0;
            apart += d > 0;
            if (d > allowed)
                fail_msg("%s (%d, %d): %g apart, allowed %g", name, (int)t, (int)k, d, allowed);
        }
    }
    assert_true(apart > 0); /* it is not the exact one */
}

static void check_type(hg_dtype type, const way *how)
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
    for (int64_t i = 0; i < T; i++) /* gradients of tokens differ by orders of magnitude */
        dy[i * N + i] *= (hg_real)(i % 3 == 0 ? 100 : 1);
    fill(&rng, exact, T * LD); /* gradients are added to what is there */
    memcpy(reduced, exact, sizeof exact);
    memcpy(again, exact, sizeof exact);
    make_bounds(how);
    hg_matmul_backward_data(&ctx, T, dy, N, &w, exact, LD);
    how->run(&ctx, T, dy, N, &w, reduced, LD);
    hg_ctx_init(&ctx, &arena, ctx.kernels, 3);
    how->run(&ctx, T, dy, N, &w, again, LD);
    assert_false(hg_ctx_failed(&ctx));
    assert_memory_equal(reduced, again, sizeof reduced);
    check_apart(hg_dtype_name(type));
    hg_arena_deinit(&arena);
}

static const hg_dtype types[] = {HG_DTYPE_Q4_K, HG_DTYPE_Q6_K, HG_DTYPE_Q8_0,
                                 HG_DTYPE_Q4_0, HG_DTYPE_F16,  HG_DTYPE_BF16};
enum { TYPES = sizeof types / sizeof *types, BLOCK_TYPES = 4 };

static void test_bf16(void **state)
{
    (void)state;
    const way how = {hg_matmul_backward_data_bf16, moves_of_bf16};
    for (int i = 0; i < TYPES; i++)
        check_type(types[i], &how);
}

static void test_int8(void **state)
{
    (void)state;
    const way how = {hg_matmul_backward_data_turned, moves_of_int8};
    for (int i = 0; i < BLOCK_TYPES; i++)
        check_type(types[i], &how);
}

/* A context with a table of kernels that may be changed. */
typedef struct choice {
    hg_kernels kernels;
    hg_arena arena;
    hg_ctx ctx;
} choice;

static void choice_init(choice *c)
{
    c->kernels = *hg_kernels_get(hg_cpu_detect());
    c->kernels.fast_bf16 = c->kernels.turns = true;
    hg_arena_init(&c->arena, (size_t)1 << 12, (size_t)1 << 16);
    hg_ctx_init(&c->ctx, &c->arena, &c->kernels, 1);
}

static void test_choice_bf16(void **state)
{
    (void)state;
    choice c;
    hg_real grad = 0;
    choice_init(&c);
    hg_tensor w = hg_tensor_make(HG_DTYPE_BF16, 2, (int64_t[]){N, K}, NULL);
    assert_false(hg_matmul_wants_bf16(&c.ctx, T, &w)); /* nobody asked */
    c.ctx.compute = HG_COMPUTE_BF16;
    assert_true(hg_matmul_wants_bf16(&c.ctx, T, &w));
    c.kernels.fast_bf16 = false;
    assert_false(hg_matmul_wants_bf16(&c.ctx, T, &w));
    c.kernels.fast_bf16 = true;
    w.grad = &grad; /* it learns */
    assert_false(hg_matmul_wants_bf16(&c.ctx, T, &w));
    hg_arena_deinit(&c.arena);
}

static void test_choice_int8(void **state)
{
    (void)state;
    choice c;
    hg_real grad = 0;
    choice_init(&c);
    hg_tensor w = hg_tensor_make(HG_DTYPE_Q8_0, 2, (int64_t[]){N, K}, NULL), other = w;
    c.ctx.compute = HG_COMPUTE_BF16;
    assert_false(hg_matmul_wants_turned(&c.ctx, T, &w)); /* nobody asked */
    c.ctx.compute = HG_COMPUTE_INT8;
    assert_true(hg_matmul_wants_turned(&c.ctx, T, &w));
    c.kernels.turns = false;
    assert_false(hg_matmul_wants_turned(&c.ctx, T, &w));
    assert_true(hg_matmul_wants_bf16(&c.ctx, T, &w)); /* the next best */
    c.kernels.turns = true;
    other.grad = &grad;
    assert_false(hg_matmul_wants_turned(&c.ctx, T, &other)); /* it learns */
    other = hg_tensor_make(HG_DTYPE_BF16, 2, (int64_t[]){N, K}, NULL);
    assert_false(hg_matmul_wants_turned(&c.ctx, T, &other)); /* more exact than 8 bits */
    other = hg_tensor_make(HG_DTYPE_Q8_0, 2, (int64_t[]){N + 1, K}, NULL);
    assert_false(hg_matmul_wants_turned(&c.ctx, T, &other)); /* no whole runs */
    hg_arena_deinit(&c.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bf16), cmocka_unit_test(test_int8),
                                       cmocka_unit_test(test_choice_bf16),
                                       cmocka_unit_test(test_choice_int8)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
