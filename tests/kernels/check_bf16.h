/* SPDX-License-Identifier: Apache-2.0
 *
 * check_bf16.h: the part of check_kernels for products of bf16.
 */
#ifndef HG_TESTS_CHECK_BF16_H
#define HG_TESTS_CHECK_BF16_H

#include "base/rng.h"
#include "kernels/kernels.h"

/* The tier's products against the reference's, of odd sizes and of attention's, with all ends, gaps between
 * rows, with a bias and without; fails on a difference. */
void check_bf16_products(const hg_kernels *t, hg_rng *rng);

#endif
