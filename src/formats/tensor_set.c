/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_set.c: the shards of a model as one name space, or some tensors of a file under other names. The
 * index file of a folder is untrusted: its shard names may only name files of that folder, and what it
 * promises is checked against what the shards hold.
 */
#include "formats/tensor_file.h"

#include "base/arena.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "formats/json_file.h"

#include <stdlib.h>
#include <string.h>

#define INDEX_MAX_BYTES ((size_t)64 << 20)
#define MAX_SHARDS 1024
#define VIEW_MAX_BYTES ((size_t)1 << 30)

typedef struct set_key {
    const char *name;
    const hg_named_tensor *tensor;
    const hg_tensor_file *file;
} set_key;

struct hg_tensor_set {
    char *folder; /* or the path of the only file; for error texts */
    hg_tensor_file **files;
    char **shards; /* their names, in the order of `files` */
    size_t n_files, capacity;
    set_key *keys; /* by name */
    size_t n_tensors;

    bool is_view;
    const hg_tensor_file *borrowed; /* of a view, as are: */
    hg_named_tensor *items;         /* n_tensors, in the file's order */
    hg_arena names;

    hg_tensor_maker make; /* NULL for sets of files */
    void *make_user;
};

static hg_tensor_set *set_create(const char *folder)
{
    hg_tensor_set *set = hg_mem_array(1, sizeof *set);
    if (set == NULL)
        return NULL;
    set->folder = hg_mem_string(folder);
    if (set->folder != NULL)
        return set;
    hg_mem_free(set);
    return NULL;
}

void hg_tensor_set_close(hg_tensor_set *set)
{
    if (set == NULL)
        return;
    if (set->is_view)
        hg_arena_deinit(&set->names);
    for (size_t i = 0; i < set->n_files; i++) {
        hg_tensor_file_close(set->files[i]);
        hg_mem_free(set->shards[i]);
    }
    hg_mem_free(set->files);
    hg_mem_free(set->shards);
    hg_mem_free(set->keys);
    hg_mem_free(set->folder);
    hg_mem_free(set);
}

static hg_status set_grow(hg_tensor_set *set, hg_error *err)
{
    if (set->n_files == MAX_SHARDS)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: more than %d files of weights", set->folder,
                            MAX_SHARDS);
    if (set->n_files < set->capacity)
        return HG_STATUS_OK;
    size_t capacity = set->capacity + 16;
    hg_tensor_file **files = hg_mem_resize(set->files, capacity, sizeof *files);
    if (files != NULL)
        set->files = files;
    char **shards = hg_mem_resize(set->shards, capacity, sizeof *shards);
    if (shards != NULL)
        set->shards = shards;
    if (files == NULL || shards == NULL)
        return hg_error_memory(err, capacity * sizeof *files, "a list of files");
    set->capacity = capacity;
    return HG_STATUS_OK;
}

/* Opens `path` as the next file, known as `shard`. */
static hg_status set_add_file(hg_tensor_set *set, const char *path, const char *shard, hg_error *err)
{
    hg_status status = set_grow(set, err);
    if (status != HG_STATUS_OK)
        return status;
    char *name = hg_mem_string(shard);
    if (name == NULL)
        return hg_error_memory(err, strlen(shard) + 1, "a file's name");
    status = hg_tensor_file_open(&set->files[set->n_files], path, err);
    if (status != HG_STATUS_OK) {
        hg_mem_free(name);
        return status;
    }
    set->shards[set->n_files++] = name;
    return HG_STATUS_OK;
}

static int key_order(const void *a, const void *b)
{
    return strcmp(((const set_key *)a)->name, ((const set_key *)b)->name);
}

/* Sorts n keys; a name that comes twice is refused. */
static hg_status set_sort(hg_tensor_set *set, size_t n, hg_error *err)
{
    qsort(set->keys, n, sizeof *set->keys, key_order);
    for (size_t i = 1; i < n; i++) {
        const set_key *a = &set->keys[i - 1], *b = &set->keys[i];
        if (strcmp(a->name, b->name) == 0)
            return hg_error_set(err, HG_STATUS_INPUT, "tensor '%s' is in %s and in %s", a->name,
                                hg_tensor_file_get_path(a->file), hg_tensor_file_get_path(b->file));
    }
    set->n_tensors = n;
    return HG_STATUS_OK;
}

/* All names of all files. */
static hg_status set_index(hg_tensor_set *set, hg_error *err)
{
    size_t n = 0, k = 0;
    for (size_t i = 0; i < set->n_files; i++)
        n += hg_tensor_file_n_tensors(set->files[i]);
    set->keys = hg_mem_array(n == 0 ? 1 : n, sizeof *set->keys);
    if (set->keys == NULL)
        return hg_error_memory(err, n * sizeof *set->keys, "the index of tensors");
    for (size_t i = 0; i < set->n_files; i++) {
        for (size_t j = 0; j < hg_tensor_file_n_tensors(set->files[i]); j++) {
            const hg_named_tensor *t = hg_tensor_file_get(set->files[i], j);
            set->keys[k++] = (set_key){t->name, t, set->files[i]};
        }
    }
    return set_sort(set, n, err);
}

