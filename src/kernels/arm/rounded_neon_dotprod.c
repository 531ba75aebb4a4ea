/* SPDX-License-Identifier: Apache-2.0
 *
 * rounded_neon_dotprod.c: products with rounded activations with the dot product
 * instructions (FEAT_DotProd). This file alone is compiled with them.
 */
#include "kernels/arm/row_neon.h"
#include "kernels/arm/tile_dot_neon.h"

#include "kernels/arm/panel_neon.h"

void hg_kernels_set_neon_dotprod(hg_kernels *table)
{
    table->matvec_rounded = row_matvec;
    table->gemm_rounded = panel_gemm;
}
