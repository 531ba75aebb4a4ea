/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_writer.c: the zip archive around data.pkl and the storages, laid out as PyTorch's own writer does:
 * stored entries, content at multiples of 64 through an "FB" extra field, sizes and checksums behind the
 * content (so that nothing must be known in advance), directory, zip64 end record, end record. Invariant:
 * torch_plan walks the same entries as the writing, so the planned size is the written one.
 */
#include "formats/tensor_sink.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define ENTRY_ALIGNMENT 64
#define LOCAL_BYTES 30
#define CENTRAL_BYTES 46
#define DESCRIPTOR_BYTES 16
#define END_BYTES (56 + 20 + 22)
#define FLAGS 0x0808 /* descriptor behind the content; names are UTF-8 */
#define ENTRY_NAME_BYTES (HG_TORCH_ROOT_BYTES + 32)
#define MAX_ENTRIES 65535

static const char version_text[] = "3\n";

/* One entry of the archive: data.pkl, the storages, version. */
typedef struct torch_entry {
    char name[ENTRY_NAME_BYTES];
    uint64_t position;
    uint64_t bytes;
    uint32_t crc32;
} torch_entry;

/* A small record in the making. */
typedef struct torch_record {
    uint8_t bytes[128 + ENTRY_NAME_BYTES];
    size_t n;
} torch_record;

static void add_number(torch_record *r, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        r->bytes[r->n++] = (uint8_t)(number >> (8 * i));
}

static void add_bytes(torch_record *r, const char *text, size_t n)
{
    memcpy(r->bytes + r->n, text, n);
    r->n += n;
}

/* Bytes of padding that bring the content of an entry at `position` to the alignment. */
static size_t entry_padding(uint64_t position, const char *name)
{
    uint64_t content = position + LOCAL_BYTES + strlen(name) + 4;
    return (size_t)((ENTRY_ALIGNMENT - content % ENTRY_ALIGNMENT) % ENTRY_ALIGNMENT);
}

static size_t n_entries(const hg_tensor_writer *w)
{
    return w->n_items + 2;
}

static uint32_t sum(const void *bytes, size_t n)
{
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes, n);
}

/* Entry `index` of the archive, as far as it is known. */
static torch_entry get_entry(const hg_tensor_writer *w, size_t index)
{
    torch_entry e = {0};
    if (index == 0) {
        snprintf(e.name, sizeof e.name, "%s/data.pkl", w->root);
        e.bytes = w->head.size;
        e.crc32 = sum(w->head.data, w->head.size);
    } else if (index <= w->n_items) {
        const hg_sink_item *item = &w->items[index - 1];
        snprintf(e.name, sizeof e.name, "%s/data/%zu", w->root, index - 1);
        e.bytes = item->bytes;
        e.crc32 = item->crc32;
        e.position = item->file_position;
    } else {
        snprintf(e.name, sizeof e.name, "%s/version", w->root);
        e.bytes = sizeof version_text - 1;
        e.crc32 = sum(version_text, sizeof version_text - 1);
        e.position = w->version_position;
    }
    return e;
}

static hg_status check_root(hg_tensor_writer *w, const char *root, hg_error *err)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t n = strlen(root);
    if (n == 0 || n >= sizeof w->root || strspn(root, letters) != n)
        return hg_error_set(err, HG_STATUS_USAGE, "'%.100s' cannot be the root folder of a PyTorch file",
                            root);
    memcpy(w->root, root, n + 1);
    return HG_STATUS_OK;
}

static hg_status torch_plan(hg_tensor_writer *w, const void *extra, hg_error *err)
{
    hg_status status = check_root(w, extra, err);
    if (status != HG_STATUS_OK)
        return status;
    if (n_entries(w) > MAX_ENTRIES)
        return hg_error_set(err, HG_STATUS_USAGE, "%zu tensors, at most %d fit a PyTorch file", w->n_items,
                            MAX_ENTRIES - 2);
    if (!hg_torch_pickle_write(&w->head, w->items, w->n_items))
        return hg_error_memory(err, w->head.size, "data.pkl");
    uint64_t position = 0, directory = 0;
    for (size_t i = 0; i < n_entries(w); i++) {
        torch_entry e = get_entry(w, i);
        if (e.bytes < UINT32_MAX)
            position += LOCAL_BYTES + strlen(e.name) + 4 + entry_padding(position, e.name) + e.bytes +
                        DESCRIPTOR_BYTES;
        directory += CENTRAL_BYTES + strlen(e.name);
        if (e.bytes >= UINT32_MAX || position + directory + END_BYTES >= UINT32_MAX)
            return hg_error_set(err, HG_STATUS_USAGE,
                                "the tensors take 4 GB or more; split them over several PyTorch files");
    }
    w->file_bytes = position + directory + END_BYTES;
    return HG_STATUS_OK;
}

static hg_status put_record(hg_tensor_writer *w, const torch_record *r, hg_error *err)
{
    return hg_tensor_sink_put(&w->sink, r->bytes, r->n, err);
}

