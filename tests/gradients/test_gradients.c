/* SPDX-License-Identifier: Apache-2.0
 *
 * test_gradients.c: every operation's backward against central finite differences, in double: L = <r,
 * f(leaves)> for random r, dL/dx = (L(x + h) - L(x - h)) / 2h. With h = 1e-5 the difference's own error is
 * near 1e-10. An operation of the registry without a case fails.
 */
#include "op_cases.h"

#include "ops/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define STEP 1e-5
#define TOLERANCE 1e-7

static const op_cases *find_cases(const char *op)
{
    for (size_t i = 0; i < op_cases_count(); i++) {
        if (strcmp(op_cases_get(i)->op, op) == 0)
            return op_cases_get(i);
    }
    return NULL;
}

/* L without a tape. */
static double loss(hg_ctx *ctx, op_case *c, const hg_real *r)
{
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    ctx->tape = NULL;
    const hg_tensor *y = c->run(ctx, c);
    assert_non_null(y);
    double sum = 0;
    for (int64_t i = 0; i < hg_tensor_count(y); i++)
        sum += r[i] * hg_tensor_real(y)[i];
    hg_arena_reset(ctx->arena, mark);
    return sum;
}

/* Runs forward and backward with dL/dy = r, which is drawn here. */
static const hg_real *run_backward(hg_ctx *ctx, hg_rng *rng, op_case *c)
{
    hg_tape tape = {0};
    ctx->tape = &tape;
    hg_tensor *y = c->run(ctx, c);
    assert_non_null(y);
    int64_t n = hg_tensor_count(y);
    hg_real *r = hg_ctx_scratch(ctx, n);
    for (int64_t i = 0; i < n; i++)
        r[i] = 2 * hg_rng_uniform(rng) - 1;
    if (c->n_leaves == 0) {
        assert_null(y->grad); /* nothing to learn: nothing is recorded */
        assert_null(tape.last);
        return r;
    }
    assert_non_null(y->grad);
    memcpy(y->grad, r, (size_t)n * sizeof *r);
    hg_error err;
    assert_int_equal(hg_tape_backward(ctx, &err), HG_STATUS_OK);
    return r;
}

/* What was compared, and the largest difference as a part of 1 + |the derivative|. */
typedef struct checked {
    int cases, elements;
    double worst;
} checked;

static void check_case(const op_cases *cases, int variant, checked *sum)
{
    hg_arena arena;
    hg_ctx ctx;
    hg_rng rng;
    op_case c = {0};
    hg_arena_init(&arena, 1 << 20, 1 << 28);
    hg_ctx_init(&ctx, &arena, hg_kernels_get(HG_CPU_TIER_REFERENCE), 2);
    hg_rng_init(&rng, (uint64_t)variant + 1);
    cases->make(&ctx, &rng, variant, 1, &c);
    const hg_real *r = run_backward(&ctx, &rng, &c);
    double norm = 0;
    for (int l = 0; l < c.n_leaves; l++) {
        hg_real *x = hg_tensor_real(c.leaf[l]);
        for (int64_t i = 0; i < hg_tensor_count(c.leaf[l]); i++) {
            double keep = x[i], analytic = c.leaf[l]->grad[i];
            x[i] = keep + STEP;
            double above = loss(&ctx, &c, r);
            x[i] = keep - STEP;
            double below = loss(&ctx, &c, r);
            x[i] = keep;
            double numeric = (above - below) / (2 * STEP);
            norm += fabs(numeric);
            sum->elements++;
            sum->worst = fmax(sum->worst, fabs(numeric - analytic) / (1 + fabs(numeric)));
            if (fabs(numeric - analytic) > TOLERANCE * (1 + fabs(numeric)))
                fail_msg("%s variant %d leaf %d element %lld: %.12g by differences, %.12g by backward",
                         cases->op, variant, l, (long long)i, numeric, analytic);
        }
    }
    assert_true(c.n_leaves == 0 || norm > 1e-3); /* the case does depend on its leaves */
    sum->cases++;
    hg_arena_deinit(&arena);
}

static void test_every_operation(void **state)
{
    (void)state;
    checked sum = {0};
    for (size_t i = 0; i < hg_registry_count(); i++) {
        const op_cases *cases = find_cases(hg_registry_get(i)->name);
        if (cases == NULL)
            fail_msg("operation '%s' has no gradient check", hg_registry_get(i)->name);
        for (int variant = 0; variant < cases->n_variants; variant++)
            check_case(cases, variant, &sum);
    }
    print_message("%d operations, %d cases, %d derivatives, the largest difference %.1e\n",
                  (int)hg_registry_count(), sum.cases, sum.elements, sum.worst);
}

static void test_no_case_without_operation(void **state)
{
    (void)state;
    assert_int_equal(op_cases_count(), hg_registry_count());
}

