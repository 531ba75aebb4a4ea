/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_list.h: the named tensors of one file. Parsers push what they find; the list owns names and copies
 * of misaligned data, everything else points into the parser's memory. Invariant after hg_tensor_list_sort:
 * names are unique, and the data of every supported tensor is aligned to its element size.
 */
#ifndef HG_FORMATS_TENSOR_LIST_H
#define HG_FORMATS_TENSOR_LIST_H

#include "base/arena.h"
#include "base/error.h"
#include "tensor/tensor.h"

#include <stddef.h>
#include <stdint.h>

#define HG_TENSOR_NAME_BYTES 1024 /* longer names are refused */

typedef struct hg_named_tensor {
    const char *name;
    hg_tensor tensor;        /* read-only data; data is NULL when unsupported */
    const char *unsupported; /* NULL, or why the values cannot be used: "element type I64" */
} hg_named_tensor;

/* An entry of the name index. */
typedef struct hg_tensor_key {
    const char *name;
    size_t item;
} hg_tensor_key;

typedef struct hg_tensor_list {
    hg_arena arena;         /* names, reasons, copies */
    hg_named_tensor *items; /* in the file's order */
    size_t n_items;
    size_t capacity;
    hg_tensor_key *keys; /* n_items, by name; NULL until sorted */
    size_t copy_bytes;   /* what copies have taken */
    size_t max_copy_bytes;
} hg_tensor_list;

/* An empty list for a file of `file_bytes`: copies of misaligned or strided data may not take more than that,
 * so that a small file cannot ask for much memory. */
void hg_tensor_list_init(hg_tensor_list *list, size_t file_bytes);
void hg_tensor_list_deinit(hg_tensor_list *list);

/* Appends a contiguous tensor whose `bytes` the caller has checked to lie in its memory. Zero dimensions
 * become shape [1]; data that is misaligned is copied. */
hg_status hg_tensor_list_push(hg_tensor_list *list, const char *name, size_t name_bytes, hg_dtype dtype,
                              int n_dims, const int64_t *shape, const uint8_t *data,
                              hg_error *err) HG_MUST_CHECK;

/* As above for elements at `stride` (in elements, n_dims of them, none negative); copied when the order is
 * not the contiguous one. */
hg_status hg_tensor_list_push_strided(hg_tensor_list *list, const char *name, size_t name_bytes,
                                      hg_dtype dtype, int n_dims, const int64_t *shape, const int64_t *stride,
                                      const uint8_t *data, hg_error *err) HG_MUST_CHECK;

/* Appends a tensor that is known by name only; `reason` is copied. */
hg_status hg_tensor_list_push_unsupported(hg_tensor_list *list, const char *name, size_t name_bytes,
                                          const char *reason, hg_error *err) HG_MUST_CHECK;

/* Makes the list searchable; HG_STATUS_INPUT when two tensors have one name. */
hg_status hg_tensor_list_sort(hg_tensor_list *list, hg_error *err) HG_MUST_CHECK;

/* NULL when there is none of that name. */
const hg_named_tensor *hg_tensor_list_find(const hg_tensor_list *list, const char *name);

/* Elements of the shape; false when a dimension is negative or the number does not fit (bytes of 8 an element
 * fit then, too). */
bool hg_tensor_list_count(int n_dims, const int64_t *shape, size_t *count);

#endif
