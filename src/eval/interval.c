/* SPDX-License-Identifier: Apache-2.0
 *
 * interval.c: Wilson's and Student's intervals.
 */
#include "eval/interval.h"

#include <math.h>

#define Z 1.959963984540054 /* 97.5 % of the normal distribution */

hg_interval hg_interval_share(size_t k, size_t n)
{
    double p = (double)k / (double)n, z2n = Z * Z / (double)n;
    double centre = (p + z2n / 2) / (1 + z2n);
    double half = Z / (1 + z2n) * sqrt(p * (1 - p) / (double)n + z2n / (4 * (double)n));
    /* The ends are exact where rounding would leave a hair. */
    return (hg_interval){p, k == 0 ? 0 : centre - half, k == n ? 1 : centre + half};
}

void hg_moments_add(hg_moments *m, double x)
{
    double before = x - m->mean;
    m->n++;
    m->mean += before / (double)m->n;
    m->squares += before * (x - m->mean);
}

/* The 97.5 % quantile of Student's t with v degrees of freedom: exact for 1 and 2, from 3 on the expansion in
 * 1 / v about the normal quantile (Abramowitz and Stegun 26.7.5), 0.12 % short for v = 3, 0.03 % for 4 and
 * less beyond. */
static double student(size_t v)
{
    if (v == 1)
        return 12.706204736174705;
    if (v == 2)
        return 4.302652729749464;
    double x = Z, x2 = x * x, d = (double)v;
    double g1 = x * (x2 + 1) / 4, g2 = x * ((5 * x2 + 16) * x2 + 3) / 96;
    double g3 = x * (((3 * x2 + 19) * x2 + 17) * x2 - 15) / 384;
    double g4 = x * ((((79 * x2 + 776) * x2 + 1482) * x2 - 1920) * x2 - 945) / 92160;
    return x + (g1 + (g2 + (g3 + g4 / d) / d) / d) / d;
}

hg_interval hg_interval_mean(const hg_moments *m)
{
    if (m->n < 2)
        return (hg_interval){m->mean, -(double)INFINITY, (double)INFINITY};
    double n = (double)m->n, half = student(m->n - 1) * sqrt(m->squares / (n - 1) / n);
    return (hg_interval){m->mean, m->mean - half, m->mean + half};
}
