/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_avx2_vnni.c: products of wide.h for AVX-VNNI beside AVX2. This file is compiled with those
 * instructions.
 */
#include "kernels/x86/simd_avx2.h"

#include "kernels/x86/bytes_avx2.h"
#include "kernels/x86/rounded_set.h"

#define WIDE_ROWS 6 /* of x, whose sums are in registers: 12 of 16 */
#include "kernels/x86/wide_vnni.h"

void hg_wide_set_avx2_vnni(hg_kernels *table)
{
    wide_set(table);
}
