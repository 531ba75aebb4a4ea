/* SPDX-License-Identifier: Apache-2.0
 *
 * param.h: one trained tensor as the optimiser sees it: a flat f32 master with its gradient and the
 * optimiser's two moments. All four arrays have n elements and belong to the caller; `m` and `v` are zero
 * before the first step. The order of parameters in a list is part of a run's state: norms are summed and
 * reductions are made in that order.
 */
#ifndef HG_TRAIN_PARAM_H
#define HG_TRAIN_PARAM_H

#include <stddef.h>
#include <stdint.h>

typedef struct hg_param {
    float *value;
    float *grad;
    float *m; /* running mean of the gradient */
    float *v; /* running mean of its square */
    int64_t n;
    int group; /* index into the optimiser's groups */
} hg_param;

/* Works on elements begin .. begin + count - 1 of one parameter. */
typedef double (*hg_param_fn)(void *arg, const hg_param *param, int64_t begin, int64_t count);

/* Calls fn for all elements of all parameters, in pieces of constant size, on up to n_threads threads, and
 * returns the sum of what it returned, added in the order of the pieces: the sum, too, is the same for any
 * number of threads. Allocates nothing. */
double hg_param_sum(const hg_param *params, size_t n_params, int n_threads, hg_param_fn fn, void *arg);

#endif
