/* SPDX-License-Identifier: Apache-2.0
 *
 * no_onednn.c: in place of the onednn*.c where only the kernels are built: nothing is done by oneDNN.
 */
#include "kernels/onednn_bf16.h"
#include "kernels/reference/reference.h"

void hg_kernels_set_onednn(hg_kernels *table)
{
    (void)table;
}

bool hg_kernels_set_bf16_conv(hg_kernels *table)
{
    (void)table;
    return false;
}

void hg_onednn_gemm_bf16(const hg_bf16_product *s, const uint16_t *x, const uint16_t *w, const hg_real *bias,
                         void *y)
{
    hg_reference_gemm_bf16(s, x, w, bias, y);
}
