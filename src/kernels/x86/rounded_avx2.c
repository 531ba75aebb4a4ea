/* SPDX-License-Identifier: Apache-2.0
 *
 * rounded_avx2.c: products with rounded activations for the AVX2 tier.
 */
#include "kernels/x86/simd_avx2.h"

#include "kernels/x86/bytes_avx2.h"
#include "kernels/x86/interleaved_x86.h"
#include "kernels/x86/rounded_set.h"

void hg_rounded_set_avx2(hg_kernels *table)
{
    laced_set(table);
    table->round = hg_round_avx2;
    hg_wide_set_avx2(table);
}
