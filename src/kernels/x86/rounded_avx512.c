/* SPDX-License-Identifier: Apache-2.0
 *
 * rounded_avx512.c: products with rounded activations for the AVX-512 tier, without VNNI.
 */
#include "kernels/x86/simd_avx512.h"

#include "kernels/x86/bytes_avx512.h"
#include "kernels/x86/interleaved_x86.h"
#include "kernels/x86/rounded_set.h"

void hg_rounded_set_avx512(hg_kernels *table)
{
    laced_set(table);
    hg_wide_set_avx512(table);
}