/* Result and gradient of one linear layer, on a weight that does not learn. */
static void run_linear(hg_ctx *ctx, hg_tensor *x, hg_tensor *w, const hg_real *dy, hg_real *y, hg_real *dx)
{
    hg_tape tape = {0};
    ctx->tape = &tape;
    hg_tensor *out = hg_op_linear(ctx, x, w, NULL);
    assert_non_null(out);
    int64_t n = hg_tensor_count(out), n_x = hg_tensor_count(x);
    memset(x->grad, 0, (size_t)n_x * sizeof *x->grad);
    memcpy(out->grad, dy, (size_t)n * sizeof *dy);
    assert_int_equal(hg_tape_backward(ctx, NULL), HG_STATUS_OK);
    memcpy(y, hg_tensor_real(out), (size_t)n * sizeof *y);
    memcpy(dx, x->grad, (size_t)n_x * sizeof *dx);
}

/* A weight in blocks acts as the matrix of numbers that it stands for. */
static void test_blocks_act_as_their_numbers(void **state)
{
    (void)state;
    enum { T = 6, N = 270, K = 768 };
    static hg_real values[N * K], dy[T * N], y[2][T * N], dx[2][T * K];
    static uint8_t blocks[N * K * 2];
    for (hg_dtype type = HG_DTYPE_Q8_0; type <= HG_DTYPE_Q6_K; type++) {
        hg_arena arena;
        hg_ctx ctx;
        hg_rng rng;
        hg_arena_init(&arena, 1 << 20, 1 << 28);
        hg_ctx_init(&ctx, &arena, hg_kernels_get(HG_CPU_TIER_REFERENCE), 2);
        hg_rng_init(&rng, (uint64_t)type);
        for (int64_t i = 0; i < N * K; i++)
            values[i] = 2 * hg_rng_uniform(&rng) - 1;
        for (int64_t i = 0; i < T * N; i++)
            dy[i] = 2 * hg_rng_uniform(&rng) - 1;
        hg_dtype_from_real(type, N * K, values, blocks);
        hg_dtype_to_real(type, N * K, blocks, values);
        hg_tensor *x = hg_ctx_tensor(&ctx, 2, (int64_t[]){T, K}, true);
        for (int64_t i = 0; i < T * K; i++)
            hg_tensor_real(x)[i] = 2 * hg_rng_uniform(&rng) - 1;
        hg_tensor packed = hg_tensor_make(type, 2, (int64_t[]){N, K}, blocks);
        hg_tensor plain = hg_tensor_make(HG_DTYPE_REAL, 2, (int64_t[]){N, K}, values);
        run_linear(&ctx, x, &packed, dy, y[0], dx[0]);
        run_linear(&ctx, x, &plain, dy, y[1], dx[1]);
        for (int64_t i = 0; i < T * N; i++)
            assert_true(fabs(y[0][i] - y[1][i]) <= 1e-12 * K);
        double norm = 0;
        for (int64_t i = 0; i < T * K; i++) {
            assert_true(fabs(dx[0][i] - dx[1][i]) <= 1e-12 * N);
            norm += dx[1][i] * dx[1][i];
        }
        assert_true(norm > T * K); /* of about N / 9 each */
        hg_arena_deinit(&arena);
    }
}

/* Shapes that do not fit are a status with a text, and the failure sticks. */
static void test_misfits_fail(void **state)
{
    (void)state;
    hg_arena arena;
    hg_ctx ctx;
    hg_arena_init(&arena, 1 << 16, 1 << 20);
    hg_ctx_init(&ctx, &arena, hg_kernels_get(HG_CPU_TIER_REFERENCE), 1);
    hg_tensor *x = hg_ctx_tensor(&ctx, 2, (int64_t[]){2, 3}, false);
    hg_tensor *w = hg_ctx_tensor(&ctx, 2, (int64_t[]){4, 5}, false);
    assert_null(hg_op_linear(&ctx, x, w, NULL));
    assert_int_equal(ctx.error.code, HG_STATUS_INPUT);
    assert_string_equal(ctx.error.text, "linear: input [2, 3] does not fit weight [4, 5]");
    assert_null(hg_op_add(&ctx, x, x)); /* would fit */
    assert_string_equal(ctx.error.text, "linear: input [2, 3] does not fit weight [4, 5]");
    ctx.error.code = HG_STATUS_OK;
    assert_null(hg_op_add(&ctx, x, w));
    ctx.error.code = HG_STATUS_OK;
    assert_null(hg_op_embedding(&ctx, w, (int32_t[]){0, 4}, 2));
    assert_string_equal(ctx.error.text, "token id 4 is outside the vocabulary of 4");
    ctx.error.code = HG_STATUS_OK;
    assert_null(hg_op_transpose(&ctx, hg_ctx_view(&ctx, hg_tensor_view_columns(x, 1, 2))));
    assert_int_equal(ctx.error.code, HG_STATUS_INPUT);
    ctx.error.code = HG_STATUS_OK;
    assert_null(hg_ctx_tensor(&ctx, 2, (int64_t[]){1 << 20, 1 << 20}, false));
    assert_int_equal(ctx.error.code, HG_STATUS_FAILED);
    hg_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_operation),
        cmocka_unit_test(test_no_case_without_operation),
        cmocka_unit_test(test_blocks_act_as_their_numbers),
        cmocka_unit_test(test_misfits_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
