/* SPDX-License-Identifier: Apache-2.0
 *
 * gguf_edit.c: see gguf_edit.h.
 */
#include "gguf_edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALIGNMENT 32

static uint64_t number_at(const hg_buffer *file, size_t at, size_t n)
{
    uint64_t value = 0;
    assert_true(at + n <= file->size);
    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)file->data[at + i] << (8 * i);
    return value;
}

static size_t type_bytes(hg_gguf_type type)
{
    static const size_t bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return bytes[type];
}

static size_t string_end(const hg_buffer *file, size_t at)
{
    return at + 8 + (size_t)number_at(file, at, 8);
}

static size_t array_end(const hg_buffer *file, gguf_field *f, size_t at)
{
    f->element = (hg_gguf_type)number_at(file, at, 4);
    f->count = number_at(file, at + 4, 8);
    at += 12;
    if (f->element != HG_GGUF_STRING)
        return at + (size_t)f->count * type_bytes(f->element);
    for (uint64_t i = 0; i < f->count; i++)
        at = string_end(file, at);
    return at;
}

static size_t read_field(const hg_buffer *file, gguf_field *f, size_t at)
{
    size_t n = (size_t)number_at(file, at, 8);
    assert_true(n < sizeof f->key);
    f->begin = at;
    memcpy(f->key, file->data + at + 8, n);
    f->key[n] = 0;
    f->type_at = at + 8 + n;
    f->type = (hg_gguf_type)number_at(file, f->type_at, 4);
    f->value_at = f->type_at + 4;
    if (f->type == HG_GGUF_STRING)
        f->end = string_end(file, f->value_at);
    else if (f->type == HG_GGUF_ARRAY)
        f->end = array_end(file, f, f->value_at);
    else
        f->end = f->value_at + type_bytes(f->type);
    return f->end;
}

static size_t read_entry(const hg_buffer *file, gguf_entry *e, size_t at)
{
    size_t n = (size_t)number_at(file, at, 8);
    assert_true(n < sizeof e->name);
    e->begin = at;
    memcpy(e->name, file->data + at + 8, n);
    e->name[n] = 0;
    e->n_dims_at = at + 8 + n;
    e->n_dims = (uint32_t)number_at(file, e->n_dims_at, 4);
    e->dims_at = e->n_dims_at + 4;
    e->type_at = e->dims_at + 8 * (size_t)e->n_dims;
    e->offset_at = e->type_at + 4;
    e->end = e->offset_at + 8;
    return e->end;
}

static size_t padded(size_t at)
{
    return (at + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void gguf_map_read(gguf_map *map, const hg_buffer *file)
{
    memset(map, 0, sizeof *map);
    map->file = file;
    map->n_entries = (size_t)number_at(file, GGUF_EDIT_N_TENSORS_AT, 8);
    map->n_fields = (size_t)number_at(file, GGUF_EDIT_N_VALUES_AT, 8);
    assert_in_range(map->n_entries, 1, GGUF_EDIT_MAX);
    assert_in_range(map->n_fields, 1, GGUF_EDIT_MAX);
    size_t at = 24;
    for (size_t i = 0; i < map->n_fields; i++)
        at = read_field(file, &map->fields[i], at);
    for (size_t i = 0; i < map->n_entries; i++)
        at = read_entry(file, &map->entries[i], at);
    map->header_end = at;
    map->data_at = padded(at);
}

const gguf_field *gguf_map_field(const gguf_map *map, const char *key)
{
    for (size_t i = 0; i < map->n_fields; i++) {
        if (strcmp(map->fields[i].key, key) == 0)
            return &map->fields[i];
    }
    fail_msg("no key %s", key);
    return NULL;
}

const gguf_entry *gguf_map_entry(const gguf_map *map, const char *name)
{
    for (size_t i = 0; i < map->n_entries; i++) {
        if (strcmp(map->entries[i].name, name) == 0)
            return &map->entries[i];
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

static void push(hg_buffer *b, const void *bytes, size_t n)
{
    if (n > 0)
        assert_true(hg_buffer_push(b, bytes, n));
}

hg_buffer gguf_edit_splice(const gguf_map *map, size_t at, size_t n_old, const void *bytes, size_t n)
{
    static const uint8_t zeros[ALIGNMENT];
    const hg_buffer *file = map->file;
    hg_buffer out;
    hg_buffer_init(&out, (size_t)1 << 26);
    push(&out, file->data, at);
    push(&out, bytes, n);
    push(&out, file->data + at + n_old, map->header_end - at - n_old);
    push(&out, zeros, padded(out.size) - out.size);
    push(&out, file->data + map->data_at, file->size - map->data_at);
    return out;
}

/* At most 8 bytes. */
static void put_number(uint8_t *to, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n && i < sizeof value; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

hg_buffer gguf_edit_number(const gguf_map *map, size_t at, uint64_t value, size_t n)
{
    uint8_t bytes[8];
    put_number(bytes, value, n);
    return gguf_edit_splice(map, at, n, bytes, n);
}

hg_buffer gguf_edit_remove(const gguf_map *map, const gguf_field *field)
{
    hg_buffer out = gguf_edit_splice(map, field->begin, field->end - field->begin, NULL, 0);
    put_number(out.data + GGUF_EDIT_N_VALUES_AT, map->n_fields - 1, 8);
    return out;
}

hg_buffer gguf_edit_value(const gguf_map *map, const gguf_field *field, hg_gguf_type type, const void *value,
                          size_t n)
{
    uint8_t bytes[128];
    assert_true(n <= sizeof bytes - 4);
    put_number(bytes, (uint64_t)type, 4);
    memcpy(bytes + 4, value, n);
    return gguf_edit_splice(map, field->type_at, field->end - field->type_at, bytes, n + 4);
}

hg_buffer gguf_edit_add_text(const gguf_map *map, const char *key, const char *text)
{
    uint8_t bytes[512];
    size_t key_bytes = strlen(key), text_bytes = strlen(text), at = map->entries[0].begin;
    assert_true(key_bytes + text_bytes + 20 <= sizeof bytes);
    put_number(bytes, key_bytes, 8);
    memcpy(bytes + 8, key, key_bytes);
    put_number(bytes + 8 + key_bytes, HG_GGUF_STRING, 4);
    put_number(bytes + 12 + key_bytes, text_bytes, 8);
    memcpy(bytes + 20 + key_bytes, text, text_bytes);
    hg_buffer out = gguf_edit_splice(map, at, 0, bytes, key_bytes + text_bytes + 20);
    put_number(out.data + GGUF_EDIT_N_VALUES_AT, map->n_fields + 1, 8);
    return out;
}
