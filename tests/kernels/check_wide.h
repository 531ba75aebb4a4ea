/* SPDX-License-Identifier: Apache-2.0
 *
 * check_wide.h: the part of check_kernels for products with one scale for every 256 inputs.
 */
#ifndef HG_TESTS_CHECK_WIDE_H
#define HG_TESTS_CHECK_WIDE_H

#include "base/rng.h"
#include "kernels/kernels.h"

/* The tier's `round_wide` and product against the reference; fails on a difference. */
void check_wide(const hg_kernels *t, hg_rng *rng);

/* Two tiers' products, which must have the same bits. */
void check_wide_same(const hg_kernels *a, const hg_kernels *b, hg_rng *rng);

/* How far the reference's codes of weights are from the weights, and its products from those of floats. */
void check_wide_weights(hg_rng *rng);
void check_wide_error(hg_rng *rng);

#endif
