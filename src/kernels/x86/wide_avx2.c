/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_avx2.c: products of wide.h for AVX2.
 */
#include "kernels/x86/simd_avx2.h"

#include "kernels/x86/bytes_avx2.h"
#include "kernels/x86/rounded_set.h"

#define WIDE_ROWS 3 /* of x, whose sums are in registers: 6 in 16 bits, 6 in 32 */
#include "kernels/x86/wide_pairs.h"

void hg_wide_set_avx2(hg_kernels *table)
{
    wide_set(table);
}
