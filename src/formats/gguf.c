/* SPDX-License-Identifier: Apache-2.0
 *
 * gguf.c: reads metadata and tensor descriptions in one pass; values stay in the file's memory. Invariant: a
 * count is compared with the bytes that are left before anything is allocated for it, so memory is at most a
 * small multiple of the file. See gguf_value.c for the typed getters.
 */
#include "formats/gguf.h"

#include "base/arena.h"
#include "base/checked.h"
#include "base/file_map.h"
#include "base/memory.h"
#include "formats/gguf_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEY_BYTES 65535
#define MIN_VALUE_BYTES (8 + 4 + 1)      /* empty key, type, one byte */
#define MIN_TENSOR_BYTES (8 + 4 + 4 + 8) /* empty name, no dimensions, type, offset */
#define MAX_ALIGNMENT ((uint32_t)1 << 20)
#define DEFAULT_ALIGNMENT 32

/* What one tensor's description says, checked. */
typedef struct gguf_tensor {
    const char *name; /* in the file */
    size_t name_bytes;
    int n_dims;
    int64_t shape[HG_TENSOR_MAX_DIMS]; /* outermost first */
    uint32_t type;
    const uint8_t *data;
} gguf_tensor;

struct hg_gguf {
    hg_file_map map; /* empty when the memory is the caller's */
    hg_arena arena;
    hg_gguf_value *values;
    const hg_gguf_value **by_key;
    size_t n_values;
    gguf_tensor *tensors;
    size_t n_tensors;
    uint32_t alignment;
};

/* A file being read. */
typedef struct gguf_reader {
    hg_gguf *g;
    const uint8_t *data;
    size_t size;
    size_t at;
    hg_error *err;
} gguf_reader;

/* The file's element types; `block` elements take `bytes`. */
static const struct gguf_dtype {
    uint32_t type;
    uint16_t block;
    uint16_t bytes;
    const char *name;
} gguf_dtypes[] = {
    {0, 1, 4, "F32"},         {1, 1, 2, "F16"},         {2, 32, 18, "Q4_0"},     {3, 32, 20, "Q4_1"},
    {6, 32, 22, "Q5_0"},      {7, 32, 24, "Q5_1"},      {8, 32, 34, "Q8_0"},     {10, 256, 84, "Q2_K"},
    {11, 256, 110, "Q3_K"},   {12, 256, 144, "Q4_K"},   {13, 256, 176, "Q5_K"},  {14, 256, 210, "Q6_K"},
    {15, 256, 292, "Q8_K"},   {16, 256, 66, "IQ2_XXS"}, {17, 256, 74, "IQ2_XS"}, {18, 256, 98, "IQ3_XXS"},
    {19, 256, 50, "IQ1_S"},   {20, 32, 18, "IQ4_NL"},   {21, 256, 110, "IQ3_S"}, {22, 256, 82, "IQ2_S"},
    {23, 256, 136, "IQ4_XS"}, {24, 1, 1, "I8"},         {25, 1, 2, "I16"},       {26, 1, 4, "I32"},
    {27, 1, 8, "I64"},        {28, 1, 8, "F64"},        {29, 256, 56, "IQ1_M"},  {30, 1, 2, "BF16"},
    {34, 256, 54, "TQ1_0"},   {35, 256, 66, "TQ2_0"},   {39, 32, 17, "MXFP4"},
};

static const struct gguf_dtype *find_dtype(uint32_t type)
{
    for (size_t i = 0; i < sizeof gguf_dtypes / sizeof gguf_dtypes[0]; i++) {
        if (gguf_dtypes[i].type == type)
            return &gguf_dtypes[i];
    }
    return NULL;
}

bool hg_gguf_detect(const uint8_t *data, size_t size)
{
    return size >= 4 && memcmp(data, "GGUF", 4) == 0;
}

static hg_status reader_bytes(gguf_reader *r, uint64_t n, const uint8_t **out)
{
    if (n > r->size - r->at)
        return hg_error_set(r->err, HG_STATUS_INPUT,
                            "GGUF: %" PRIu64 " bytes are needed at %zu but the file has %zu", n, r->at,
                            r->size);
    *out = r->data + r->at;
    r->at += (size_t)n;
    return HG_STATUS_OK;
}

static hg_status reader_u32(gguf_reader *r, uint32_t *out)
{
    const uint8_t *p = NULL;
    hg_status status = reader_bytes(r, 4, &p);
    if (status == HG_STATUS_OK)
        *out = (uint32_t)hg_gguf_load(p, 4);
    return status;
}

