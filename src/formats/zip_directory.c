/* SPDX-License-Identifier: Apache-2.0
 *
 * zip_directory.c: end record -> (zip64 end record) -> directory -> local headers. The directory is the
 * truth; a local header only adds where the content begins, and must carry the same name, so that no other
 * reader of the archive sees something else. Invariant: an entry's data lies between its local header and the
 * directory.
 */
#include "formats/zip_directory.h"

#include "base/checked.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOCAL_BYTES 30
#define CENTRAL_BYTES 46
#define END_BYTES 22
#define END64_BYTES 56
#define LOCATOR_BYTES 20
#define COMMENT_MAX_BYTES 65535
#define ZIP64_EXTRA 1
#define FLAG_ENCRYPTED 1U

/* A file being read. */
typedef struct zip_bytes {
    const uint8_t *data;
    size_t size;
} zip_bytes;

/* Where the directory lies. */
typedef struct zip_end {
    uint64_t n_entries;
    uint64_t bytes;
    uint64_t offset;
} zip_end;

static uint16_t u16_at(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t u32_at(const uint8_t *p)
{
    return (uint32_t)u16_at(p) | (uint32_t)u16_at(p + 2) << 16;
}

static uint64_t u64_at(const uint8_t *p)
{
    return (uint64_t)u32_at(p) | (uint64_t)u32_at(p + 4) << 32;
}

static bool has_signature(const uint8_t *p, uint8_t third, uint8_t fourth)
{
    return p[0] == 'P' && p[1] == 'K' && p[2] == third && p[3] == fourth;
}

bool hg_zip_detect(const uint8_t *data, size_t size)
{
    return size >= 4 && has_signature(data, 3, 4);
}

/* The end record: the last one whose comment reaches exactly to the end of the file. */
static bool find_end(zip_bytes zip, size_t *position)
{
    if (zip.size < END_BYTES)
        return false;
    size_t last = zip.size - END_BYTES;
    size_t first = last > COMMENT_MAX_BYTES ? last - COMMENT_MAX_BYTES : 0;
    for (size_t at = last + 1; at-- > first;) {
        const uint8_t *p = zip.data + at;
        if (has_signature(p, 5, 6) && u16_at(p + 20) == last - at) {
            *position = at;
            return true;
        }
    }
    return false;
}

/* The zip64 end record that the locator before `position` points to. */
static hg_status read_end64(zip_bytes zip, size_t position, zip_end *end, hg_error *err)
{
    uint64_t at = u64_at(zip.data + position - LOCATOR_BYTES + 8);
    if (!hg_checked_range(at, END64_BYTES, position - LOCATOR_BYTES) || !has_signature(zip.data + at, 6, 6))
        return hg_error_set(err, HG_STATUS_INPUT, "zip: no zip64 end record at %" PRIu64, at);
    const uint8_t *p = zip.data + at;
    if (u32_at(p + 16) != 0 || u32_at(p + 20) != 0 || u64_at(p + 24) != u64_at(p + 32))
        return hg_error_set(err, HG_STATUS_INPUT, "zip: archives in several parts are not read");
    *end = (zip_end){.n_entries = u64_at(p + 32), .bytes = u64_at(p + 40), .offset = u64_at(p + 48)};
    return HG_STATUS_OK;
}

static hg_status read_end(zip_bytes zip, zip_end *end, hg_error *err)
{
    size_t at;
    if (!find_end(zip, &at))
        return hg_error_set(err, HG_STATUS_INPUT,
                            "zip: no end record in %zu bytes; the file is cut short or damaged", zip.size);
    const uint8_t *p = zip.data + at;
    if (at >= LOCATOR_BYTES && has_signature(p - LOCATOR_BYTES, 6, 7)) {
        hg_status status = read_end64(zip, at, end, err);
        if (status != HG_STATUS_OK)
            return status;
    } else {
        if (u16_at(p + 4) != 0 || u16_at(p + 6) != 0 || u16_at(p + 8) != u16_at(p + 10))
            return hg_error_set(err, HG_STATUS_INPUT, "zip: archives in several parts are not read");
        *end = (zip_end){.n_entries = u16_at(p + 10), .bytes = u32_at(p + 12), .offset = u32_at(p + 16)};
    }
    if (!hg_checked_range(end->offset, end->bytes, at))
        return hg_error_set(err, HG_STATUS_INPUT,
                            "zip: the directory at %" PRIu64 " with %" PRIu64
                            " bytes passes the end record at %zu",
                            end->offset, end->bytes, at);
    if (end->n_entries == 0 || end->n_entries > end->bytes / CENTRAL_BYTES)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "zip: %" PRIu64 " entries in a directory of %" PRIu64 " bytes", end->n_entries,
                            end->bytes);
    return HG_STATUS_OK;
}

