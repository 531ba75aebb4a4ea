/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels_avx2.c: the tier for AVX2, FMA and F16C. This file alone is compiled with those instructions;
 * nothing in it but hg_kernels_set_avx2 is visible outside.
 */
#include "kernels/x86/simd_avx2.h"

#include "kernels/x86/blocks_x86.h"

#include "kernels/simd/kernels_simd.h"
#include "kernels/x86/rounded_set.h"

void hg_kernels_set_avx2(hg_kernels *table)
{
    hg_kernels_set_onednn(table);
    simd_set(table);
    hg_rounded_set_avx2(table);
}
