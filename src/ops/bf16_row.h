/* SPDX-License-Identifier: Apache-2.0
 *
 * bf16_row.h: values of any type, of weights or of a cache, as bf16.
 */
#ifndef HG_OPS_BF16_ROW_H
#define HG_OPS_BF16_ROW_H

#include "kernels/kernels.h"

/* n values at `from`, whole blocks of their type, rounded. Not in the double build. */
void hg_bf16_row(const hg_kernels *kernels, hg_dtype type, int64_t n, const void *from, uint16_t *to);

#endif
