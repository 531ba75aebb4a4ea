/* SPDX-License-Identifier: Apache-2.0
 *
 * rounded_neon.c: products with rounded activations for every 64-bit ARM processor.
 */
#include "kernels/arm/kernels_neon.h"
#include "kernels/arm/row_neon.h"
#include "kernels/arm/tile_dot_neon.h"

#include "kernels/arm/panel_neon.h"

void hg_rounded_set_neon(hg_kernels *table)
{
    table->rounds = true;
    table->round = hg_round_neon;
    table->matvec_rounded = row_matvec;
    table->gemm_rounded = panel_gemm;
}
