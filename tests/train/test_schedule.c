/* SPDX-License-Identifier: Apache-2.0
 *
 * test_schedule.c: every step's rate against transformers', and the names.
 */
#include "train/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void check_rates(hg_schedule_kind kind, int64_t warmup, int64_t n_steps, const double *want, size_t n)
{
    assert_int_equal((int64_t)n, n_steps);
    hg_schedule s = {kind, 0.25, warmup};
    for (int64_t step = 0; step < n_steps; step++) {
        double got = hg_schedule_rate(&s, step, n_steps);
        if (!(fabs(got - 0.25 * want[step]) <= 1e-15))
            fail_msg("kind %d, warm-up %lld, step %lld of %lld: %.17g, expected %.17g", (int)kind,
                     (long long)warmup, (long long)step, (long long)n_steps, got, 0.25 * want[step]);
    }
}

static void test_as_transformers(void **state)
{
    (void)state;
#define RATES(kind, warmup, steps, ...)                                                                      \
    check_rates(HG_SCHEDULE_##kind, warmup, steps, (const double[]){__VA_ARGS__},                            \
                sizeof((const double[]){__VA_ARGS__}) / sizeof(double));
#include "data/training/schedule_rates.def"
#undef RATES
}

static void test_after_the_end(void **state)
{
    (void)state;
    for (int64_t step = 10; step < 25; step++) {
        assert_true(hg_schedule_rate(&(hg_schedule){HG_SCHEDULE_CONSTANT, 2, 3}, step, 10) == 2);
        assert_true(hg_schedule_rate(&(hg_schedule){HG_SCHEDULE_LINEAR, 2, 3}, step, 10) == 0);
        assert_true(hg_schedule_rate(&(hg_schedule){HG_SCHEDULE_COSINE, 2, 3}, step, 10) == 0);
    }
}

static void test_names(void **state)
{
    (void)state;
    hg_error err;
    hg_schedule_kind kind;
    assert_int_equal(hg_schedule_parse("linear", &kind, &err), HG_STATUS_OK);
    assert_int_equal(kind, HG_SCHEDULE_LINEAR);
    assert_int_equal(hg_schedule_parse("constant", &kind, &err), HG_STATUS_OK);
    assert_int_equal(kind, HG_SCHEDULE_CONSTANT);
    assert_int_equal(hg_schedule_parse("cosine", &kind, &err), HG_STATUS_OK);
    assert_int_equal(kind, HG_SCHEDULE_COSINE);
    assert_int_equal(hg_schedule_parse("step", &kind, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "'step'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_transformers),
        cmocka_unit_test(test_after_the_end),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
