/* SPDX-License-Identifier: Apache-2.0
 *
 * test_selection.c: percentiles against those of the sorted values.
 */
#include "image/selection.h"

#include "image_golden.h"

#include <math.h>
#include <stdlib.h>

static int selection_order(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static void selection_check(const float *values, size_t n)
{
    static const double percents[] = {0, 1, 25, 50, 63.7, 99, 100};
    float sorted[2000], work[2000];
    memcpy(sorted, values, n * sizeof *values);
    qsort(sorted, n, sizeof *sorted, selection_order);
    for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        double at = (double)(n - 1) * percents[i] / 100;
        size_t rank = (size_t)at;
        double low = sorted[rank], high = sorted[rank + 1 < n ? rank + 1 : rank];
        memcpy(work, values, n * sizeof *values);
        double got = hg_select_percentile(work, n, percents[i]);
        assert_true(fabs(got - (low + (at - (double)rank) * (high - low))) <= 1e-9);
        qsort(work, n, sizeof *work, selection_order);
        assert_memory_equal(work, sorted, n * sizeof *work); /* only their order changed */
    }
}

/* Few and many different values, rising, falling, equal, from a fixed seed. */
static void test_percentiles(void **state)
{
    (void)state;
    float values[2000];
    uint32_t seed = 1;
    for (size_t n = 1; n <= 2000; n = n < 40 ? n + 1 : n * 3 / 2) {
        static const uint32_t ranges[] = {1, 2, 5, 1000, 1 << 20};
        for (size_t r = 0; r < sizeof ranges / sizeof ranges[0]; r++) {
            for (size_t i = 0; i < n; i++) {
                seed = seed * 1664525 + 1013904223;
                values[i] = (float)((seed >> 8) % ranges[r]);
            }
            selection_check(values, n);
            qsort(values, n, sizeof *values, selection_order);
            selection_check(values, n);
            for (size_t i = 0; i < n / 2; i++) {
                float kept = values[i];
                values[i] = values[n - 1 - i];
                values[n - 1 - i] = kept;
            }
            selection_check(values, n);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_percentiles)};
    return cmocka_run_group_tests_name("selection", tests, NULL, NULL);
}
