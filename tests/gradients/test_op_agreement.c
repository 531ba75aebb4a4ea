/* SPDX-License-Identifier: Apache-2.0
 *
 * test_op_agreement.c: forward and backward of every operation in float, on shapes that fill several chunks:
 * each tier against the reference table, whose sums are in double; and each tier with itself on 1, 2, 4 and 8
 * threads, bit by bit.
 */
#include "op_cases.h"

#include "ops/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SIZE 19
#define CONV_SIZE 7 /* all three extents grow with it */
#define TOLERANCE 1e-4

/* The result and the leaves' gradients of one run, one after the other. */
typedef struct outcome {
    int64_t n;
    hg_real *values;
} outcome;

static void append(outcome *o, int64_t n, const hg_real *x)
{
    memcpy(o->values + o->n, x, (size_t)n * sizeof *x);
    o->n += n;
}

static outcome run_case(const op_cases *cases, int variant, hg_cpu_tier tier, int n_threads,
                        hg_arena *results)
{
    hg_arena arena;
    hg_ctx ctx;
    hg_rng rng;
    op_case c = {0};
    hg_tape tape = {0};
    hg_arena_init(&arena, 1 << 24, (size_t)1 << 32);
    hg_ctx_init(&ctx, &arena, hg_kernels_get(tier), n_threads);
    hg_rng_init(&rng, (uint64_t)variant + 1);
    cases->make(&ctx, &rng, variant, strcmp(cases->op, "conv2d") == 0 ? CONV_SIZE : SIZE, &c);
    ctx.tape = &tape;
    hg_tensor *y = c.run(&ctx, &c);
    assert_non_null(y);
    int64_t n = hg_tensor_count(y), total = n;
    for (int l = 0; l < c.n_leaves; l++)
        total += hg_tensor_count(c.leaf[l]);
    outcome o = {0, hg_arena_array(results, (size_t)total, sizeof(hg_real))};
    assert_non_null(o.values);
    append(&o, n, hg_tensor_real(y));
    for (int64_t i = 0; c.n_leaves > 0 && i < n; i++)
        y->grad[i] = (hg_real)(2 * hg_rng_uniform(&rng) - 1);
    assert_int_equal(hg_tape_backward(&ctx, NULL), HG_STATUS_OK);
    for (int l = 0; l < c.n_leaves; l++)
        append(&o, hg_tensor_count(c.leaf[l]), c.leaf[l]->grad);
    hg_arena_deinit(&arena);
    return o;
}

static void compare(const char *op, int variant, hg_cpu_tier tier, outcome a, outcome b)
{
    assert_int_equal(a.n, b.n);
    double largest = 0;
    for (int64_t i = 0; i < a.n; i++)
        largest = fmax(largest, fabs((double)a.values[i]));
    assert_true(largest > 0);
    for (int64_t i = 0; i < a.n; i++) {
        double difference = fabs((double)a.values[i] - (double)b.values[i]);
        if (!(difference <= TOLERANCE * (1 + fabs((double)a.values[i]))))
            fail_msg("%s variant %d, %s, value %lld: %g, reference %g", op, variant, hg_cpu_tier_name(tier),
                     (long long)i, (double)b.values[i], (double)a.values[i]);
    }
}

static void check_case(const op_cases *cases, int variant)
{
    hg_arena results;
    hg_arena_init(&results, 1 << 24, (size_t)1 << 32);
    outcome reference = run_case(cases, variant, HG_CPU_TIER_REFERENCE, 1, &results);
    for (hg_cpu_tier tier = HG_CPU_TIER_REFERENCE; tier < HG_CPU_TIER_COUNT; tier++) {
        if (!hg_cpu_has(tier))
            continue;
        outcome one = run_case(cases, variant, tier, 1, &results);
        compare(cases->op, variant, tier, reference, one);
        for (int n_threads = 2; n_threads <= 8; n_threads *= 2) {
            outcome many = run_case(cases, variant, tier, n_threads, &results);
            assert_int_equal(one.n, many.n);
            if (memcmp(one.values, many.values, (size_t)one.n * sizeof *one.values) != 0)
                fail_msg("%s variant %d, %s: other results on %d threads", cases->op, variant,
                         hg_cpu_tier_name(tier), n_threads);
        }
    }
    hg_arena_deinit(&results);
}

static void test_every_operation(void **state)
{
    (void)state;
    for (size_t i = 0; i < op_cases_count(); i++) {
        for (int variant = 0; variant < op_cases_get(i)->n_variants; variant++)
            check_case(op_cases_get(i), variant);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_operation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
