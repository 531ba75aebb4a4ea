/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dropout_mask.c: two values in the right shares, the same place gives the same mask, and a mask that
 * differs in any part of its place is independent. Bounds on shares are five standard deviations.
 */
#include "train/dropout_mask.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define N 100000

static hg_real mask[N], other[N];

static void test_shares(void **state)
{
    (void)state;
    const double rates[] = {0.05, 0.5, 0.9};
    for (int r = 0; r < 3; r++) {
        hg_dropout_mask_fill(&(hg_dropout_place){.seed = 7}, rates[r], N, mask);
        int dropped = 0;
        for (int i = 0; i < N; i++) {
            assert_true(mask[i] == 0 || mask[i] == (hg_real)(1 / (1 - rates[r])));
            dropped += mask[i] == 0;
        }
        double deviation = sqrt(rates[r] * (1 - rates[r]) * N);
        assert_true(fabs(dropped - rates[r] * N) < 5 * deviation);
    }
    hg_dropout_mask_fill(&(hg_dropout_place){.seed = 7}, 0, N, mask);
    for (int i = 0; i < N; i++)
        assert_true(mask[i] == 1);
}

/* With p = 1/2, masks of different places agree in half of their elements. */
static void test_places(void **state)
{
    (void)state;
    const hg_dropout_place base = {3, 10, 20, 5, 4, 0};
    const hg_dropout_place places[] = {{4, 10, 20, 5, 4, 0}, {3, 11, 20, 5, 4, 0}, {3, 10, 21, 5, 4, 0},
                                       {3, 10, 20, 6, 4, 0}, {3, 10, 20, 5, 3, 0}, {3, 20, 10, 5, 4, 0},
                                       {10, 3, 20, 5, 4, 0}, {3, 10, 20, 4, 5, 0}, {0, 0, 0, 0, 0, 0}};
    hg_dropout_mask_fill(&base, 0.5, N, mask);
    hg_dropout_mask_fill(&base, 0.5, N, other);
    assert_memory_equal(mask, other, sizeof mask);
    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        hg_dropout_mask_fill(&places[p], 0.5, N, other);
        for (int shift = 0; shift < 3; shift++) { /* nor are they the same sequence a little further on */
            int same = 0;
            for (int i = shift; i < N; i++)
                same += mask[i] == other[i - shift];
            assert_true(fabs(same - 0.5 * (N - shift)) < 5 * sqrt(0.25 * N));
        }
    }
}

/* Elements depend neither on how many follow nor on which the mask begins with. */
static void test_prefix(void **state)
{
    (void)state;
    const hg_dropout_place place = {.seed = 1, .layer = 31};
    hg_dropout_mask_fill(&place, 0.3, N, mask);
    hg_dropout_mask_fill(&place, 0.3, 100, other);
    assert_memory_equal(mask, other, 100 * sizeof *mask);
    const hg_dropout_place later = {.seed = 1, .layer = 31, .first = 40};
    hg_dropout_mask_fill(&later, 0.3, 100, other);
    assert_memory_equal(mask + 40, other, 100 * sizeof *mask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