/* Replaces the saturated ones of `fields` by the values of the zip64 extra field, which come in this order.
 */
static bool read_zip64(const uint8_t *extra, size_t extra_bytes, uint64_t *fields[3])
{
    bool wanted = false;
    for (int i = 0; i < 3; i++)
        wanted = wanted || *fields[i] == UINT32_MAX;
    if (!wanted)
        return true;
    while (extra_bytes >= 4) {
        size_t bytes = u16_at(extra + 2);
        if (bytes > extra_bytes - 4)
            return false;
        if (u16_at(extra) == ZIP64_EXTRA) {
            const uint8_t *p = extra + 4;
            for (int i = 0; i < 3; i++) {
                if (*fields[i] != UINT32_MAX)
                    continue;
                if (bytes < 8)
                    return false;
                *fields[i] = u64_at(p);
                p += 8;
                bytes -= 8;
            }
            return true;
        }
        extra += 4 + bytes;
        extra_bytes -= 4 + bytes;
    }
    return false;
}

/* Finds the content of `e` behind its local header, which must end before `limit`. */
static hg_status read_local(zip_bytes zip, hg_zip_entry *e, uint64_t stored, uint64_t limit, hg_error *err)
{
    size_t name_bytes = strlen(e->name);
    if (!hg_checked_range(e->position, LOCAL_BYTES, limit) || !has_signature(zip.data + e->position, 3, 4))
        return hg_error_set(err, HG_STATUS_INPUT, "zip: entry '%s': no header at %" PRIu64, e->name,
                            e->position);
    const uint8_t *p = zip.data + e->position;
    uint64_t head = (uint64_t)LOCAL_BYTES + u16_at(p + 26) + u16_at(p + 28);
    if (!hg_checked_range(e->position, head, limit) || !hg_checked_range(e->position + head, stored, limit))
        return hg_error_set(err, HG_STATUS_INPUT,
                            "zip: entry '%s' with %" PRIu64 " bytes at %" PRIu64
                            " passes the directory at %" PRIu64,
                            e->name, stored, e->position, limit);
    if (u16_at(p + 26) != name_bytes || memcmp(p + LOCAL_BYTES, e->name, name_bytes) != 0)
        return hg_error_set(err, HG_STATUS_INPUT, "zip: entry '%s' has another name in its own header",
                            e->name);
    e->data = p + head;
    e->bytes = (size_t)stored;
    return HG_STATUS_OK;
}

static hg_status read_name(hg_zip_entry *e, hg_arena *arena, const uint8_t *name, size_t bytes, hg_error *err)
{
    if (bytes == 0 || memchr(name, 0, bytes) != NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "zip: an entry's name is empty or has a zero byte");
    char *copy = hg_arena_alloc(arena, bytes + 1);
    if (copy == NULL)
        return hg_error_memory(err, bytes + 1, "an entry's name");
    memcpy(copy, name, bytes);
    copy[bytes] = 0;
    e->name = copy;
    return HG_STATUS_OK;
}

