/* SPDX-License-Identifier: Apache-2.0
 *
 * pickle_calls.c: the globals that a state dictionary needs. Every argument's kind and range is checked;
 * sizes are checked against the archive later, by whoever knows it. Error texts carry no position: pickle.c
 * adds it.
 */
#include "formats/pickle_calls.h"

#include <inttypes.h>
#include <string.h>

#define LIGHTNING "pytorch_lightning."
#define REBUILD_MAX_ARGUMENTS 7

bool hg_pickle_text_is(const hg_pickle_text *text, const char *word)
{
    return text->bytes == strlen(word) && memcmp(text->data, word, text->bytes) == 0;
}

static bool text_ends(const hg_pickle_text *text, const char *end)
{
    size_t n = strlen(end);
    return text->bytes >= n && memcmp(text->data + text->bytes - n, end, n) == 0;
}

static bool text_begins(const hg_pickle_text *text, const char *begin)
{
    size_t n = strlen(begin);
    return text->bytes >= n && memcmp(text->data, begin, n) == 0;
}

/* The three globals of a pickled NumPy number; NumPy 2 has an underscore in the module's name. */
static bool is_numpy_scalar(const hg_pickle_text *module, const hg_pickle_text *name)
{
    if (hg_pickle_text_is(name, "scalar"))
        return hg_pickle_text_is(module, "numpy.core.multiarray") ||
               hg_pickle_text_is(module, "numpy._core.multiarray");
    return (hg_pickle_text_is(module, "numpy") && hg_pickle_text_is(name, "dtype")) ||
           (hg_pickle_text_is(module, "_codecs") && hg_pickle_text_is(name, "encode"));
}

hg_status hg_pickle_find_global(hg_pickle_value *out, const hg_pickle_text *module,
                                const hg_pickle_text *name, hg_error *err)
{
    *out = (hg_pickle_value){.kind = HG_PICKLE_GLOBAL, .as.text = *name};
    if (hg_pickle_text_is(module, "torch._utils") && hg_pickle_text_is(name, "_rebuild_tensor_v2"))
        out->global = HG_PICKLE_REBUILD_TENSOR;
    else if (hg_pickle_text_is(module, "torch._utils") && hg_pickle_text_is(name, "_rebuild_parameter"))
        out->global = HG_PICKLE_REBUILD_PARAMETER;
    else if (hg_pickle_text_is(module, "collections") && hg_pickle_text_is(name, "OrderedDict"))
        out->global = HG_PICKLE_ORDERED_DICT;
    else if (hg_pickle_text_is(module, "torch") && text_ends(name, "Storage"))
        out->global = HG_PICKLE_STORAGE_TYPE;
    else if (text_begins(module, LIGHTNING))
        out->global = HG_PICKLE_INERT;
    else if (is_numpy_scalar(module, name))
        out->global = HG_PICKLE_NUMPY_SCALAR;
    else
        return hg_error_set(err, HG_STATUS_INPUT, "global '%.*s.%.*s' is not allowed", (int)module->bytes,
                            module->data, (int)name->bytes, name->data);
    return HG_STATUS_OK;
}

/* The values of a tuple as an array; false when there are more than `max`. */
static bool tuple_values(const hg_pickle_value *tuple, size_t max, const hg_pickle_value **values, size_t *n)
{
    if (tuple->kind != HG_PICKLE_TUPLE || tuple->as.list.n_items > max)
        return false;
    *n = 0;
    for (const hg_pickle_item *item = tuple->as.list.first; item != NULL; item = item->next)
        values[(*n)++] = item->value;
    return true;
}

/* Sizes or strides: a tuple of whole numbers >= 0. */
static hg_status read_dims(const hg_pickle_value *tuple, const char *what, int64_t *dims, int *n_dims,
                           hg_error *err)
{
    const hg_pickle_value *values[HG_PICKLE_MAX_DIMS];
    size_t n;
    if (!tuple_values(tuple, HG_PICKLE_MAX_DIMS, values, &n))
        return hg_error_set(err, HG_STATUS_INPUT, "_rebuild_tensor_v2: the %s is no tuple of at most %d",
                            what, HG_PICKLE_MAX_DIMS);
    for (size_t i = 0; i < n; i++) {
        if (values[i]->kind != HG_PICKLE_INT || values[i]->as.integer < 0)
            return hg_error_set(err, HG_STATUS_INPUT,
                                "_rebuild_tensor_v2: the %s has something else than a number >= 0", what);
        dims[i] = values[i]->as.integer;
    }
    *n_dims = (int)n;
    return HG_STATUS_OK;
}

