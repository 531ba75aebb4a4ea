/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels_neon.h: what the files of the NEON tiers have of each other.
 */
#ifndef HG_KERNELS_KERNELS_NEON_H
#define HG_KERNELS_KERNELS_NEON_H

#include "kernels/kernels.h"

/* The `round` kernel of all NEON tiers. */
void hg_round_neon(const float *x, const hg_rounded *to, int64_t row);

/* Products with rounded activations without the dot product instructions; defined in rounded_neon.c. */
void hg_rounded_set_neon(hg_kernels *table);

#endif
