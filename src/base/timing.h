/* SPDX-License-Identifier: Apache-2.0
 *
 * timing.h: a clock, and what several measurements are summed up by.
 */
#ifndef HG_BASE_TIMING_H
#define HG_BASE_TIMING_H

/* Seconds on a clock that only goes forward. */
double hg_timing_now(void);

/* The median of n numbers, n at least 1, which are in ascending order then. Of an even number the mean of the
 * two in the middle. */
double hg_timing_median(int n, double *x);

/* A number that a quarter of them are below, in the same order then: what something takes when little
 * disturbs it. */
double hg_timing_quartile(int n, double *x);

#endif
