/* SPDX-License-Identifier: Apache-2.0
 *
 * test_interval.c: against values that R gives: prop.test(k, n, correct = FALSE), t.test(x).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eval/interval.h"

#include <math.h>

static void near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.9g, expected %.9g", a, b);
}

static void test_share(void **state)
{
    (void)state;
    hg_interval i = hg_interval_share(8, 10);
    near(i.value, 0.8, 0);
    near(i.low, 0.4901625, 1e-6);
    near(i.high, 0.9433178, 1e-6);
    i = hg_interval_share(0, 10);
    near(i.low, 0, 0);
    near(i.high, 0.2775328, 1e-6);
    i = hg_interval_share(10, 10);
    near(i.low, 1 - 0.2775328, 1e-6);
    near(i.high, 1, 0);
}

static hg_interval mean_of(int first, int last)
{
    hg_moments m = {0};
    for (int x = first; x <= last; x++)
        hg_moments_add(&m, x);
    return hg_interval_mean(&m);
}

static void test_mean(void **state)
{
    (void)state;
    hg_interval i = mean_of(1, 5);
    near(i.value, 3, 1e-15);
    near(i.low, 1.036757, 2e-3);
    near(i.high, 4.963243, 2e-3);
    i = mean_of(1, 2); /* half of the distance times t with one degree of freedom */
    near(i.low, 1.5 - 0.5 * 12.7062047, 1e-6);
    i = mean_of(1, 31);
    near(i.high, 16 + 2.0422725 * sqrt(2480.0 / 30 / 31), 1e-5);
    i = mean_of(7, 7);
    near(i.value, 7, 0);
    assert_true(isinf(i.low) && isinf(i.high));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_share), cmocka_unit_test(test_mean)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
