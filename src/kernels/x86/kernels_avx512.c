/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels_avx512.c: the tier for AVX-512 F, BW, DQ and VL. This file alone is compiled with those
 * instructions; nothing in it but hg_kernels_set_avx512 is visible outside.
 */
#include "kernels/x86/simd_avx512.h"

#include "kernels/x86/blocks_x86.h"

#include "kernels/simd/kernels_simd.h"
#include "kernels/x86/rounded_set.h"

void hg_kernels_set_avx512(hg_kernels *table)
{
    simd_set(table);
    hg_rounded_set_avx512(table);
}