static hg_status reader_u64(gguf_reader *r, uint64_t *out)
{
    const uint8_t *p = NULL;
    hg_status status = reader_bytes(r, 8, &p);
    if (status == HG_STATUS_OK)
        *out = hg_gguf_load(p, 8);
    return status;
}

static hg_status reader_text(gguf_reader *r, hg_gguf_text *out)
{
    uint64_t n = 0;
    const uint8_t *p = NULL;
    hg_status status = reader_u64(r, &n);
    if (status == HG_STATUS_OK)
        status = reader_bytes(r, n, &p);
    if (status == HG_STATUS_OK)
        *out = (hg_gguf_text){(const char *)p, (size_t)n};
    return status;
}

/* The strings of an array have no fixed size: an index of them makes access direct. */
static hg_status read_strings(gguf_reader *r, hg_gguf_value *v)
{
    if (v->count > (r->size - r->at) / 8)
        return hg_error_set(r->err, HG_STATUS_INPUT, "GGUF: key '%s' has %zu strings but %zu bytes are left",
                            v->key, v->count, r->size - r->at);
    hg_gguf_text *strings = hg_arena_array(&r->g->arena, v->count, sizeof *strings);
    if (strings == NULL)
        return hg_error_memory(r->err, v->count * sizeof *strings, "strings of a GGUF file");
    v->strings = strings;
    for (size_t i = 0; i < v->count; i++) {
        hg_status status = reader_text(r, &strings[i]);
        if (status != HG_STATUS_OK)
            return status;
    }
    return HG_STATUS_OK;
}

static hg_status read_array(gguf_reader *r, hg_gguf_value *v)
{
    uint32_t type = 0;
    uint64_t count = 0;
    hg_status status = reader_u32(r, &type);
    if (status == HG_STATUS_OK)
        status = reader_u64(r, &count);
    if (status != HG_STATUS_OK)
        return status;
    if (type == HG_GGUF_ARRAY || type > HG_GGUF_F64)
        return hg_error_set(r->err, HG_STATUS_INPUT,
                            "GGUF: key '%s': arrays of type %" PRIu32 " are not read", v->key, type);
    v->element = (hg_gguf_type)type;
    if (count > r->size - r->at)
        return hg_error_set(r->err, HG_STATUS_INPUT,
                            "GGUF: key '%s' has %" PRIu64 " elements but %zu bytes are left", v->key, count,
                            r->size - r->at);
    v->count = (size_t)count;
    if (type == HG_GGUF_STRING)
        return read_strings(r, v);
    /* The product fits: count is at most the file's size, an element 8 bytes, and a file half the address
     * space. */
    return reader_bytes(r, count * hg_gguf_type_bytes(v->element), &v->data);
}

static hg_status read_key(gguf_reader *r, hg_gguf_value *v)
{
    hg_gguf_text key = {0};
    hg_status status = reader_text(r, &key);
    if (status != HG_STATUS_OK)
        return status;
    if (key.size == 0 || key.size > MAX_KEY_BYTES || memchr(key.data, 0, key.size) != NULL)
        return hg_error_set(r->err, HG_STATUS_INPUT,
                            "GGUF: a key of %zu bytes before %zu is empty, too long or has a zero byte",
                            key.size, r->at);
    char *copy = hg_arena_alloc(&r->g->arena, key.size + 1);
    if (copy == NULL)
        return hg_error_memory(r->err, key.size + 1, "a key of a GGUF file");
    memcpy(copy, key.data, key.size);
    copy[key.size] = 0;
    v->key = copy;
    return HG_STATUS_OK;
}

static hg_status read_value(gguf_reader *r, hg_gguf_value *v)
{
    uint32_t type = 0;
    hg_status status = read_key(r, v);
    if (status == HG_STATUS_OK)
        status = reader_u32(r, &type);
    if (status != HG_STATUS_OK)
        return status;
    if (type > HG_GGUF_F64)
        return hg_error_set(r->err, HG_STATUS_INPUT, "GGUF: key '%s': unknown type %" PRIu32, v->key, type);
    v->type = (hg_gguf_type)type;
    if (v->type == HG_GGUF_ARRAY)
        return read_array(r, v);
    if (v->type == HG_GGUF_STRING)
        return reader_text(r, &v->text);
    return reader_bytes(r, hg_gguf_type_bytes(v->type), &v->data);
}

