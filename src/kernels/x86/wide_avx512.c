/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_avx512.c: products of wide.h for AVX-512 without VNNI.
 */
#include "kernels/x86/simd_avx512.h"

#include "kernels/x86/bytes_avx512.h"
#include "kernels/x86/rounded_set.h"

#define WIDE_ROWS 4 /* of x, whose sums are in registers: 8 in 16 bits, 8 in 32 */
#include "kernels/x86/wide_pairs.h"

void hg_wide_set_avx512(hg_kernels *table)
{
    wide_set(table);
}
