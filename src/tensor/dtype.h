/* SPDX-License-Identifier: Apache-2.0
 *
 * dtype.h: element types of tensors, and conversion to the activation type. Values are little-endian in
 * memory and in files.
 */
#ifndef HG_TENSOR_DTYPE_H
#define HG_TENSOR_DTYPE_H

#include "tensor/real.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef enum hg_dtype {
    HG_DTYPE_F32,
    HG_DTYPE_F64, /* activations of the gradient tests; not a weight type */
    HG_DTYPE_F16, /* IEEE 754 binary16 */
    HG_DTYPE_BF16 /* the upper half of an F32 */
} hg_dtype;

#define HG_DTYPE_COUNT 4

/* Bytes of one element: 4, 8, 2, 2. */
size_t hg_dtype_bytes(hg_dtype type);

/* "f32", "f64", "f16", "bf16". */
const char *hg_dtype_name(hg_dtype type);

static inline float hg_bf16_to_f32(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

float hg_f16_to_f32(uint16_t x);
uint16_t hg_f32_to_f16(float x);  /* to nearest even; overflow gives infinity */
uint16_t hg_f32_to_bf16(float x); /* to nearest even; NaN stays NaN */

/* n values of `type` to the activation type, and back (rounded to nearest even). */
void hg_dtype_to_real(hg_dtype type, int64_t n, const void *from, hg_real *to);
void hg_dtype_from_real(hg_dtype type, int64_t n, const hg_real *from, void *to);

#endif
