/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors.c: reads the JSON header, checks every extent against shape, type and file, and that no two
 * overlap. Invariant: a tensor is pushed only after its extent was found to lie in the data part.
 */
#include "formats/safetensors.h"

#include "base/checked.h"
#include "base/memory.h"
#include "formats/json_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX_BYTES ((uint64_t)100 * 1000 * 1000) /* the format's own limit */
#define SHAPE_MAX_DIMS 16

/* Element types with their bytes; `dtype` is meant only when `supported`. */
typedef struct safetensors_type {
    const char *name;
    size_t bytes;
    bool supported;
    hg_dtype dtype;
} safetensors_type;

static const safetensors_type safetensors_types[] = {
    {"F32", 4, true, HG_DTYPE_F32},
    {"F16", 2, true, HG_DTYPE_F16},
    {"BF16", 2, true, HG_DTYPE_BF16},
    {"F64", 8, false, 0},
    {"I64", 8, false, 0},
    {"I32", 4, false, 0},
    {"I16", 2, false, 0},
    {"I8", 1, false, 0},
    {"U64", 8, false, 0},
    {"U32", 4, false, 0},
    {"U16", 2, false, 0},
    {"U8", 1, false, 0},
    {"BOOL", 1, false, 0},
    {"F8_E4M3", 1, false, 0},
    {"F8_E5M2", 1, false, 0},
};

/* One tensor of the header. */
typedef struct safetensors_entry {
    const char *name;
    size_t name_bytes;
    const char *type;
    int n_dims;
    int64_t shape[SHAPE_MAX_DIMS];
    uint64_t begin, end;
} safetensors_entry;

static uint64_t read_u64(const uint8_t *data)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | data[i];
    return value;
}

bool hg_safetensors_detect(const uint8_t *data, size_t size)
{
    return size >= 9 && data[8] == '{' && read_u64(data) <= HEADER_MAX_BYTES;
}

static hg_status entry_shape(safetensors_entry *e, const json_t *shape, hg_error *err)
{
    if (!json_is_array(shape))
        return hg_error_set(err, HG_STATUS_INPUT, "tensor '%s': its shape is not an array", e->name);
    if (json_array_size(shape) > SHAPE_MAX_DIMS)
        return hg_error_set(err, HG_STATUS_INPUT, "tensor '%s': %zu dimensions, at most %d", e->name,
                            json_array_size(shape), SHAPE_MAX_DIMS);
    e->n_dims = (int)json_array_size(shape);
    for (int i = 0; i < e->n_dims; i++) {
        const json_t *dim = json_array_get(shape, (size_t)i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return hg_error_set(err, HG_STATUS_INPUT, "tensor '%s': dimension %d is not a whole number >= 0",
                                e->name, i);
        e->shape[i] = json_integer_value(dim);
    }
    return HG_STATUS_OK;
}

static hg_status entry_read(safetensors_entry *e, const json_t *value, hg_error *err)
{
    if (!json_is_object(value))
        return hg_error_set(err, HG_STATUS_INPUT, "tensor '%s': not described by an object", e->name);
    e->type = json_string_value(json_object_get(value, "dtype"));
    if (e->type == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "tensor '%s': no dtype", e->name);
    const json_t *offsets = json_object_get(value, "data_offsets");
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
        json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin))
        return hg_error_set(err, HG_STATUS_INPUT, "tensor '%s': its data_offsets are not [begin, end]",
                            e->name);
    e->begin = (uint64_t)json_integer_value(begin);
    e->end = (uint64_t)json_integer_value(end);
    return entry_shape(e, json_object_get(value, "shape"), err);
}

static const safetensors_type *find_type(const char *name)
{
    for (size_t i = 0; i < sizeof safetensors_types / sizeof safetensors_types[0]; i++) {
        if (strcmp(safetensors_types[i].name, name) == 0)
            return &safetensors_types[i];
    }
    return NULL;
}

