/* SPDX-License-Identifier: Apache-2.0
 *
 * ref_bf16.c: conversion to bf16 and products of bf16.
 */
#include "kernels/reference/reference.h"

#include <assert.h>

/* Values converted at a time. */
#define PIECE 256

void hg_reference_to_bf16(hg_dtype type, int64_t n, const void *from, uint16_t *to)
{
    hg_real piece[PIECE];
    assert(!hg_dtype_is_quantised(type));
    for (int64_t i = 0; i < n; i += PIECE) {
        int64_t count = n - i < PIECE ? n - i : PIECE;
        hg_dtype_to_real(type, count, (const uint8_t *)from + (size_t)i * hg_dtype_bytes(type), piece);
        hg_dtype_from_real(HG_DTYPE_BF16, count, piece, to + i);
    }
}

void hg_reference_lines_to_bf16(int64_t n, int64_t c, const hg_real *x, const hg_real *slope,
                                const hg_real *offset, bool silu, uint16_t *y)
{
    for (int64_t i = 0; i < n * c; i++) {
        hg_real value = x[i] * slope[i % c] + offset[i % c];
        if (silu)
            hg_reference_silu(1, &value, &value);
        hg_dtype_from_real(HG_DTYPE_BF16, 1, &value, y + i);
    }
}

static void ref_bf16_end(const hg_bf16_product *s, hg_real value, int64_t at, void *y)
{
    if (s->end == HG_BF16_END_GELU)
        hg_reference_gelu(1, &value, &value);
    if (s->end == HG_BF16_END_QUICK_GELU)
        hg_reference_quick_gelu(1, &value, &value);
    if (s->to_bf16)
        hg_dtype_from_real(HG_DTYPE_BF16, 1, &value, (uint16_t *)y + at);
    else
        ((hg_real *)y)[at] = s->end == HG_BF16_END_ADD ? ((const hg_real *)y)[at] + value : value;
}

void hg_reference_gemm_bf16(const hg_bf16_product *s, const uint16_t *x, const uint16_t *w,
                            const hg_real *bias, void *y)
{
    for (int64_t i = 0; i < s->m; i++) {
        for (int64_t j = 0; j < s->n; j++) {
            double sum = 0;
            for (int64_t l = 0; l < s->k; l++)
                sum += (double)hg_bf16_to_f32(x[i * s->ldx + l]) *
                       (double)hg_bf16_to_f32(w[s->plain_w ? l * s->ldw + j : j * s->ldw + l]);
            sum += bias != NULL ? (double)bias[j] : 0;
            ref_bf16_end(s, (hg_real)sum, i * s->ldy + j, y);
        }
    }
}
