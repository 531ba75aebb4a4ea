/* SPDX-License-Identifier: Apache-2.0
 *
 * rounded_neon_i8mm.c: products with many rows of rounded activations with products of byte matrices
 * (FEAT_I8MM). This file alone is compiled with them. One row is left to the dot products: memory is what it
 * waits for.
 */
#include "kernels/arm/tile_i8mm_neon.h"

#include "kernels/arm/panel_neon.h"

void hg_kernels_set_neon_i8mm(hg_kernels *table)
{
    table->gemm_rounded = panel_gemm;
}