/* _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata]) */
static hg_status call_rebuild_tensor(hg_pickle_value *fresh, hg_arena *arena,
                                     const hg_pickle_value *arguments, hg_error *err)
{
    const hg_pickle_value *values[REBUILD_MAX_ARGUMENTS];
    size_t n;
    if (!tuple_values(arguments, REBUILD_MAX_ARGUMENTS, values, &n) || n < 6 ||
        values[0]->kind != HG_PICKLE_STORAGE || values[1]->kind != HG_PICKLE_INT || values[1]->as.integer < 0)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "_rebuild_tensor_v2: expected storage, offset, size, stride, flag, hooks");
    hg_pickle_tensor *tensor = hg_arena_array(arena, 1, sizeof *tensor);
    if (tensor == NULL)
        return hg_error_memory(err, sizeof *tensor, "a pickled tensor");
    tensor->storage = values[0]->as.storage;
    tensor->offset = (uint64_t)values[1]->as.integer;
    int n_strides = 0;
    hg_status status = read_dims(values[2], "size", tensor->shape, &tensor->n_dims, err);
    if (status == HG_STATUS_OK)
        status = read_dims(values[3], "stride", tensor->stride, &n_strides, err);
    if (status != HG_STATUS_OK)
        return status;
    if (n_strides != tensor->n_dims)
        return hg_error_set(err, HG_STATUS_INPUT, "_rebuild_tensor_v2: %d sizes but %d strides",
                            tensor->n_dims, n_strides);
    *fresh = (hg_pickle_value){.kind = HG_PICKLE_TENSOR, .as.tensor = tensor};
    return HG_STATUS_OK;
}

hg_status hg_pickle_call(hg_pickle_value *fresh, hg_arena *arena, const hg_pickle_value *function,
                         const hg_pickle_value *arguments, const hg_pickle_value **out, hg_error *err)
{
    if (function->kind != HG_PICKLE_GLOBAL)
        return hg_error_set(err, HG_STATUS_INPUT, "a value that is not callable is called");
    if (arguments->kind != HG_PICKLE_TUPLE)
        return hg_error_set(err, HG_STATUS_INPUT, "arguments that are not a tuple");
    *out = fresh;
    const hg_pickle_item *first = arguments->as.list.first;
    switch (function->global) {
    case HG_PICKLE_REBUILD_TENSOR:
        return call_rebuild_tensor(fresh, arena, arguments, err);
    case HG_PICKLE_REBUILD_PARAMETER:
        /* (tensor, requires_grad, hooks): for us the tensor itself. */
        if (arguments->as.list.n_items != 3 || first->value->kind != HG_PICKLE_TENSOR)
            return hg_error_set(err, HG_STATUS_INPUT, "_rebuild_parameter: expected tensor, flag, hooks");
        *out = first->value;
        return HG_STATUS_OK;
    case HG_PICKLE_ORDERED_DICT:
        if (first != NULL)
            return hg_error_set(err, HG_STATUS_INPUT, "OrderedDict: no arguments are allowed");
        *fresh = (hg_pickle_value){.kind = HG_PICKLE_DICT};
        return HG_STATUS_OK;
    case HG_PICKLE_NUMPY_SCALAR:
        /* A score or a step beside the weights: its value is not needed. */
        *fresh = (hg_pickle_value){.kind = HG_PICKLE_NONE};
        return HG_STATUS_OK;
    case HG_PICKLE_STORAGE_TYPE:
    case HG_PICKLE_INERT:
        break;
    }
    return hg_error_set(err, HG_STATUS_INPUT, "global '%.*s' may not be called", (int)function->as.text.bytes,
                        function->as.text.data);
}

hg_status hg_pickle_load_storage(hg_pickle_value *fresh, hg_arena *arena, const hg_pickle_value *id,
                                 hg_error *err)
{
    const hg_pickle_value *values[5];
    size_t n;
    if (!tuple_values(id, 5, values, &n) || n != 5 || values[0]->kind != HG_PICKLE_STRING ||
        !hg_pickle_text_is(&values[0]->as.text, "storage") || values[1]->kind != HG_PICKLE_GLOBAL ||
        values[1]->global != HG_PICKLE_STORAGE_TYPE || values[2]->kind != HG_PICKLE_STRING ||
        values[3]->kind != HG_PICKLE_STRING || values[4]->kind != HG_PICKLE_INT || values[4]->as.integer < 0)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "a persistent id that is not ('storage', type, key, location, count)");
    hg_pickle_storage *storage = hg_arena_array(arena, 1, sizeof *storage);
    if (storage == NULL)
        return hg_error_memory(err, sizeof *storage, "a pickled storage");
    *storage = (hg_pickle_storage){
        .type = values[1]->as.text, .key = values[2]->as.text, .count = (uint64_t)values[4]->as.integer};
    *fresh = (hg_pickle_value){.kind = HG_PICKLE_STORAGE, .as.storage = storage};
    return HG_STATUS_OK;
}
