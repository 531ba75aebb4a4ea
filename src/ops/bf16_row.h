/* SPDX-License-Identifier: Apache-2.0
 *
 * bf16_row.h: rows of any type, of weights or of a cache, as bf16.
 */
#ifndef HG_OPS_BF16_ROW_H
#define HG_OPS_BF16_ROW_H

#include "kernels/kernels.h"

/* n rows of k values, whole blocks of their type, `stride` elements apart from `from` on: in place when they
 * are bf16, else rounded into `to` (n · k). *ld gets the elements from row to row. Not in the double build.
 */
const uint16_t *hg_bf16_rows(const hg_kernels *kernels, hg_dtype type, int64_t n, int64_t k, const void *from,
                             int64_t stride, uint16_t *to, int64_t *ld);

#endif
