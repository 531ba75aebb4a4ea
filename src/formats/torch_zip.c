/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_zip.c: joins the zip directory (where bytes lie) and the pickle (what they mean). Every tensor's
 * extent is checked against its storage and every storage against its entry. Contents are used in place, so
 * only the pickle's checksum is verified: reading all weights at opening would cost what mapping them saves.
 */
#include "formats/torch_zip.h"

#include "base/checked.h"
#include "formats/pickle.h"
#include "formats/zip_directory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define MAX_DEPTH 8 /* of nested dictionaries */
#define PATH_BYTES 512

/* A file being read. */
typedef struct torch_reader {
    hg_tensor_list *out;
    hg_arena arena; /* directory and pickle; gone after reading */
    hg_zip_directory zip;
    char root[PATH_BYTES]; /* with its slash */
    size_t visits_left;    /* dictionary entries still to be looked at */
    hg_error *err;
} torch_reader;

/* A tensor's name while dictionaries are walked. */
typedef struct torch_name {
    char text[HG_TENSOR_NAME_BYTES + 1];
    size_t bytes;
} torch_name;

bool hg_torch_legacy_detect(const uint8_t *data, size_t size)
{
    /* Protocol 2, then the magic number 0x1950a86a20f9469cfc6c as a LONG1. */
    static const uint8_t magic[] = {0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c,
                                    0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    return size >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

/* The entry <root>/name of stored bytes. */
static hg_status find_stored(torch_reader *r, const char *name, const hg_zip_entry **out)
{
    char path[2 * PATH_BYTES];
    snprintf(path, sizeof path, "%s%s", r->root, name);
    *out = hg_zip_directory_find(&r->zip, path);
    if (*out == NULL)
        return hg_error_set(r->err, HG_STATUS_INPUT, "the archive has no entry '%s'", path);
    if (!(*out)->is_stored)
        return hg_error_set(r->err, HG_STATUS_INPUT,
                            "entry '%s' is compressed or encrypted; PyTorch stores entries plainly", path);
    return HG_STATUS_OK;
}

/* The element type of "HalfStorage" and its like; false for types that tensors cannot have here. */
static bool storage_dtype(const hg_pickle_text *type, hg_dtype *dtype)
{
    static const struct {
        const char *name;
        hg_dtype dtype;
    } types[] = {
        {"HalfStorage", HG_DTYPE_F16}, {"BFloat16Storage", HG_DTYPE_BF16}, {"FloatStorage", HG_DTYPE_F32}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strlen(types[i].name) == type->bytes && memcmp(types[i].name, type->data, type->bytes) == 0) {
            *dtype = types[i].dtype;
            return true;
        }
    }
    return false;
}

/* Elements from the storage's begin to behind the tensor's last element; false when that overflows. */
static bool tensor_end(const hg_pickle_tensor *t, uint64_t *end)
{
    uint64_t last = t->offset;
    for (int i = 0; i < t->n_dims; i++) {
        uint64_t step;
        if (t->shape[i] == 0) {
            *end = t->offset;
            return true;
        }
        if (__builtin_mul_overflow((uint64_t)t->shape[i] - 1, (uint64_t)t->stride[i], &step) ||
            __builtin_add_overflow(last, step, &last))
            return false;
    }
    return !__builtin_add_overflow(last, 1, end);
}

static hg_status push_supported(torch_reader *r, const torch_name *name, const hg_pickle_tensor *t,
                                hg_dtype dtype)
{
    const hg_pickle_storage *storage = t->storage;
    char entry_name[PATH_BYTES];
    if (storage->key.bytes == 0 || storage->key.bytes > 64)
        return hg_error_set(r->err, HG_STATUS_INPUT, "tensor '%s': the key of its storage has %zu bytes",
                            name->text, storage->key.bytes);
    snprintf(entry_name, sizeof entry_name, "data/%.*s", (int)storage->key.bytes, storage->key.data);
    const hg_zip_entry *entry = NULL;
    hg_status status = find_stored(r, entry_name, &entry);
    if (status != HG_STATUS_OK)
        return hg_error_prefix(r->err, status, "tensor '%s'", name->text);
    size_t bytes = 0;
    if (!hg_checked_mul((size_t)storage->count, hg_dtype_bytes(dtype), &bytes) || bytes != entry->bytes)
        return hg_error_set(r->err, HG_STATUS_INPUT,
                            "tensor '%s': a storage of %" PRIu64
                            " elements does not fill the %zu bytes of '%s'",
                            name->text, storage->count, entry->bytes, entry->name);
    uint64_t end;
    if (!tensor_end(t, &end) || end > storage->count)
        return hg_error_set(r->err, HG_STATUS_INPUT,
                            "tensor '%s' passes the end of its storage of %" PRIu64 " elements", name->text,
                            storage->count);
    /* An empty tensor's offset was compared as `end`, so this stays in the entry. */
    return hg_tensor_list_push_strided(r->out, name->text, name->bytes, dtype, t->n_dims, t->shape, t->stride,
                                       entry->data + t->offset * hg_dtype_bytes(dtype), r->err);
}

static hg_status push_tensor(torch_reader *r, const torch_name *name, const hg_pickle_tensor *t)
{
    hg_dtype dtype;
    char reason[64];
    if (!storage_dtype(&t->storage->type, &dtype)) {
        int shown = t->storage->type.bytes < 32 ? (int)t->storage->type.bytes : 32;
        snprintf(reason, sizeof reason, "element type %.*s", shown, t->storage->type.data);
    } else if (t->n_dims > HG_TENSOR_MAX_DIMS) {
        snprintf(reason, sizeof reason, "%d dimensions", t->n_dims);
    } else {
        return push_supported(r, name, t, dtype);
    }
    return hg_tensor_list_push_unsupported(r->out, name->text, name->bytes, reason, r->err);
}

/* Appends a key, with a dot before it when the name is not empty. */
static hg_status name_append(torch_reader *r, torch_name *name, const hg_pickle_text *key)
{
    size_t dot = name->bytes > 0 ? 1 : 0;
    if (key->bytes + dot > HG_TENSOR_NAME_BYTES - name->bytes || memchr(key->data, 0, key->bytes) != NULL)
        return hg_error_set(r->err, HG_STATUS_INPUT, "a tensor's name has more than %d bytes or a zero byte",
                            HG_TENSOR_NAME_BYTES);
    if (dot > 0)
        name->text[name->bytes++] = '.';
    memcpy(name->text + name->bytes, key->data, key->bytes);
    name->bytes += key->bytes;
    name->text[name->bytes] = 0;
    return HG_STATUS_OK;
}

/* Pushes the tensors of a dictionary and of those in it. Dictionaries may be shared or, in a hostile file,
 * contain themselves: depth and visits end the walk. */
static hg_status push_dict(torch_reader *r, torch_name *name, const hg_pickle_value *dict, int depth)
{
    if (depth > MAX_DEPTH)
        return hg_error_set(r->err, HG_STATUS_INPUT, "dictionaries are nested deeper than %d", MAX_DEPTH);
    size_t outer = name->bytes;
    hg_status status = HG_STATUS_OK;
    for (const hg_pickle_item *item = dict->as.list.first; item != NULL && status == HG_STATUS_OK;
         item = item->next) {
        if (r->visits_left-- == 0)
            return hg_error_set(r->err, HG_STATUS_INPUT, "dictionaries share too many entries");
        hg_pickle_kind kind = item->value->kind;
        if (item->key->kind != HG_PICKLE_STRING || (kind != HG_PICKLE_TENSOR && kind != HG_PICKLE_DICT))
            continue;
        status = name_append(r, name, &item->key->as.text);
        if (status != HG_STATUS_OK)
            return status;
        if (kind == HG_PICKLE_TENSOR)
            status = push_tensor(r, name, item->value->as.tensor);
        else
            status = push_dict(r, name, item->value, depth + 1);
        name->bytes = outer;
        name->text[outer] = 0;
    }
    return status;
}

/* The root is the folder of the first entry. */
static hg_status find_root(torch_reader *r)
{
    const char *first = r->zip.entries[0].name, *slash = strchr(first, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - first) + 1;
    if (n == 0 || n >= sizeof r->root)
        return hg_error_set(r->err, HG_STATUS_INPUT, "not an archive of PyTorch: its first entry is '%.100s'",
                            first);
    memcpy(r->root, first, n);
    r->root[n] = 0;
    return HG_STATUS_OK;
}

static hg_status check_byteorder(torch_reader *r)
{
    char path[2 * PATH_BYTES];
    snprintf(path, sizeof path, "%sbyteorder", r->root);
    const hg_zip_entry *entry = hg_zip_directory_find(&r->zip, path);
    if (entry == NULL)
        return HG_STATUS_OK; /* PyTorch before 2.1: always little */
    if (!entry->is_stored || entry->bytes != 6 || memcmp(entry->data, "little", 6) != 0)
        return hg_error_set(r->err, HG_STATUS_INPUT, "the byte order is not 'little'");
    return HG_STATUS_OK;
}

static hg_status read_pickle(torch_reader *r, const hg_pickle_value **out)
{
    const hg_zip_entry *entry = NULL;
    hg_status status = find_stored(r, "data.pkl", &entry);
    if (status != HG_STATUS_OK)
        return status;
    if (entry->bytes > HG_PICKLE_MAX_BYTES)
        return hg_error_set(r->err, HG_STATUS_INPUT, "data.pkl has %zu bytes, at most %zu are read",
                            entry->bytes, HG_PICKLE_MAX_BYTES);
    uint32_t sum = (uint32_t)crc32(crc32(0, NULL, 0), entry->data, (uInt)entry->bytes);
    if (sum != entry->crc32)
        return hg_error_set(r->err, HG_STATUS_INPUT,
                            "data.pkl is damaged: checksum %08" PRIx32 ", expected %08" PRIx32, sum,
                            entry->crc32);
    r->visits_left = entry->bytes;
    return hg_pickle_read(out, &r->arena, entry->data, entry->bytes, r->err);
}

static hg_status read_archive(torch_reader *r, const uint8_t *data, size_t size)
{
    hg_status status = hg_zip_directory_read(&r->zip, &r->arena, data, size, r->err);
    if (status == HG_STATUS_OK)
        status = find_root(r);
    if (status == HG_STATUS_OK)
        status = check_byteorder(r);
    const hg_pickle_value *top = NULL;
    if (status == HG_STATUS_OK)
        status = read_pickle(r, &top);
    if (status != HG_STATUS_OK)
        return status;
    if (top->kind != HG_PICKLE_DICT)
        return hg_error_set(r->err, HG_STATUS_INPUT, "the saved object is not a dictionary of tensors");
    const hg_pickle_value *state = hg_pickle_dict_find(top, "state_dict");
    torch_name name = {.bytes = 0};
    return push_dict(r, &name, state != NULL && state->kind == HG_PICKLE_DICT ? state : top, 0);
}

hg_status hg_torch_zip_read(hg_tensor_list *out, const uint8_t *data, size_t size, hg_error *err)
{
    torch_reader r = {.out = out, .err = err};
    hg_arena_init(&r.arena, (size_t)64 << 10, HG_PICKLE_MAX_MEMORY);
    hg_status status = read_archive(&r, data, size);
    hg_arena_deinit(&r.arena);
    return status == HG_STATUS_OK ? hg_tensor_list_sort(out, err) : status;
}
