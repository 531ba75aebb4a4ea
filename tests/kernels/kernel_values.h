/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel_values.h: random arguments for kernels, which end at a guard page, and comparison of results.
 */
#ifndef HG_TESTS_KERNEL_VALUES_H
#define HG_TESTS_KERNEL_VALUES_H

#include "base/rng.h"
#include "tensor/dtype.h"

/* All types; f64 stands for those that a tier leaves to the reference. */
#define KERNEL_TYPES 8
extern const hg_dtype kernel_types[KERNEL_TYPES];

/* n numbers in -range..range. */
float *new_floats(int64_t n, hg_rng *rng, double range);
void free_floats(float *x, int64_t n);

/* n of them in bf16, in -1..1. */
uint16_t *new_bf16(int64_t n, hg_rng *rng);

/* n random values of a type, and the same as floats. Blocks get any bytes, so that every code and packed
 * scale occurs, and scales of either sign. */
void *new_weights(hg_dtype type, int64_t n, hg_rng *rng, float *as_float);
/* The same of a block type, with all codes of the largest magnitude: -128 in q8_0, 15 or 63 in the others. */
void *new_largest_weights(hg_dtype type, int64_t n, hg_rng *rng, float *as_float);
void free_weights(hg_dtype type, void *w, int64_t n);

/* Whether n are whole blocks. */
bool type_holds(hg_dtype type, int64_t n);

/* Fails unless |got - want| is at most `relative` of `scale[i]` (of |want| when NULL) and `absolute` besides.
 */
void compare(const char *what, int64_t n, const float *want, const float *got, const float *scale,
             double relative, double absolute);

/* scale[i] = sum_j |w[i, j] x[j]|, i < n, j < k: what the rounding errors of a sum grow with. */
void matvec_scale(int64_t n, int64_t k, const float *w, int64_t ldw, const float *x, float *scale);

#endif