/* One directory record at *at, which moves behind it. */
static hg_status read_entry(hg_zip_entry *e, hg_arena *arena, zip_bytes zip, const zip_end *end, uint64_t *at,
                            hg_error *err)
{
    uint64_t limit = end->offset + end->bytes;
    if (!hg_checked_range(*at, CENTRAL_BYTES, limit) || !has_signature(zip.data + *at, 1, 2))
        return hg_error_set(err, HG_STATUS_INPUT, "zip: no directory record at %" PRIu64, *at);
    const uint8_t *p = zip.data + *at;
    size_t name_bytes = u16_at(p + 28), extra_bytes = u16_at(p + 30);
    uint64_t bytes = (uint64_t)CENTRAL_BYTES + name_bytes + extra_bytes + u16_at(p + 32);
    if (!hg_checked_range(*at, bytes, limit))
        return hg_error_set(err, HG_STATUS_INPUT, "zip: the directory record at %" PRIu64 " passes its end",
                            *at);
    *at += bytes;
    hg_status status = read_name(e, arena, p + CENTRAL_BYTES, name_bytes, err);
    if (status != HG_STATUS_OK)
        return status;
    uint64_t stored = u32_at(p + 20), content = u32_at(p + 24);
    e->position = u32_at(p + 42);
    uint64_t *fields[3] = {&content, &stored, &e->position};
    if (!read_zip64(p + CENTRAL_BYTES + name_bytes, extra_bytes, fields))
        return hg_error_set(err, HG_STATUS_INPUT, "zip: entry '%s': bad zip64 field", e->name);
    e->crc32 = u32_at(p + 16);
    e->is_stored = u16_at(p + 10) == 0 && (u16_at(p + 8) & FLAG_ENCRYPTED) == 0;
    if (e->is_stored && stored != content)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "zip: entry '%s' is stored but has %" PRIu64 " and %" PRIu64 " bytes", e->name,
                            stored, content);
    return read_local(zip, e, stored, end->offset, err);
}

static int name_order(const void *a, const void *b)
{
    return strcmp((*(const hg_zip_entry *const *)a)->name, (*(const hg_zip_entry *const *)b)->name);
}

static int position_order(const void *a, const void *b)
{
    const hg_zip_entry *x = *(const hg_zip_entry *const *)a, *y = *(const hg_zip_entry *const *)b;
    return (x->position > y->position) - (x->position < y->position);
}

/* Refuses entries that share bytes, then leaves by_name sorted by name and refuses equal names. */
static hg_status check_entries(hg_zip_directory *d, const uint8_t *data, hg_error *err)
{
    for (size_t i = 0; i < d->n_entries; i++)
        d->by_name[i] = &d->entries[i];
    qsort(d->by_name, d->n_entries, sizeof *d->by_name, position_order);
    for (size_t i = 1; i < d->n_entries; i++) {
        const hg_zip_entry *before = d->by_name[i - 1], *e = d->by_name[i];
        uint64_t end = (uint64_t)(before->data - data) + before->bytes;
        if (e->position < end)
            return hg_error_set(err, HG_STATUS_INPUT,
                                "zip: entry '%s' begins at %" PRIu64 " but '%s' ends at %" PRIu64, e->name,
                                e->position, before->name, end);
    }
    qsort(d->by_name, d->n_entries, sizeof *d->by_name, name_order);
    for (size_t i = 1; i < d->n_entries; i++) {
        if (strcmp(d->by_name[i - 1]->name, d->by_name[i]->name) == 0)
            return hg_error_set(err, HG_STATUS_INPUT, "zip: two entries are named '%s'", d->by_name[i]->name);
    }
    return HG_STATUS_OK;
}

hg_status hg_zip_directory_read(hg_zip_directory *out, hg_arena *arena, const uint8_t *data, size_t size,
                                hg_error *err)
{
    zip_bytes zip = {data, size};
    zip_end end = {0};
    hg_status status = read_end(zip, &end, err);
    if (status != HG_STATUS_OK)
        return status;
    size_t n = (size_t)end.n_entries;
    *out = (hg_zip_directory){.n_entries = n};
    out->entries = hg_arena_array(arena, n, sizeof *out->entries);
    out->by_name = hg_arena_array(arena, n, sizeof *out->by_name);
    if (out->entries == NULL || out->by_name == NULL)
        return hg_error_memory(err, n * sizeof *out->entries, "a zip directory");
    uint64_t at = end.offset;
    for (size_t i = 0; i < n; i++) {
        status = read_entry(&out->entries[i], arena, zip, &end, &at, err);
        if (status != HG_STATUS_OK)
            return status;
    }
    return check_entries(out, data, err);
}

const hg_zip_entry *hg_zip_directory_find(const hg_zip_directory *d, const char *name)
{
    const hg_zip_entry wanted = {.name = name}, *key = &wanted;
    const hg_zip_entry **found = bsearch(&key, d->by_name, d->n_entries, sizeof key, name_order);
    return found == NULL ? NULL : *found;
}
