/* SPDX-License-Identifier: Apache-2.0
 *
 * bf16_row.c: values in blocks become floats first, a piece at a time.
 */
#include "ops/bf16_row.h"

/* Values of a quantised type that are made floats at a time. */
#define PIECE HG_DTYPE_MAX_BLOCK

static void bf16_row(const hg_kernels *kernels, hg_dtype type, int64_t n, const void *from, uint16_t *to)
{
    if (!hg_dtype_is_quantised(type)) {
        kernels->to_bf16(type, n, from, to);
        return;
    }
    hg_real piece[PIECE];
    for (int64_t i = 0; i < n; i += PIECE) {
        const int64_t count = n - i < PIECE ? n - i : PIECE;
        kernels->to_real(type, count, (const uint8_t *)from + hg_dtype_span(type, i), piece);
        kernels->to_bf16(HG_DTYPE_REAL, count, piece, to + i);
    }
}

const uint16_t *hg_bf16_rows(const hg_kernels *kernels, hg_dtype type, int64_t n, int64_t k, const void *from,
                             int64_t stride, uint16_t *to, int64_t *ld)
{
    *ld = type == HG_DTYPE_BF16 ? stride : k;
    if (type == HG_DTYPE_BF16)
        return from;
    if (stride == k) {
        bf16_row(kernels, type, n * k, from, to);
        return to;
    }
    const size_t bytes = hg_dtype_span(type, stride);
    for (int64_t i = 0; i < n; i++)
        bf16_row(kernels, type, k, (const uint8_t *)from + (size_t)i * bytes, to + i * k);
    return to;
}
