/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_list.c: the growing list, its name index, and the copies that make awkward data usable. Sizes that a
 * file states are bounded here once for all containers: number of tensors, length of names, bytes copied.
 */
#include "formats/tensor_list.h"

#include "base/checked.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX_ITEMS ((size_t)1 << 20)
#define LIST_NAMES_BYTES ((size_t)256 << 20)
#define LIST_BLOCK_BYTES ((size_t)64 << 10)

void hg_tensor_list_init(hg_tensor_list *list, size_t file_bytes)
{
    size_t max_bytes;
    /* Twice: the arena may round a copy up to a block. */
    if (!hg_checked_mul(file_bytes, 2, &max_bytes) ||
        !hg_checked_add(max_bytes, LIST_NAMES_BYTES, &max_bytes))
        max_bytes = SIZE_MAX;
    *list = (hg_tensor_list){.max_copy_bytes = file_bytes};
    hg_arena_init(&list->arena, LIST_BLOCK_BYTES, max_bytes);
}

void hg_tensor_list_deinit(hg_tensor_list *list)
{
    hg_mem_free(list->items);
    hg_mem_free(list->keys);
    hg_arena_deinit(&list->arena);
    *list = (hg_tensor_list){0};
}

bool hg_tensor_list_count(int n_dims, const int64_t *shape, size_t *count)
{
    /* Strides are products that leave zeros out, so these must fit as well. */
    uint64_t product = 1;
    bool empty = false;
    for (int i = 0; i < n_dims; i++) {
        if (shape[i] < 0)
            return false;
        if (shape[i] == 0)
            empty = true;
        else if (__builtin_mul_overflow(product, (uint64_t)shape[i], &product) || product > INT64_MAX / 8)
            return false;
    }
    *count = empty ? 0 : (size_t)product;
    return true;
}

static const char *list_text(hg_tensor_list *list, const char *text, size_t bytes)
{
    char *copy = hg_arena_alloc(&list->arena, bytes + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, bytes);
    copy[bytes] = 0;
    return copy;
}

static hg_status list_grow(hg_tensor_list *list, hg_error *err)
{
    if (list->n_items >= LIST_MAX_ITEMS)
        return hg_error_set(err, HG_STATUS_INPUT, "more than %zu tensors", LIST_MAX_ITEMS);
    if (list->n_items < list->capacity)
        return HG_STATUS_OK;
    size_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
    hg_named_tensor *items = hg_mem_resize(list->items, capacity, sizeof *items);
    if (items == NULL)
        return hg_error_memory(err, capacity * sizeof *items, "the list of tensors");
    list->items = items;
    list->capacity = capacity;
    return HG_STATUS_OK;
}

/* A new item that has its name and nothing else. */
static hg_status list_push_name(hg_tensor_list *list, const char *name, size_t name_bytes,
                                hg_named_tensor **item, hg_error *err)
{
    if (name_bytes == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "tensor %zu has an empty name", list->n_items);
    if (name_bytes > HG_TENSOR_NAME_BYTES)
        return hg_error_set(err, HG_STATUS_INPUT, "tensor '%.40s...' has a name of %zu bytes, at most %d",
                            name, name_bytes, HG_TENSOR_NAME_BYTES);
    if (memchr(name, 0, name_bytes) != NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "tensor '%s' has a zero byte in its name", name);
    hg_status status = list_grow(list, err);
    if (status != HG_STATUS_OK)
        return status;
    const char *own = list_text(list, name, name_bytes);
    if (own == NULL)
        return hg_error_memory(err, name_bytes + 1, "a tensor's name");
    hg_mem_free(list->keys);
    list->keys = NULL;
    *item = &list->items[list->n_items++];
    **item = (hg_named_tensor){.name = own};
    return HG_STATUS_OK;
}

/* Owned memory for `bytes` of tensor `name`, within what the file's size allows. */
static hg_status list_copy_memory(hg_tensor_list *list, const char *name, size_t bytes, uint8_t **out,
                                  hg_error *err)
{
    if (bytes > list->max_copy_bytes - list->copy_bytes)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "tensor '%s': copies of tensors would take %zu bytes more than the file's %zu",
                            name, bytes - (list->max_copy_bytes - list->copy_bytes), list->max_copy_bytes);
    *out = hg_arena_alloc(&list->arena, bytes);
    if (*out == NULL)
        return hg_error_memory(err, bytes, "a copy of a tensor");
    list->copy_bytes += bytes;
    return HG_STATUS_OK;
}