/* The file known as `shard`, opened on first use. */
static hg_status set_need_shard(hg_tensor_set *set, const char *shard, const hg_tensor_file **out,
                                hg_error *err)
{
    for (size_t i = 0; i < set->n_files; i++) {
        if (strcmp(set->shards[i], shard) == 0) {
            *out = set->files[i];
            return HG_STATUS_OK;
        }
    }
    if (shard[0] == 0 || shard[0] == '.' || strpbrk(shard, "/\\") != NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "shard '%s' is not a plain file name", shard);
    char path[HG_PATH_BYTES];
    hg_status status = hg_path_join(path, set->folder, shard, err);
    if (status == HG_STATUS_OK)
        status = set_add_file(set, path, shard, err);
    if (status == HG_STATUS_OK)
        *out = set->files[set->n_files - 1];
    return status;
}

static hg_status set_add_index(hg_tensor_set *set, const json_t *index, hg_error *err)
{
    json_t *map = json_object_get(index, "weight_map");
    if (!json_is_object(map) || json_object_size(map) == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "no weight_map");
    for (void *at = json_object_iter(map); at != NULL; at = json_object_iter_next(map, at)) {
        const char *name = json_object_iter_key(at), *shard = json_string_value(json_object_iter_value(at));
        if (shard == NULL)
            return hg_error_set(err, HG_STATUS_INPUT, "weight_map: tensor '%s' has no file name", name);
        const hg_tensor_file *file = NULL;
        hg_status status = set_need_shard(set, shard, &file, err);
        if (status != HG_STATUS_OK)
            return status;
        if (hg_tensor_file_find_any(file, name) == NULL)
            return hg_error_set(err, HG_STATUS_INPUT, "tensor '%s' is not in shard '%s'", name, shard);
    }
    return HG_STATUS_OK;
}

static hg_status set_read_index(hg_tensor_set *set, const char *path, hg_error *err)
{
    hg_buffer text;
    hg_buffer_init(&text, INDEX_MAX_BYTES);
    json_t *index = NULL;
    hg_status status = hg_file_read(path, &text, err);
    if (status == HG_STATUS_OK)
        status = hg_json_parse(&index, path, hg_buffer_text(&text), text.size, INDEX_MAX_BYTES, err);
    hg_buffer_deinit(&text);
    if (status != HG_STATUS_OK)
        return status;
    status = set_add_index(set, index, err);
    json_decref(index);
    return status == HG_STATUS_OK ? status : hg_error_prefix(err, status, "%s", path);
}

/* Adds the first of the folder's possible files of weights. */
static hg_status set_add_folder(hg_tensor_set *set, hg_error *err)
{
    static const struct {
        const char *name;
        bool is_index;
    } choices[] = {{"model.safetensors", false},
                   {"model.safetensors.index.json", true},
                   {"pytorch_model.bin", false},
                   {"pytorch_model.bin.index.json", true}};
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        char path[HG_PATH_BYTES];
        hg_status status = hg_path_join(path, set->folder, choices[i].name, err);
        if (status != HG_STATUS_OK)
            return status;
        if (!hg_file_exists(path))
            continue;
        return choices[i].is_index ? set_read_index(set, path, err)
                                   : set_add_file(set, path, choices[i].name, err);
    }
    return hg_error_set(err, HG_STATUS_INPUT,
                        "%s: no weights (model.safetensors or pytorch_model.bin, or their index.json)",
                        set->folder);
}

/* Ends opening: `set` becomes *out, or is closed when `status` is an error. */
static hg_status set_complete(hg_tensor_set *set, hg_status status, hg_tensor_set **out, hg_error *err)
{
    if (status == HG_STATUS_OK)
        status = set_index(set, err);
    if (status == HG_STATUS_OK)
        *out = set;
    else
        hg_tensor_set_close(set);
    return status;
}

hg_status hg_tensor_set_open_folder(hg_tensor_set **out, const char *folder, hg_error *err)
{
    *out = NULL;
    if (!hg_folder_exists(folder))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: no such folder", folder);
    hg_tensor_set *set = set_create(folder);
    if (set == NULL)
        return hg_error_memory(err, sizeof *set, "a set of files");
    return set_complete(set, set_add_folder(set, err), out, err);
}

hg_status hg_tensor_set_open_file(hg_tensor_set **out, const char *path, hg_error *err)
{
    *out = NULL;
    hg_tensor_set *set = set_create(path);
    if (set == NULL)
        return hg_error_memory(err, sizeof *set, "a set of files");
    return set_complete(set, set_add_file(set, path, hg_path_name(path), err), out, err);
}

