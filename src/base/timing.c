/* SPDX-License-Identifier: Apache-2.0
 *
 * timing.c: see timing.h.
 */
#include "base/timing.h"

#include <stdlib.h>
#include <time.h>

double hg_timing_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double hg_timing_quartile(int n, double *x)
{
    qsort(x, (size_t)n, sizeof *x, by_value);
    return x[n / 4];
}

double hg_timing_median(int n, double *x)
{
    qsort(x, (size_t)n, sizeof *x, by_value);
    return n % 2 == 1 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}