static int key_order(const void *a, const void *b)
{
    return strcmp((*(const hg_gguf_value *const *)a)->key, (*(const hg_gguf_value *const *)b)->key);
}

static hg_status read_values(gguf_reader *r, uint64_t n)
{
    hg_gguf *g = r->g;
    if (n > (r->size - r->at) / MIN_VALUE_BYTES)
        return hg_error_set(r->err, HG_STATUS_INPUT, "GGUF: %" PRIu64 " values but %zu bytes are left", n,
                            r->size - r->at);
    g->n_values = (size_t)n;
    g->values = hg_arena_array(&g->arena, g->n_values, sizeof *g->values);
    g->by_key = hg_arena_array(&g->arena, g->n_values, sizeof *g->by_key);
    if (g->values == NULL || g->by_key == NULL)
        return hg_error_memory(r->err, n * sizeof *g->values, "values of a GGUF file");
    for (size_t i = 0; i < g->n_values; i++) {
        hg_status status = read_value(r, &g->values[i]);
        if (status != HG_STATUS_OK)
            return status;
        g->by_key[i] = &g->values[i];
    }
    qsort(g->by_key, g->n_values, sizeof *g->by_key, key_order);
    for (size_t i = 1; i < g->n_values; i++) {
        if (strcmp(g->by_key[i - 1]->key, g->by_key[i]->key) == 0)
            return hg_error_set(r->err, HG_STATUS_INPUT, "GGUF: key '%s' comes twice", g->by_key[i]->key);
    }
    return HG_STATUS_OK;
}

/* The tensor's dimensions, turned into PyTorch's order. */
static hg_status read_shape(gguf_reader *r, gguf_tensor *t)
{
    uint32_t n_dims = 0;
    hg_status status = reader_u32(r, &n_dims);
    if (status != HG_STATUS_OK)
        return status;
    if (n_dims > HG_TENSOR_MAX_DIMS)
        return hg_error_set(r->err, HG_STATUS_INPUT,
                            "GGUF: tensor '%.*s' has %" PRIu32 " dimensions, at most %d", (int)t->name_bytes,
                            t->name, n_dims, HG_TENSOR_MAX_DIMS);
    t->n_dims = (int)n_dims;
    for (int i = t->n_dims - 1; i >= 0; i--) {
        uint64_t dim;
        status = reader_u64(r, &dim);
        if (status != HG_STATUS_OK)
            return status;
        if (dim > INT64_MAX)
            return hg_error_set(r->err, HG_STATUS_INPUT, "GGUF: tensor '%.*s' has a dimension of %" PRIu64,
                                (int)t->name_bytes, t->name, dim);
        t->shape[i] = (int64_t)dim;
    }
    return HG_STATUS_OK;
}

/* `offset` waits in `position` until the begin of the data is known. */
static hg_status read_tensor(gguf_reader *r, gguf_tensor *t, uint64_t *position)
{
    hg_gguf_text name = {0};
    hg_status status = reader_text(r, &name);
    if (status != HG_STATUS_OK)
        return status;
    if (name.size > HG_TENSOR_NAME_BYTES)
        return hg_error_set(r->err, HG_STATUS_INPUT, "GGUF: a tensor's name has %zu bytes, at most %d",
                            name.size, HG_TENSOR_NAME_BYTES);
    t->name = name.data;
    t->name_bytes = name.size;
    status = read_shape(r, t);
    if (status == HG_STATUS_OK)
        status = reader_u32(r, &t->type);
    if (status == HG_STATUS_OK)
        status = reader_u64(r, position);
    return status;
}

/* Bytes that the tensor takes; 0 for an unknown type. */
static hg_status tensor_bytes(gguf_reader *r, const gguf_tensor *t, size_t *bytes)
{
    const struct gguf_dtype *dtype = find_dtype(t->type);
    size_t count;
    *bytes = 0;
    if (!hg_tensor_list_count(t->n_dims, t->shape, &count))
        return hg_error_set(r->err, HG_STATUS_INPUT, "GGUF: tensor '%.*s': its shape is too large",
                            (int)t->name_bytes, t->name);
    if (dtype == NULL)
        return HG_STATUS_OK;
    int64_t row = t->n_dims == 0 ? 1 : t->shape[t->n_dims - 1];
    if (row % dtype->block != 0)
        return hg_error_set(r->err, HG_STATUS_INPUT,
                            "GGUF: tensor '%.*s' of type %s has rows of %" PRId64 ", no multiple of %d",
                            (int)t->name_bytes, t->name, dtype->name, row, dtype->block);
    if (!hg_checked_mul(count / dtype->block, dtype->bytes, bytes))
        return hg_error_set(r->err, HG_STATUS_INPUT, "GGUF: tensor '%.*s': its shape is too large",
                            (int)t->name_bytes, t->name);
    return HG_STATUS_OK;
}

