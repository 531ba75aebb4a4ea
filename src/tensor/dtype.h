/* SPDX-License-Identifier: Apache-2.0
 *
 * dtype.h: element types of tensors, and conversion to the activation type. Values are little-endian in
 * memory and in files.
 *
 * Block-quantised types store runs of consecutive elements together, so a single element has no address:
 * their sizes are asked for with hg_dtype_span, and every run begins and ends at a block (see quant.h).
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
    HG_DTYPE_F64,  /* activations of the gradient tests; not a weight type */
    HG_DTYPE_F16,  /* IEEE 754 binary16 */
    HG_DTYPE_BF16, /* the upper half of an F32 */
    HG_DTYPE_Q8_0, /* blocks of 32: 8-bit codes and a scale */
    HG_DTYPE_Q4_0, /* blocks of 32: 4-bit codes and a scale */
    HG_DTYPE_Q4_K, /* blocks of 256: 4-bit codes, 8 scales and 8 minima of 6 bits */
    HG_DTYPE_Q6_K  /* blocks of 256: 6-bit codes, 16 scales of 8 bits */
} hg_dtype;

#define HG_DTYPE_COUNT 8
#define HG_DTYPE_MAX_BLOCK 256 /* the most elements of a block */

/* Bytes of one element of a plain type: 4, 8, 2, 2. */
size_t hg_dtype_bytes(hg_dtype type);

/* Elements that are stored together (1 for plain types, 32, 32, 256, 256), and the bytes they take. */
int64_t hg_dtype_block(hg_dtype type);
size_t hg_dtype_block_bytes(hg_dtype type);

bool hg_dtype_is_quantised(hg_dtype type);

/* Bytes of n consecutive elements, n a multiple of the block. */
size_t hg_dtype_span(hg_dtype type, int64_t n);

/* What addresses of a type's data must be a multiple of: the element, for blocks their 16-bit scales. */
size_t hg_dtype_alignment(hg_dtype type);

/* "f32", "f64", "f16", "bf16", "q8_0", "q4_0", "q4_k", "q6_k". */
const char *hg_dtype_name(hg_dtype type);

/* The type of such a name; false when there is none. */
bool hg_dtype_find(const char *name, hg_dtype *out);

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

/* n values of `type` to the activation type, and back (rounded to nearest even; for block types see quant.h).
 * n is a multiple of the type's block. */
void hg_dtype_to_real(hg_dtype type, int64_t n, const void *from, hg_real *to);
void hg_dtype_from_real(hg_dtype type, int64_t n, const hg_real *from, void *to);

#endif
