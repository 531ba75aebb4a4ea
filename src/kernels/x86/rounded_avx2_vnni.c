/* SPDX-License-Identifier: Apache-2.0
 *
 * rounded_avx2_vnni.c: the tier for AVX-VNNI beside AVX2: products with rounded activations. This file alone
 * is compiled with those instructions.
 */
#include "kernels/x86/simd_avx2.h"

#include "kernels/x86/bytes_avx2.h"
#include "kernels/x86/interleaved_x86.h"
#include "kernels/x86/rounded_set.h"
#include "kernels/x86/turned_x86.h"

void hg_kernels_set_avx2_vnni(hg_kernels *table)
{
    laced_set(table);
    turned_set(table);
    hg_wide_set_avx2_vnni(table);
}
