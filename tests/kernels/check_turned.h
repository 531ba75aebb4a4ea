/* SPDX-License-Identifier: Apache-2.0
 *
 * check_turned.h: the part of check_kernels for products along the columns of weights.
 */
#ifndef HG_TESTS_CHECK_TURNED_H
#define HG_TESTS_CHECK_TURNED_H

#include "base/rng.h"
#include "kernels/kernels.h"

/* The tier's product against the reference; fails on a difference. */
void check_turned(const hg_kernels *t, hg_rng *rng);

/* How far the reference's product is from that of the numbers themselves: no further than turned.h allows. */
void check_turned_error(hg_rng *rng);

#endif
