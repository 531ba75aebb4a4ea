/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_kernels.h: times of the kernels; see check_kernels.c.
 */
#ifndef HG_TESTS_BENCH_KERNELS_H
#define HG_TESTS_BENCH_KERNELS_H

/* Prints one line per kernel and tier: time, and the ratio to the reference in the same run; for kernels that
 * memory limits also GB/s beside a plain read. Returns the exit status. */
int bench_kernels(void);

/* Products with block-quantised weights, of one tier or (NULL) all: see bench_rounded.c. */
int bench_rounded(const char *only);

#endif