/* Local header, name and padding; the content comes next. */
static hg_status begin_entry(hg_tensor_writer *w, const torch_entry *e, hg_error *err)
{
    torch_record r = {.n = 0};
    size_t padding = entry_padding(w->sink.position, e->name);
    add_bytes(&r, "PK\3\4", 4);
    add_number(&r, 0, 2); /* version needed */
    add_number(&r, FLAGS, 2);
    add_number(&r, 0, 2 + 4); /* method, date and time */
    add_number(&r, 0, 8);     /* checksum and sizes: in the descriptor */
    add_number(&r, 0, 4);
    add_number(&r, strlen(e->name), 2);
    add_number(&r, padding + 4, 2);
    add_bytes(&r, e->name, strlen(e->name));
    add_bytes(&r, "FB", 2);
    add_number(&r, padding, 2);
    hg_status status = put_record(w, &r, err);
    return status == HG_STATUS_OK ? hg_tensor_sink_put_zeros(&w->sink, padding, err) : status;
}

static hg_status end_entry(hg_tensor_writer *w, const torch_entry *e, hg_error *err)
{
    torch_record r = {.n = 0};
    add_bytes(&r, "PK\7\10", 4);
    add_number(&r, e->crc32, 4);
    add_number(&r, e->bytes, 4);
    add_number(&r, e->bytes, 4);
    return put_record(w, &r, err);
}

static hg_status put_entry(hg_tensor_writer *w, size_t index, const void *content, hg_error *err)
{
    torch_entry e = get_entry(w, index);
    hg_status status = begin_entry(w, &e, err);
    if (status == HG_STATUS_OK)
        status = hg_tensor_sink_put(&w->sink, content, (size_t)e.bytes, err);
    return status == HG_STATUS_OK ? end_entry(w, &e, err) : status;
}

static hg_status torch_begin_file(hg_tensor_writer *w, hg_error *err)
{
    return put_entry(w, 0, w->head.data, err);
}

static hg_status torch_begin_tensor(hg_tensor_writer *w, size_t i, hg_error *err)
{
    w->items[i].file_position = w->sink.position;
    w->items[i].crc32 = sum(NULL, 0);
    torch_entry e = get_entry(w, i + 1);
    return begin_entry(w, &e, err);
}

static void torch_see_data(hg_tensor_writer *w, const uint8_t *bytes, size_t n)
{
    hg_sink_item *item = &w->items[w->current];
    item->crc32 = (uint32_t)crc32_z(item->crc32, bytes, n);
}

static hg_status torch_end_tensor(hg_tensor_writer *w, size_t i, hg_error *err)
{
    torch_entry e = get_entry(w, i + 1);
    return end_entry(w, &e, err);
}

static hg_status put_directory(hg_tensor_writer *w, hg_error *err)
{
    for (size_t i = 0; i < n_entries(w); i++) {
        torch_entry e = get_entry(w, i);
        torch_record r = {.n = 0};
        add_bytes(&r, "PK\1\2", 4);
        add_number(&r, 0, 2); /* version made by */
        add_number(&r, 0, 2); /* version needed */
        add_number(&r, FLAGS, 2);
        add_number(&r, 0, 2 + 4); /* method, date and time */
        add_number(&r, e.crc32, 4);
        add_number(&r, e.bytes, 4);
        add_number(&r, e.bytes, 4);
        add_number(&r, strlen(e.name), 2);
        add_number(&r, 0, 8); /* no extra field, no comment, first disk, no attributes */
        add_number(&r, 0, 4);
        add_number(&r, e.position, 4);
        add_bytes(&r, e.name, strlen(e.name));
        hg_status status = put_record(w, &r, err);
        if (status != HG_STATUS_OK)
            return status;
    }
    return HG_STATUS_OK;
}

/* zip64 end record, its locator, end record. PyTorch writes all three whatever the size. */
static hg_status put_end(hg_tensor_writer *w, uint64_t directory, hg_error *err)
{
    uint64_t end = w->sink.position, n = n_entries(w);
    torch_record r = {.n = 0};
    add_bytes(&r, "PK\6\6", 4);
    add_number(&r, 44, 8); /* bytes of this record that follow */
    add_number(&r, 0x2d, 2);
    add_number(&r, 0x2d, 2);
    add_number(&r, 0, 8); /* disk numbers */
    add_number(&r, n, 8);
    add_number(&r, n, 8);
    add_number(&r, end - directory, 8);
    add_number(&r, directory, 8);
    add_bytes(&r, "PK\6\7", 4);
    add_number(&r, 0, 4);
    add_number(&r, end, 8);
    add_number(&r, 1, 4);
    add_bytes(&r, "PK\5\6", 4);
    add_number(&r, 0, 4);
    add_number(&r, n, 2);
    add_number(&r, n, 2);
    add_number(&r, end - directory, 4);
    add_number(&r, directory, 4);
    add_number(&r, 0, 2);
    return put_record(w, &r, err);
}

static hg_status torch_end_file(hg_tensor_writer *w, hg_error *err)
{
    w->version_position = w->sink.position;
    hg_status status = put_entry(w, n_entries(w) - 1, version_text, err);
    uint64_t directory = w->sink.position;
    if (status == HG_STATUS_OK)
        status = put_directory(w, err);
    return status == HG_STATUS_OK ? put_end(w, directory, err) : status;
}

hg_status hg_torch_writer_create(hg_tensor_writer **out, const char *path, const char *root,
                                 const hg_tensor_spec *specs, size_t n_specs, hg_error *err)
{
    static const hg_sink_container container = {.plan = torch_plan,
                                                .begin_file = torch_begin_file,
                                                .begin_tensor = torch_begin_tensor,
                                                .see_data = torch_see_data,
                                                .end_tensor = torch_end_tensor,
                                                .end_file = torch_end_file};
    return hg_tensor_sink_create(out, &container, path, root, specs, n_specs, err);
}
