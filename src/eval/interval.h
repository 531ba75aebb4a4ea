/* SPDX-License-Identifier: Apache-2.0
 *
 * interval.h: 95 % intervals. Items count as independent of each other; pictures of one patient are not
 * quite, so where a set has many pictures of few patients the truth may lie further out.
 */
#ifndef HG_EVAL_INTERVAL_H
#define HG_EVAL_INTERVAL_H

#include <stddef.h>

typedef struct hg_interval {
    double value, low, high;
} hg_interval;

/* Of a share, `k` of `n` (n at least 1): Wilson's score interval (Wilson 1927), which also holds near 0 and
 * 1 and for small n. */
hg_interval hg_interval_share(size_t k, size_t n);

/* Running sums of numbers (Welford): add each to a zeroed hg_moments. */
typedef struct hg_moments {
    size_t n;
    double mean, squares; /* of distances from the mean */
} hg_moments;

void hg_moments_add(hg_moments *m, double x);

/* Of a mean: mean +- t s / sqrt(n), t of Student's distribution with n - 1 degrees of freedom, s the sample
 * deviation. Of one number nothing is known: low and high are infinite. */
hg_interval hg_interval_mean(const hg_moments *m);

#endif
