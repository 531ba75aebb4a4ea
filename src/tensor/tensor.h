/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor.h: a shaped view of memory that somebody else owns (an arena, a mapped file, a cache). Dimensions
 * are in PyTorch's order, outermost first; linear weights are (out, in). The last dimension is always
 * contiguous.
 *
 * A tensor of a block-quantised type consists of whole blocks along its last dimension: the extent of that
 * dimension, every stride before it and the borders of every view are multiples of hg_dtype_block.
 */
#ifndef HG_TENSOR_TENSOR_H
#define HG_TENSOR_TENSOR_H

#include "base/error.h"
#include "tensor/dtype.h"
#include "tensor/prefetch.h"

#include <stdbool.h>
#include <stdint.h>

#define HG_TENSOR_MAX_DIMS 4
#define HG_TENSOR_SHAPE_TEXT 96

typedef struct hg_tensor {
    hg_dtype dtype;
    int n_dims;                         /* 1..4 */
    int64_t shape[HG_TENSOR_MAX_DIMS];  /* unused dimensions are 1 */
    int64_t stride[HG_TENSOR_MAX_DIMS]; /* in elements, of every type; stride[n_dims - 1] is 1 */
    void *data;
    bool interleaved; /* a whole matrix of weights, or groups of 16 of its rows (interleave.h); for products
                         alone */
    hg_prefetch prefetch; /* how it is read where that is once and front to back: interleaved weights by few
                             rows of x, keys and values by one query */
    hg_real *grad; /* dL/dthis with the same strides; NULL when no gradient is wanted. Backward adds to it. */
} hg_tensor;

/* A contiguous tensor over `data`, without a gradient. */
hg_tensor hg_tensor_make(hg_dtype dtype, int n_dims, const int64_t *shape, void *data);

int64_t hg_tensor_count(const hg_tensor *t); /* elements */
size_t hg_tensor_bytes(const hg_tensor *t);  /* what they take, stored contiguously */
bool hg_tensor_is_contiguous(const hg_tensor *t);

/* Same shape, whatever the strides and types. */
bool hg_tensor_same_shape(const hg_tensor *a, const hg_tensor *b);

/* Where the element begins that lies `element` elements (by strides) after the first; of a quantised type the
 * first of its block. */
const void *hg_tensor_at(const hg_tensor *t, int64_t element);

/* The elements as activations; `t` must be of HG_DTYPE_REAL. */
hg_real *hg_tensor_real(const hg_tensor *t);

/* Rows `begin` to `begin + count` of the first dimension; data and gradient are shared with `t`. */
hg_tensor hg_tensor_view_rows(const hg_tensor *t, int64_t begin, int64_t count);

/* Columns `begin` to `begin + count` of the last dimension; whole blocks of a quantised type. */
hg_tensor hg_tensor_view_columns(const hg_tensor *t, int64_t begin, int64_t count);

/* A contiguous tensor in another shape of as many elements; the last dimension keeps whole blocks. */
hg_tensor hg_tensor_view_shape(const hg_tensor *t, int n_dims, const int64_t *shape);

/* (T, H*D) seen as (T, H, D); rows may be strided. */
hg_tensor hg_tensor_view_heads(const hg_tensor *t, int64_t n_heads);

/* "[2, 3]" into `text`, which is returned. */
const char *hg_tensor_format_shape(const hg_tensor *t, char text[HG_TENSOR_SHAPE_TEXT]);

#endif
