/* SPDX-License-Identifier: Apache-2.0
 *
 * rounded_avx512_vnni.c: the tier for AVX-512 VNNI: products with rounded activations. This file alone is
 * compiled with those instructions.
 */
#include "kernels/x86/simd_avx512.h"

#include "kernels/x86/bytes_avx512.h"
#include "kernels/x86/interleaved_x86.h"
#include "kernels/x86/rounded_set.h"
#include "kernels/x86/turned_x86.h"

void hg_kernels_set_avx512_vnni(hg_kernels *table)
{
    laced_set(table);
    turned_set(table);
    hg_wide_set_avx512_vnni(table);
}
