/* SPDX-License-Identifier: Apache-2.0
 *
 * check_heads.h: head_scores and head_sums of a tier against the reference.
 */
#ifndef HG_TESTS_CHECK_HEADS_H
#define HG_TESTS_CHECK_HEADS_H

#include "base/rng.h"
#include "kernels/kernels.h"

/* Heads of d elements, of all types that hold as many. */
void check_heads(const hg_kernels *t, int64_t d, hg_rng *rng);

#endif
