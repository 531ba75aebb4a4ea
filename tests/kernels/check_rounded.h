/* SPDX-License-Identifier: Apache-2.0
 *
 * check_rounded.h: the part of check_kernels for rounded activations.
 */
#ifndef HG_TESTS_CHECK_ROUNDED_H
#define HG_TESTS_CHECK_ROUNDED_H

#include "base/rng.h"
#include "kernels/kernels.h"

/* The tier's `round` and both products against the reference; fails on a difference. */
void check_rounded(const hg_kernels *t, hg_rng *rng);

/* How far the reference's products with rounded activations are from those with the activations themselves.
 */
void check_rounding_error(hg_rng *rng);

#endif
