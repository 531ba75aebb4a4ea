/* SPDX-License-Identifier: Apache-2.0
 *
 * gguf_edit.h: where everything lies in the bytes of a good GGUF file, and changes of it. A parser of its own
 * that trusts the file: what is tested must not help to test.
 */
#ifndef HG_TESTS_GGUF_EDIT_H
#define HG_TESTS_GGUF_EDIT_H

#include "base/buffer.h"
#include "formats/gguf.h"

#define GGUF_EDIT_MAX 1024

typedef struct gguf_field {
    char key[96];
    size_t begin, type_at, value_at, end;
    hg_gguf_type type;
    hg_gguf_type element; /* of an array */
    uint64_t count;
} gguf_field;

typedef struct gguf_entry { /* of a tensor */
    char name[64];
    size_t begin, n_dims_at, dims_at, type_at, offset_at, end;
    uint32_t n_dims;
} gguf_entry;

typedef struct gguf_map {
    const hg_buffer *file;
    gguf_field fields[GGUF_EDIT_MAX];
    gguf_entry entries[GGUF_EDIT_MAX];
    size_t n_fields, n_entries;
    size_t header_end; /* behind the last entry */
    size_t data_at;
} gguf_map;

#define GGUF_EDIT_N_TENSORS_AT 8
#define GGUF_EDIT_N_VALUES_AT 16

void gguf_map_read(gguf_map *map, const hg_buffer *file);
const gguf_field *gguf_map_field(const gguf_map *map, const char *key); /* the test fails without it */
const gguf_entry *gguf_map_entry(const gguf_map *map, const char *name);

/* The file with `n_old` bytes of its header replaced, the data where readers then expect it. hg_buffer_deinit
 * by the caller, as for the others. */
hg_buffer gguf_edit_splice(const gguf_map *map, size_t at, size_t n_old, const void *bytes, size_t n);

/* `n` bytes of a number, little-endian, at a place of the header. */
hg_buffer gguf_edit_number(const gguf_map *map, size_t at, uint64_t value, size_t n);

/* Without the key; with another value, given as type and encoded bytes; with one key more. */
hg_buffer gguf_edit_remove(const gguf_map *map, const gguf_field *field);
hg_buffer gguf_edit_value(const gguf_map *map, const gguf_field *field, hg_gguf_type type, const void *value,
                          size_t n);
hg_buffer gguf_edit_add_text(const gguf_map *map, const char *key, const char *text);

#endif
