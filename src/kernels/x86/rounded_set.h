/* SPDX-License-Identifier: Apache-2.0
 *
 * rounded_set.h: what the x86 tiers' tables take from files of their own for rounded activations.
 */
#ifndef HG_KERNELS_ROUNDED_SET_H
#define HG_KERNELS_ROUNDED_SET_H

#include "kernels/kernels.h"

/* The `round` kernel of every x86 tier; round_avx2.c. */
void hg_round_avx2(const float *x, const hg_rounded *to, int64_t row);

/* Products with rounded activations, without VNNI; rounded_avx2.c and rounded_avx512.c. */
void hg_rounded_set_avx2(hg_kernels *table);
void hg_rounded_set_avx512(hg_kernels *table);

/* Products of wide.h; wide_avx2.c and so on. */
void hg_wide_set_avx2(hg_kernels *table);
void hg_wide_set_avx512(hg_kernels *table);
void hg_wide_set_avx2_vnni(hg_kernels *table);
void hg_wide_set_avx512_vnni(hg_kernels *table);

#endif
