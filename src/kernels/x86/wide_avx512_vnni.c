/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_avx512_vnni.c: products of wide.h for AVX-512 VNNI. This file is compiled with those instructions.
 */
#include "kernels/x86/simd_avx512.h"

#include "kernels/x86/bytes_avx512.h"
#include "kernels/x86/rounded_set.h"

#define WIDE_ROWS 8 /* of x, whose sums are in registers: 16 of 32 */
#include "kernels/x86/wide_vnni.h"

void hg_wide_set_avx512_vnni(hg_kernels *table)
{
    wide_set(table);
}
