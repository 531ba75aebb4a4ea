/* SPDX-License-Identifier: Apache-2.0
 *
 * round_avx2.h: the `round` kernel of every x86 tier.
 */
#ifndef HG_KERNELS_ROUND_AVX2_H
#define HG_KERNELS_ROUND_AVX2_H

#include "kernels/kernels.h"

void hg_round_avx2(const float *x, const hg_rounded *to, int64_t row);

/* Products with rounded activations, without AVX-VNNI; defined in rounded_avx2.c. */
void hg_rounded_set_avx2(hg_kernels *table);

#endif
