/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels_neon.c: the tier for NEON, which every 64-bit ARM processor has.
 */
#include "kernels/arm/simd_neon.h"

#include "kernels/arm/blocks_neon.h"

#include "kernels/arm/kernels_neon.h"
#include "kernels/simd/gemm_simd.h"
#include "kernels/simd/kernels_simd.h"

void hg_kernels_set_neon(hg_kernels *table)
{
    hg_kernels_set_onednn(table);
    simd_set(table);
    table->gemm = simd_gemm; /* oneDNN's own is not made for these processors */
    hg_rounded_set_neon(table);
}
