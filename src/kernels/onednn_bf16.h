/* SPDX-License-Identifier: Apache-2.0
 *
 * onednn_bf16.h: products of bf16 by oneDNN, with the signature and meaning of kernels.h.
 */
#ifndef HG_KERNELS_ONEDNN_BF16_H
#define HG_KERNELS_ONEDNN_BF16_H

#include "kernels/kernels.h"

void hg_onednn_gemm_bf16(const hg_bf16_product *s, const uint16_t *x, const uint16_t *w, const hg_real *bias,
                         void *y);

#endif