static hg_status place_tensor(gguf_reader *r, gguf_tensor *t, uint64_t position, size_t data_begin)
{
    size_t bytes = 0;
    hg_status status = tensor_bytes(r, t, &bytes);
    if (status != HG_STATUS_OK)
        return status;
    uint64_t left = data_begin < r->size ? r->size - data_begin : 0;
    if (position % r->g->alignment != 0)
        return hg_error_set(r->err, HG_STATUS_INPUT,
                            "GGUF: tensor '%.*s' is at %" PRIu64 ", no multiple of the alignment %" PRIu32,
                            (int)t->name_bytes, t->name, position, r->g->alignment);
    if (!hg_checked_range(position, bytes, left))
        return hg_error_set(r->err, HG_STATUS_INPUT,
                            "GGUF: tensor '%.*s' takes %zu bytes at %" PRIu64 " but the file has %" PRIu64
                            " bytes of data",
                            (int)t->name_bytes, t->name, bytes, position, left);
    t->data = left == 0 ? NULL : r->data + data_begin + position;
    return HG_STATUS_OK;
}

static hg_status read_tensors(gguf_reader *r, uint64_t n)
{
    hg_gguf *g = r->g;
    if (n > (r->size - r->at) / MIN_TENSOR_BYTES)
        return hg_error_set(r->err, HG_STATUS_INPUT, "GGUF: %" PRIu64 " tensors but %zu bytes are left", n,
                            r->size - r->at);
    g->tensors = hg_arena_array(&g->arena, (size_t)n, sizeof *g->tensors);
    uint64_t *positions = hg_arena_array(&g->arena, (size_t)n, sizeof *positions);
    if (g->tensors == NULL || positions == NULL)
        return hg_error_memory(r->err, n * sizeof *g->tensors, "tensors of a GGUF file");
    g->n_tensors = (size_t)n;
    for (size_t i = 0; i < g->n_tensors; i++) {
        hg_status status = read_tensor(r, &g->tensors[i], &positions[i]);
        if (status != HG_STATUS_OK)
            return status;
    }
    size_t padding = (g->alignment - r->at % g->alignment) % g->alignment;
    for (size_t i = 0; i < g->n_tensors; i++) {
        hg_status status = place_tensor(r, &g->tensors[i], positions[i], r->at + padding);
        if (status != HG_STATUS_OK)
            return status;
    }
    return HG_STATUS_OK;
}

static hg_status read_alignment(gguf_reader *r)
{
    static const char key[] = "general.alignment";
    hg_gguf *g = r->g;
    g->alignment = DEFAULT_ALIGNMENT;
    if (hg_gguf_find(g, key) == NULL)
        return HG_STATUS_OK;
    hg_status status = hg_gguf_get_u32(g, key, &g->alignment, r->err);
    if (status != HG_STATUS_OK)
        return status;
    if (g->alignment == 0 || g->alignment > MAX_ALIGNMENT || (g->alignment & (g->alignment - 1)) != 0)
        return hg_error_set(r->err, HG_STATUS_INPUT,
                            "GGUF: %s is %" PRIu32 ", expected a power of two up to %" PRIu32, key,
                            g->alignment, MAX_ALIGNMENT);
    return HG_STATUS_OK;
}

static hg_status read_file(gguf_reader *r)
{
    const uint8_t *magic = NULL;
    uint32_t version = 0;
    uint64_t n_tensors = 0, n_values = 0;
    hg_status status = reader_bytes(r, 4, &magic);
    if (status == HG_STATUS_OK && memcmp(magic, "GGUF", 4) != 0)
        return hg_error_set(r->err, HG_STATUS_INPUT, "not a GGUF file");
    if (status == HG_STATUS_OK)
        status = reader_u32(r, &version);
    if (status == HG_STATUS_OK && version != 2 && version != 3)
        return hg_error_set(r->err, HG_STATUS_INPUT,
                            "GGUF: version %" PRIu32 " (little-endian), only 2 and 3 are read", version);
    if (status == HG_STATUS_OK)
        status = reader_u64(r, &n_tensors);
    if (status == HG_STATUS_OK)
        status = reader_u64(r, &n_values);
    if (status == HG_STATUS_OK)
        status = read_values(r, n_values);
    if (status == HG_STATUS_OK)
        status = read_alignment(r);
    return status == HG_STATUS_OK ? read_tensors(r, n_tensors) : status;
}

