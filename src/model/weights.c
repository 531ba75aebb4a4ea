/* SPDX-License-Identifier: Apache-2.0
 *
 * weights.c: lookup, shape check, conversion.
 */
#include "model/weights.h"

#include "base/checked.h"

static bool shape_fits(const hg_tensor *t, int n_dims, const int64_t *shape)
{
    if (t->n_dims != n_dims)
        return false;
    for (int i = 0; i < n_dims; i++) {
        if (shape[i] != HG_WEIGHT_ANY && t->shape[i] != shape[i])
            return false;
    }
    return true;
}

hg_status hg_weight_take(const hg_tensor_set *source, const char *name, int n_dims, const int64_t *shape,
                         hg_tensor *out, hg_error *err)
{
    const hg_tensor *found = NULL;
    hg_status status = hg_tensor_set_need_shaped(source, name, n_dims, shape, &found, err);
    if (status != HG_STATUS_OK)
        return status;
    if (!shape_fits(found, n_dims, shape)) {
        char has[HG_TENSOR_SHAPE_TEXT], wants[HG_TENSOR_SHAPE_TEXT];
        hg_tensor expected = hg_tensor_make(HG_DTYPE_F32, n_dims, shape, NULL);
        return hg_error_set(err, HG_STATUS_INPUT, "%s: tensor '%s' has shape %s, expected %s",
                            hg_weight_label(source), name, hg_tensor_format_shape(found, has),
                            hg_tensor_format_shape(&expected, wants));
    }
    *out = *found;
    return HG_STATUS_OK;
}

hg_status hg_weight_take_real(const hg_tensor_set *source, hg_arena *arena, const char *name, int n_dims,
                              const int64_t *shape, hg_tensor *out, hg_error *err)
{
    hg_status status = hg_weight_take(source, name, n_dims, shape, out, err);
    if (status != HG_STATUS_OK || out->dtype == HG_DTYPE_REAL)
        return status;
    int64_t n = hg_tensor_count(out);
    hg_real *copy = hg_arena_array(arena, (size_t)n, sizeof *copy);
    if (copy == NULL)
        return hg_error_memory(err, (unsigned long long)n * sizeof *copy, name);
    hg_dtype_to_real(out->dtype, n, out->data, copy);
    *out = hg_tensor_make(HG_DTYPE_REAL, out->n_dims, out->shape, copy);
    return HG_STATUS_OK;
}

const char *hg_weight_label(const hg_tensor_set *source)
{
    const hg_tensor_file *file = hg_tensor_set_get_file(source, 0);
    return file != NULL ? hg_tensor_file_get_path(file) : "a new model";
}