/* Extent inside the data and as long as the shape says; then into the list. */
static hg_status entry_push(hg_tensor_list *out, const safetensors_entry *e, const uint8_t *data, size_t size,
                            hg_error *err)
{
    if (e->end > size)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "tensor '%s' ends at %" PRIu64 " but the file has %zu bytes of data", e->name,
                            e->end, size);
    const safetensors_type *type = find_type(e->type);
    size_t count = 0, bytes = 0;
    if (!hg_tensor_list_count(e->n_dims, e->shape, &count))
        return hg_error_set(err, HG_STATUS_INPUT, "tensor '%s': its shape is too large", e->name);
    if (type != NULL && (!hg_checked_mul(count, type->bytes, &bytes) || bytes != e->end - e->begin))
        return hg_error_set(err, HG_STATUS_INPUT,
                            "tensor '%s': %zu elements of type %s do not fill its %" PRIu64 " bytes", e->name,
                            count, e->type, e->end - e->begin);
    char reason[64];
    if (type != NULL && type->supported && e->n_dims <= HG_TENSOR_MAX_DIMS)
        return hg_tensor_list_push(out, e->name, e->name_bytes, type->dtype, e->n_dims, e->shape,
                                   data + e->begin, err);
    if (type != NULL && type->supported)
        snprintf(reason, sizeof reason, "%d dimensions", e->n_dims);
    else
        snprintf(reason, sizeof reason, "element type %.32s", e->type);
    return hg_tensor_list_push_unsupported(out, e->name, e->name_bytes, reason, err);
}

static int extent_order(const void *a, const void *b)
{
    const safetensors_entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Sorts the entries by position. */
static hg_status entries_check_overlap(safetensors_entry *entries, size_t n, hg_error *err)
{
    qsort(entries, n, sizeof *entries, extent_order);
    for (size_t i = 1; i < n; i++) {
        if (entries[i].begin < entries[i - 1].end)
            return hg_error_set(err, HG_STATUS_INPUT,
                                "tensor '%s' begins at %" PRIu64 " but '%s' ends at %" PRIu64,
                                entries[i].name, entries[i].begin, entries[i - 1].name, entries[i - 1].end);
    }
    return HG_STATUS_OK;
}

/* Fills `entries` (one for each member of the header at most) and says how many there are. */
static hg_status header_entries(json_t *header, safetensors_entry *entries, size_t *n, hg_error *err)
{
    *n = 0;
    for (void *at = json_object_iter(header); at != NULL; at = json_object_iter_next(header, at)) {
        const char *name = json_object_iter_key(at);
        if (strcmp(name, "__metadata__") == 0)
            continue;
        safetensors_entry *e = &entries[(*n)++];
        *e = (safetensors_entry){.name = name, .name_bytes = strlen(name)};
        hg_status status = entry_read(e, json_object_iter_value(at), err);
        if (status != HG_STATUS_OK)
            return status;
    }
    return HG_STATUS_OK;
}

static hg_status header_push(hg_tensor_list *out, json_t *header, const uint8_t *data, size_t size,
                             hg_error *err)
{
    size_t n = json_object_size(header);
    safetensors_entry *entries = hg_mem_array(n == 0 ? 1 : n, sizeof *entries);
    if (entries == NULL)
        return hg_error_memory(err, n * sizeof *entries, "a safetensors header");
    hg_status status = header_entries(header, entries, &n, err);
    for (size_t i = 0; status == HG_STATUS_OK && i < n; i++)
        status = entry_push(out, &entries[i], data, size, err);
    if (status == HG_STATUS_OK)
        status = entries_check_overlap(entries, n, err);
    hg_mem_free(entries);
    return status;
}

hg_status hg_safetensors_read(hg_tensor_list *out, const uint8_t *data, size_t size, hg_error *err)
{
    if (size < 8)
        return hg_error_set(err, HG_STATUS_INPUT, "a safetensors file has at least 8 bytes, this one %zu",
                            size);
    uint64_t header_bytes = read_u64(data);
    if (header_bytes > HEADER_MAX_BYTES || header_bytes > size - 8)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "the header has %" PRIu64 " bytes but the file %zu (at most %" PRIu64
                            " are read)",
                            header_bytes, size, HEADER_MAX_BYTES);
    json_t *header = NULL;
    hg_status status = hg_json_parse(&header, "header", (const char *)data + 8, (size_t)header_bytes,
                                     (size_t)HEADER_MAX_BYTES, err);
    if (status != HG_STATUS_OK)
        return status;
    size_t begin = 8 + (size_t)header_bytes;
    status = header_push(out, header, data + begin, size - begin, err);
    json_decref(header);
    return status == HG_STATUS_OK ? hg_tensor_list_sort(out, err) : status;
}
