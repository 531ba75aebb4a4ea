/* SPDX-License-Identifier: Apache-2.0
 *
 * test_timing.c: the clock goes forward, medians are in the middle.
 */
#include "base/timing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_clock_goes_forward(void **state)
{
    (void)state;
    const double begin = hg_timing_now();
    double end = begin;
    while (end == begin) /* ends: the clock has a finite resolution */
        end = hg_timing_now();
    assert_true(end > begin);
}

static void test_median(void **state)
{
    (void)state;
    double one[] = {7}, odd[] = {5, -1, 3}, even[] = {4, 1, 8, 2};
    assert_true(hg_timing_median(1, one) == 7);
    assert_true(hg_timing_median(3, odd) == 3 && odd[0] == -1 && odd[2] == 5);
    assert_true(hg_timing_median(4, even) == 3 && even[0] == 1 && even[3] == 8);
}

static void test_quartile(void **state)
{
    (void)state;
    double one[] = {7}, nine[] = {9, 8, 7, 6, 5, 4, 3, 2, 1};
    assert_true(hg_timing_quartile(1, one) == 7);
    assert_true(hg_timing_quartile(9, nine) == 3 && nine[0] == 1 && nine[8] == 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clock_goes_forward),
                                       cmocka_unit_test(test_median), cmocka_unit_test(test_quartile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