/* The tensors of the file that `rename` takes, with their new names. */
static hg_status view_collect(hg_tensor_set *set, hg_tensor_rename rename, const void *user, hg_error *err)
{
    size_t n = hg_tensor_file_n_tensors(set->borrowed);
    set->keys = hg_mem_array(n == 0 ? 1 : n, sizeof *set->keys);
    set->items = hg_arena_array(&set->names, n == 0 ? 1 : n, sizeof *set->items);
    if (set->keys == NULL || set->items == NULL)
        return hg_error_memory(err, n * (sizeof *set->keys + sizeof *set->items), "the index of tensors");
    for (size_t i = 0; i < n; i++) {
        const hg_named_tensor *t = hg_tensor_file_get(set->borrowed, i);
        char name[HG_TENSOR_RENAME_BYTES];
        if (!rename(user, t->name, name))
            continue;
        size_t bytes = strlen(name) + 1;
        char *copy = hg_arena_alloc(&set->names, bytes);
        if (copy == NULL)
            return hg_error_memory(err, bytes, "a tensor's name");
        memcpy(copy, name, bytes);
        hg_named_tensor *item = &set->items[set->n_tensors];
        *item = (hg_named_tensor){copy, t->tensor, t->unsupported};
        set->keys[set->n_tensors++] = (set_key){copy, item, set->borrowed};
    }
    return set_sort(set, set->n_tensors, err);
}

hg_status hg_tensor_set_open_view(hg_tensor_set **out, const hg_tensor_file *file, hg_tensor_rename rename,
                                  const void *user, hg_error *err)
{
    *out = NULL;
    hg_tensor_set *set = set_create(hg_tensor_file_get_path(file));
    if (set == NULL)
        return hg_error_memory(err, sizeof *set, "a set of tensors");
    set->is_view = true;
    set->borrowed = file;
    hg_arena_init(&set->names, (size_t)64 << 10, VIEW_MAX_BYTES);
    hg_status status = view_collect(set, rename, user, err);
    if (status == HG_STATUS_OK)
        *out = set;
    else
        hg_tensor_set_close(set);
    return status;
}

size_t hg_tensor_set_n_files(const hg_tensor_set *set)
{
    return set->is_view ? 1 : set->n_files;
}

const hg_tensor_file *hg_tensor_set_get_file(const hg_tensor_set *set, size_t i)
{
    if (set->is_view)
        return i == 0 ? set->borrowed : NULL;
    return i < set->n_files ? set->files[i] : NULL;
}

void hg_tensor_set_use_huge(hg_tensor_set *set, hg_huge_use *use)
{
    for (size_t i = 0; i < set->n_files; i++)
        hg_tensor_file_use_huge(set->files[i], use);
}

size_t hg_tensor_set_n_tensors(const hg_tensor_set *set)
{
    return set->n_tensors;
}

const hg_named_tensor *hg_tensor_set_get(const hg_tensor_set *set, size_t i)
{
    if (set->is_view)
        return i < set->n_tensors ? &set->items[i] : NULL;
    for (size_t f = 0; f < set->n_files; f++) {
        size_t n = hg_tensor_file_n_tensors(set->files[f]);
        if (i < n)
            return hg_tensor_file_get(set->files[f], i);
        i -= n;
    }
    return NULL;
}

static const set_key *set_find(const hg_tensor_set *set, const char *name)
{
    const set_key wanted = {.name = name};
    return bsearch(&wanted, set->keys, set->n_tensors, sizeof wanted, key_order);
}

const hg_tensor *hg_tensor_set_find(const hg_tensor_set *set, const char *name)
{
    const set_key *key = set_find(set, name);
    return key == NULL || key->tensor->unsupported != NULL ? NULL : &key->tensor->tensor;
}

hg_status hg_tensor_set_need(const hg_tensor_set *set, const char *name, const hg_tensor **out, hg_error *err)
{
    const set_key *key = set_find(set, name);
    if (key == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: tensor '%s' is missing", set->folder, name);
    if (key->tensor->unsupported != NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: tensor '%s': %s is not supported",
                            hg_tensor_file_get_path(key->file), name, key->tensor->unsupported);
    *out = &key->tensor->tensor;
    return HG_STATUS_OK;
}

hg_status hg_tensor_set_open_maker(hg_tensor_set **out, hg_tensor_maker make, void *user, hg_error *err)
{
    *out = set_create("a new model");
    if (*out == NULL)
        return hg_error_memory(err, sizeof **out, "a set of tensors");
    (*out)->make = make;
    (*out)->make_user = user;
    return HG_STATUS_OK;
}

hg_status hg_tensor_set_need_shaped(const hg_tensor_set *set, const char *name, int n_dims,
                                    const int64_t *shape, const hg_tensor **out, hg_error *err)
{
    return set->make != NULL ? set->make(set->make_user, name, n_dims, shape, out, err)
                             : hg_tensor_set_need(set, name, out, err);
}

void hg_tensor_set_release(const hg_tensor_set *set, const void *from, size_t bytes)
{
    if (set->is_view)
        hg_tensor_file_release(set->borrowed, from, bytes);
    for (size_t i = 0; i < set->n_files; i++)
        hg_tensor_file_release(set->files[i], from, bytes);
}