/* Gathers strided elements into contiguous memory. */
static void list_gather(const hg_tensor *t, const uint8_t *from, uint8_t *to)
{
    size_t bytes = hg_dtype_bytes(t->dtype); /* PyTorch's strided tensors are of plain types */
    const int64_t *n = t->shape;
    const int64_t *s = t->stride;
    for (int64_t a = 0; a < n[0]; a++)
        for (int64_t b = 0; b < n[1]; b++)
            for (int64_t c = 0; c < n[2]; c++)
                for (int64_t d = 0; d < n[3]; d++, to += bytes) {
                    size_t at = (size_t)(a * s[0] + b * s[1] + c * s[2] + d * s[3]);
                    memcpy(to, from + at * bytes, bytes);
                }
}

hg_status hg_tensor_list_push_strided(hg_tensor_list *list, const char *name, size_t name_bytes,
                                      hg_dtype dtype, int n_dims, const int64_t *shape, const int64_t *stride,
                                      const uint8_t *data, hg_error *err)
{
    hg_named_tensor *item = NULL;
    hg_status status = list_push_name(list, name, name_bytes, &item, err);
    if (status != HG_STATUS_OK)
        return status;
    size_t count;
    if (n_dims > HG_TENSOR_MAX_DIMS || !hg_tensor_list_count(n_dims, shape, &count))
        return hg_error_set(err, HG_STATUS_INPUT, "tensor '%s': bad shape", item->name);
    static const int64_t one[1] = {1};
    hg_tensor t =
        hg_tensor_make(dtype, n_dims == 0 ? 1 : n_dims, n_dims == 0 ? one : shape, (void *)(uintptr_t)data);
    hg_tensor source = t;
    if (stride != NULL && n_dims > 0)
        memcpy(source.stride, stride, (size_t)n_dims * sizeof *stride);
    bool gather = count > 0 && !hg_tensor_is_contiguous(&source);
    if (t.shape[t.n_dims - 1] % hg_dtype_block(dtype) != 0)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "tensor '%s': rows of %" PRId64 " are no multiple of %s's %" PRId64, item->name,
                            t.shape[t.n_dims - 1], hg_dtype_name(dtype), hg_dtype_block(dtype));
    size_t bytes = hg_tensor_bytes(&t);
    if (gather || data == NULL || (uintptr_t)data % hg_dtype_alignment(dtype) != 0) {
        uint8_t *copy = NULL;
        status = list_copy_memory(list, item->name, bytes, &copy, err);
        if (status != HG_STATUS_OK)
            return status;
        if (gather)
            list_gather(&source, data, copy);
        else if (count > 0)
            memcpy(copy, data, bytes);
        t.data = copy;
    }
    item->tensor = t;
    return HG_STATUS_OK;
}

hg_status hg_tensor_list_push(hg_tensor_list *list, const char *name, size_t name_bytes, hg_dtype dtype,
                              int n_dims, const int64_t *shape, const uint8_t *data, hg_error *err)
{
    return hg_tensor_list_push_strided(list, name, name_bytes, dtype, n_dims, shape, NULL, data, err);
}

hg_status hg_tensor_list_push_unsupported(hg_tensor_list *list, const char *name, size_t name_bytes,
                                          const char *reason, hg_error *err)
{
    hg_named_tensor *item = NULL;
    hg_status status = list_push_name(list, name, name_bytes, &item, err);
    if (status != HG_STATUS_OK)
        return status;
    item->unsupported = list_text(list, reason, strlen(reason));
    if (item->unsupported == NULL)
        return hg_error_memory(err, strlen(reason) + 1, "a tensor's name");
    return HG_STATUS_OK;
}

static int key_order(const void *a, const void *b)
{
    return strcmp(((const hg_tensor_key *)a)->name, ((const hg_tensor_key *)b)->name);
}

hg_status hg_tensor_list_sort(hg_tensor_list *list, hg_error *err)
{
    size_t n = list->n_items;
    hg_mem_free(list->keys);
    list->keys = hg_mem_array(n == 0 ? 1 : n, sizeof *list->keys);
    if (list->keys == NULL)
        return hg_error_memory(err, n * sizeof *list->keys, "the index of tensors");
    for (size_t i = 0; i < n; i++)
        list->keys[i] = (hg_tensor_key){list->items[i].name, i};
    qsort(list->keys, n, sizeof *list->keys, key_order);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(list->keys[i - 1].name, list->keys[i].name) == 0)
            return hg_error_set(err, HG_STATUS_INPUT, "two tensors are named '%s'", list->keys[i].name);
    }
    return HG_STATUS_OK;
}

const hg_named_tensor *hg_tensor_list_find(const hg_tensor_list *list, const char *name)
{
    if (list->keys == NULL)
        return NULL;
    const hg_tensor_key wanted = {name, 0};
    const hg_tensor_key *key = bsearch(&wanted, list->keys, list->n_items, sizeof wanted, key_order);
    return key == NULL ? NULL : &list->items[key->item];
}