/* A reader for `size` bytes: the arena may take what descriptions of so many bytes can need. */
static hg_gguf *gguf_create(size_t size)
{
    hg_gguf *g = hg_mem_array(1, sizeof *g);
    size_t max_bytes;
    if (g == NULL)
        return NULL;
    if (!hg_checked_mul(size, 32, &max_bytes) || !hg_checked_add(max_bytes, (size_t)1 << 20, &max_bytes))
        max_bytes = SIZE_MAX;
    hg_arena_init(&g->arena, (size_t)64 << 10, max_bytes);
    return g;
}

hg_status hg_gguf_open_memory(hg_gguf **out, const uint8_t *data, size_t size, hg_error *err)
{
    *out = NULL;
    hg_gguf *g = gguf_create(size);
    if (g == NULL)
        return hg_error_memory(err, sizeof *g, "a GGUF file");
    gguf_reader r = {.g = g, .data = data, .size = size, .err = err};
    hg_status status = read_file(&r);
    if (status != HG_STATUS_OK) {
        hg_gguf_close(g);
        return status;
    }
    *out = g;
    return HG_STATUS_OK;
}

hg_status hg_gguf_open(hg_gguf **out, const char *path, hg_error *err)
{
    *out = NULL;
    hg_file_map map;
    hg_status status = hg_file_map_open(&map, path, err);
    if (status != HG_STATUS_OK)
        return status;
    status = hg_gguf_open_memory(out, map.data, map.size, err);
    if (status != HG_STATUS_OK) {
        hg_file_map_close(&map);
        return hg_error_prefix(err, status, "%s", path);
    }
    (*out)->map = map;
    return HG_STATUS_OK;
}

void hg_gguf_close(hg_gguf *g)
{
    if (g == NULL)
        return;
    hg_arena_deinit(&g->arena);
    hg_file_map_close(&g->map);
    hg_mem_free(g);
}

size_t hg_gguf_n_values(const hg_gguf *g)
{
    return g->n_values;
}

const hg_gguf_value *hg_gguf_get_value(const hg_gguf *g, size_t i)
{
    return i < g->n_values ? &g->values[i] : NULL;
}

const hg_gguf_value *hg_gguf_find(const hg_gguf *g, const char *key)
{
    const hg_gguf_value wanted = {.key = key}, *pointer = &wanted;
    const hg_gguf_value **found = bsearch(&pointer, g->by_key, g->n_values, sizeof pointer, key_order);
    return found == NULL ? NULL : *found;
}

uint32_t hg_gguf_tensor_type(hg_dtype dtype)
{
    static const uint32_t numbers[HG_DTYPE_COUNT] = {
        [HG_DTYPE_F32] = 0,  [HG_DTYPE_F64] = 28, [HG_DTYPE_F16] = 1,   [HG_DTYPE_BF16] = 30,
        [HG_DTYPE_Q8_0] = 8, [HG_DTYPE_Q4_0] = 2, [HG_DTYPE_Q4_K] = 12, [HG_DTYPE_Q6_K] = 14};
    return numbers[dtype];
}

static hg_status list_tensor(const gguf_tensor *t, hg_tensor_list *out, hg_error *err)
{
    const struct gguf_dtype *dtype = find_dtype(t->type);
    char reason[48];
    if (dtype == NULL)
        snprintf(reason, sizeof reason, "element type %" PRIu32, t->type);
    else
        snprintf(reason, sizeof reason, "element type %s", dtype->name);
    for (int i = 0; i < HG_DTYPE_COUNT; i++) {
        if (i != HG_DTYPE_F64 && hg_gguf_tensor_type((hg_dtype)i) == t->type)
            return hg_tensor_list_push(out, t->name, t->name_bytes, (hg_dtype)i, t->n_dims, t->shape, t->data,
                                       err);
    }
    return hg_tensor_list_push_unsupported(out, t->name, t->name_bytes, reason, err);
}

hg_status hg_gguf_list_tensors(const hg_gguf *g, hg_tensor_list *out, hg_error *err)
{
    for (size_t i = 0; i < g->n_tensors; i++) {
        hg_status status = list_tensor(&g->tensors[i], out, err);
        if (status != HG_STATUS_OK)
            return status;
    }
    return hg_tensor_list_sort(out, err);
}
