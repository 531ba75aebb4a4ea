/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels_avx512_bf16.c: the tier for AVX-512 BF16. It replaces nothing yet.
 */
#include "kernels/kernels.h"

void hg_kernels_set_avx512_bf16(hg_kernels *table)
{
    (void)table;
}
