/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor.c: shapes, strides and views. Nothing here touches the elements. Views assert what only a
 * programming error can break; shapes that come from files are checked where they are read.
 */
#include "tensor/tensor.h"

#include "tensor/interleave.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

hg_tensor hg_tensor_make(hg_dtype dtype, int n_dims, const int64_t *shape, void *data)
{
    assert(n_dims >= 1 && n_dims <= HG_TENSOR_MAX_DIMS);
    hg_tensor t = {
        .dtype = dtype, .n_dims = n_dims, .shape = {1, 1, 1, 1}, .stride = {1, 1, 1, 1}, .data = data};
    int64_t stride = 1;
    for (int i = n_dims - 1; i >= 0; i--) {
        t.shape[i] = shape[i];
        t.stride[i] = stride;
        stride *= shape[i];
    }
    return t;
}

int64_t hg_tensor_count(const hg_tensor *t)
{
    return t->shape[0] * t->shape[1] * t->shape[2] * t->shape[3];
}

bool hg_tensor_is_contiguous(const hg_tensor *t)
{
    int64_t stride = 1;
    for (int i = t->n_dims - 1; i >= 0; i--) {
        if (t->shape[i] != 1 && t->stride[i] != stride)
            return false;
        stride *= t->shape[i];
    }
    return true;
}

bool hg_tensor_same_shape(const hg_tensor *a, const hg_tensor *b)
{
    if (a->n_dims != b->n_dims)
        return false;
    for (int i = 0; i < a->n_dims; i++) {
        if (a->shape[i] != b->shape[i])
            return false;
    }
    return true;
}

size_t hg_tensor_bytes(const hg_tensor *t)
{
    return hg_dtype_span(t->dtype, hg_tensor_count(t));
}

const void *hg_tensor_at(const hg_tensor *t, int64_t element)
{
    return (const uint8_t *)t->data + hg_dtype_span(t->dtype, element);
}

hg_real *hg_tensor_real(const hg_tensor *t)
{
    assert(t->dtype == HG_DTYPE_REAL);
    return t->data;
}

/* Moves the beginning of data and gradient by `elements`, whole blocks of a quantised type. */
static void tensor_advance(hg_tensor *t, int64_t elements)
{
    t->data = (uint8_t *)t->data + hg_dtype_span(t->dtype, elements);
    if (t->grad != NULL)
        t->grad += elements;
}

hg_tensor hg_tensor_view_rows(const hg_tensor *t, int64_t begin, int64_t count)
{
    assert(begin >= 0 && count >= 0 && begin + count <= t->shape[0]);
    assert(!t->interleaved || (begin % HG_INTERLEAVE_ROWS == 0 && count % HG_INTERLEAVE_ROWS == 0));
    hg_tensor view = *t;
    view.shape[0] = count;
    tensor_advance(&view, begin * t->stride[0]);
    return view;
}

hg_tensor hg_tensor_view_columns(const hg_tensor *t, int64_t begin, int64_t count)
{
    int last = t->n_dims - 1;
    assert(begin >= 0 && count >= 0 && begin + count <= t->shape[last]);
    assert(count % hg_dtype_block(t->dtype) == 0 && !t->interleaved);
    hg_tensor view = *t;
    view.shape[last] = count;
    tensor_advance(&view, begin);
    return view;
}

hg_tensor hg_tensor_view_shape(const hg_tensor *t, int n_dims, const int64_t *shape)
{
    assert(hg_tensor_is_contiguous(t) && !t->interleaved);
    assert(shape[n_dims - 1] % hg_dtype_block(t->dtype) == 0);
    hg_tensor view = hg_tensor_make(t->dtype, n_dims, shape, t->data);
    assert(hg_tensor_count(&view) == hg_tensor_count(t));
    view.grad = t->grad;
    return view;
}

hg_tensor hg_tensor_view_heads(const hg_tensor *t, int64_t n_heads)
{
    assert(t->n_dims == 2 && t->shape[1] % n_heads == 0);
    assert(t->shape[1] / n_heads % hg_dtype_block(t->dtype) == 0);
    hg_tensor view = *t;
    view.n_dims = 3;
    view.shape[1] = n_heads;
    view.shape[2] = t->shape[1] / n_heads;
    view.stride[1] = view.shape[2];
    view.stride[2] = 1;
    return view;
}

const char *hg_tensor_format_shape(const hg_tensor *t, char text[HG_TENSOR_SHAPE_TEXT])
{
    size_t used = 0;
    for (int i = 0; i < t->n_dims; i++)
        used += (size_t)snprintf(text + used, HG_TENSOR_SHAPE_TEXT - used, "%s%" PRId64, i == 0 ? "[" : ", ",
                                 t->shape[i]);
    snprintf(text + used, HG_TENSOR_SHAPE_TEXT - used, "]");
    return text;
}
