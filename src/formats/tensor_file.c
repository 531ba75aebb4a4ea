/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_file.c: one mapped file and its list of tensors. The first bytes decide the container; names of
 * files decide nothing.
 */
#include "formats/tensor_file.h"

#include "base/memory.h"
#include "formats/safetensors.h"
#include "formats/torch_zip.h"
#include "formats/zip_directory.h"

#include <string.h>

struct hg_tensor_file {
    hg_file_map map;
    hg_tensor_file_kind kind;
    hg_tensor_list list;
    hg_gguf *gguf; /* of a GGUF file */
    char *path;
};

static hg_status read_gguf(hg_tensor_file *f, hg_error *err)
{
    f->kind = HG_TENSOR_FILE_GGUF;
    hg_status status = hg_gguf_open_memory(&f->gguf, f->map.data, f->map.size, err);
    return status == HG_STATUS_OK ? hg_gguf_list_tensors(f->gguf, &f->list, err) : status;
}

static hg_status read_content(hg_tensor_file *f, hg_error *err)
{
    static const char lfs[] = "version https://git-lfs";
    const uint8_t *data = f->map.data;
    size_t size = f->map.size;
    if (size == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "the file is empty");
    if (hg_zip_detect(data, size)) {
        f->kind = HG_TENSOR_FILE_TORCH;
        return hg_torch_zip_read(&f->list, data, size, err);
    }
    if (hg_gguf_detect(data, size))
        return read_gguf(f, err);
    if (hg_torch_legacy_detect(data, size))
        return hg_error_set(
            err, HG_STATUS_INPUT,
            "written in the format of PyTorch before 1.6; load it and save it again with a current "
            "PyTorch");
    if (size >= sizeof lfs - 1 && memcmp(data, lfs, sizeof lfs - 1) == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "a Git LFS pointer of %zu bytes, not the file itself",
                            size);
    if (hg_safetensors_detect(data, size)) {
        f->kind = HG_TENSOR_FILE_SAFETENSORS;
        return hg_safetensors_read(&f->list, data, size, err);
    }
    return hg_error_set(err, HG_STATUS_INPUT, "neither safetensors nor a PyTorch zip nor GGUF");
}

hg_status hg_tensor_file_open(hg_tensor_file **out, const char *path, hg_error *err)
{
    *out = NULL;
    hg_tensor_file *f = hg_mem_array(1, sizeof *f);
    if (f == NULL)
        return hg_error_memory(err, sizeof *f, "a file of tensors");
    hg_status status = hg_file_map_open(&f->map, path, err);
    hg_tensor_list_init(&f->list, f->map.size);
    if (status == HG_STATUS_OK) {
        f->path = hg_mem_string(path);
        status = f->path == NULL ? hg_error_memory(err, strlen(path) + 1, "a path") : read_content(f, err);
        if (status != HG_STATUS_OK)
            hg_error_prefix(err, status, "%s", path);
    }
    if (status != HG_STATUS_OK) {
        hg_tensor_file_close(f);
        return status;
    }
    *out = f;
    return HG_STATUS_OK;
}

void hg_tensor_file_close(hg_tensor_file *f)
{
    if (f == NULL)
        return;
    hg_gguf_close(f->gguf);
    hg_tensor_list_deinit(&f->list);
    hg_file_map_close(&f->map);
    hg_mem_free(f->path);
    hg_mem_free(f);
}

hg_tensor_file_kind hg_tensor_file_get_kind(const hg_tensor_file *f)
{
    return f->kind;
}

const char *hg_tensor_file_kind_name(hg_tensor_file_kind kind)
{
    static const char *const names[] = {"safetensors", "PyTorch", "GGUF"};
    return names[kind];
}

const char *hg_tensor_file_get_path(const hg_tensor_file *f)
{
    return f->path;
}

const hg_gguf *hg_tensor_file_get_gguf(const hg_tensor_file *f)
{
    return f->gguf;
}

size_t hg_tensor_file_n_tensors(const hg_tensor_file *f)
{
    return f->list.n_items;
}

const hg_named_tensor *hg_tensor_file_get(const hg_tensor_file *f, size_t i)
{
    return i < f->list.n_items ? &f->list.items[i] : NULL;
}

const hg_named_tensor *hg_tensor_file_find_any(const hg_tensor_file *f, const char *name)
{
    return hg_tensor_list_find(&f->list, name);
}

const hg_tensor *hg_tensor_file_find(const hg_tensor_file *f, const char *name)
{
    const hg_named_tensor *t = hg_tensor_list_find(&f->list, name);
    return t == NULL || t->unsupported != NULL ? NULL : &t->tensor;
}

hg_status hg_tensor_file_need(const hg_tensor_file *f, const char *name, const hg_tensor **out, hg_error *err)
{
    const hg_named_tensor *t = hg_tensor_list_find(&f->list, name);
    if (t == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: tensor '%s' is missing", f->path, name);
    if (t->unsupported != NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: tensor '%s': %s is not supported", f->path, name,
                            t->unsupported);
    *out = &t->tensor;
    return HG_STATUS_OK;
}

void hg_tensor_file_release(const hg_tensor_file *f, const void *from, size_t bytes)
{
    hg_file_map_release(&f->map, from, bytes);
}

int hg_tensor_file_lock(const hg_tensor_file *f)
{
    return hg_file_map_lock(&f->map);
}

void hg_tensor_file_use_huge(hg_tensor_file *f, hg_huge_use *use)
{
    hg_file_map_use_huge(&f->map, use);
}

size_t hg_tensor_file_bytes(const hg_tensor_file *f)
{
    return f->map.size;
}
