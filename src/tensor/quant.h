/* SPDX-License-Identifier: Apache-2.0
 *
 * quant.h: runs of blocks to numbers and back; dtype.h calls these for the quantised types. n is a multiple
 * of the type's block and addresses are even.
 *
 * Reading is exact: the products of a block's scale, its packed scale and a code have at most 24 bits, so the
 * float results do not depend on how a compiler groups them. Writing depends on nothing but the values of the
 * block: the same bytes come whatever the thread, the run or the processor.
 *
 * Writing never fails. What is not finite counts as zero (infinities would leave no scale for the rest), and
 * a block whose scale would leave binary16's range gets the largest finite scale, so that its largest values
 * are cut off. Callers that must know check for both first.
 */
#ifndef HG_TENSOR_QUANT_H
#define HG_TENSOR_QUANT_H

#include "tensor/dtype.h"
#include "tensor/quant_blocks.h"

void hg_quant_to_real(hg_dtype type, int64_t n, const void *from, hg_real *to);
void hg_quant_from_real(hg_dtype type, int64_t n, const hg_real *from, void *to);

/* One block of finite floats: what hg_quant_from_real is made of. */
void hg_quant_write_q8_0(const float x[32], hg_block_q8_0 *to);
void hg_quant_write_q4_0(const float x[32], hg_block_q4_0 *to);
void hg_quant_write_q4_k(const float x[256], hg_block_q4_k *to);
void hg_quant_write_q6_k(const float x[256], hg_block_q6_k *to);

#endif
