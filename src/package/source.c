/* SPDX-License-Identifier: Apache-2.0
 *
 * source.c: what the kinds of sources share, and the choice between them.
 */
#include "package/source.h"

#include "base/memory.h"
#include "package/package_keys.h"
#include "package/part_names.h"

#include <string.h>

bool hg_source_is_package(const char *path)
{
    hg_gguf *g = NULL;
    if (!hg_file_exists(path) || hg_gguf_open(&g, path, NULL) != HG_STATUS_OK)
        return false;
    bool is_package = hg_gguf_string_is(g, "general.architecture", HG_PACKAGE_ARCHITECTURE);
    hg_gguf_close(g);
    return is_package;
}

typedef struct part_view {
    hg_part part;
    hg_family family;
} part_view;

static bool rename_for_part(const void *user, const char *name, char out[HG_TENSOR_RENAME_BYTES])
{
    const part_view *view = user;
    return hg_part_released_name(view->part, view->family, name, out);
}

hg_status hg_source_take_part(hg_source *s, const hg_tensor_file *file, hg_part part, hg_error *err)
{
    const part_view view = {part, s->parts.decoder.family};
    hg_tensor_set **set = &s->parts.sets[part];
    hg_status status = hg_tensor_set_open_view(set, file, rename_for_part, &view, err);
    if (status == HG_STATUS_OK && hg_tensor_set_n_tensors(*set) == 0) {
        hg_tensor_set_close(*set);
        *set = NULL;
    }
    return status;
}

hg_status hg_source_choose_chat(hg_source *s, const char *label, hg_error *err)
{
    const char *name = s->manifest.template_name;
    if (name[0] != 0) {
        if (!hg_chat_kind_find(name, &s->chat))
            return hg_error_set(err, HG_STATUS_INPUT, "%s: no chat template '%s'", label, name);
    } else if (!hg_chat_kind_guess(s->tokenizer, &s->chat)) {
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%s: the tokenizer has the control tokens of none of the known chat templates; "
                            "name one in healthgpt.json",
                            label);
    }
    return HG_STATUS_OK;
}

/* Puts the tensors of a file in the place of a package's own part. */
static hg_status replace_part(hg_source *s, hg_part part, const char *path, hg_error *err)
{
    if (!hg_path_given(path))
        return HG_STATUS_OK;
    hg_tensor_set *set = NULL;
    hg_status status = hg_tensor_set_open_file(&set, path, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_tensor_set_close(s->parts.sets[part]);
    s->parts.sets[part] = set;
    return HG_STATUS_OK;
}

void hg_source_forget_replaced(hg_source *s, const hg_source_paths *paths)
{
    if (hg_path_given(paths->com))
        s->manifest.com = (hg_manifest_plugin){0};
    if (hg_path_given(paths->gen))
        s->manifest.gen = (hg_manifest_plugin){0};
}

/* New plug-ins for a package. */
static hg_status replace_parts(hg_source *s, const hg_source_paths *paths, hg_error *err)
{
    if (hg_path_given(paths->base) || hg_path_given(paths->clip) || hg_path_given(paths->vqgan))
        return hg_error_set(
            err, HG_STATUS_USAGE,
            "%s: a package's plug-ins and fusion layer can be replaced, not its base, clip and vqgan",
            paths->model);
    hg_source_forget_replaced(s, paths);
    if (hg_path_given(paths->gen)) {
        s->manifest.has_tasks = false;
        s->manifest.tasks = 0;
    }
    hg_status status = replace_part(s, HG_PART_COM, paths->com, err);
    if (status == HG_STATUS_OK)
        status = replace_part(s, HG_PART_GEN, paths->gen, err);
    return status == HG_STATUS_OK ? replace_part(s, HG_PART_FUSION, paths->fusion, err) : status;
}

/* The folder's words for what is missing serve packages as well. */
static void describe_missing(hg_source *s, hg_parts *found)
{
    char *const paths[HG_PART_COUNT] = {found->base, found->clip,   found->com,
                                        found->gen,  found->fusion, found->vqgan};
    memset(found, 0, sizeof *found);
    for (int i = 0; i < HG_PART_COUNT; i++)
        paths[i][0] = s->parts.sets[i] != NULL ? '.' : 0;
    found->vqgan_file[0] = found->vqgan[0];
    hg_parts_missing_for_ask(found, s->missing_for_ask);
    hg_parts_missing_for_draw(found, s->missing_for_draw);
}

static hg_status open_any(hg_source *s, const hg_source_paths *paths, hg_error *err)
{
    if (!hg_path_given(paths->model) || !hg_file_exists(paths->model))
        return hg_source_open_folder(s, paths, err);
    hg_parts *found = hg_mem_array(1, sizeof *found);
    if (found == NULL)
        return hg_error_memory(err, sizeof *found, "opening a model");
    hg_status status = hg_source_open_package(s, paths->model, err);
    if (status == HG_STATUS_OK)
        status = replace_parts(s, paths, err);
    if (status == HG_STATUS_OK)
        describe_missing(s, found);
    hg_mem_free(found);
    return status;
}

/* A task that lacks a part is not opened: its other parts would be half of something. */
static void drop_incomplete_tasks(hg_source *s)
{
    static const hg_part draw_parts[] = {HG_PART_GEN, HG_PART_FUSION, HG_PART_VQGAN};
    for (size_t i = 0; s->missing_for_draw[0] != 0 && i < sizeof draw_parts / sizeof *draw_parts; i++) {
        hg_tensor_set_close(s->parts.sets[draw_parts[i]]);
        s->parts.sets[draw_parts[i]] = NULL;
    }
}

hg_status hg_source_open(hg_source *s, const hg_source_paths *paths, hg_error *err)
{
    memset(s, 0, sizeof *s);
    hg_status status = open_any(s, paths, err);
    if (status == HG_STATUS_OK) {
        if (!paths->keep_incomplete)
            drop_incomplete_tasks(s);
        s->parts.com_alpha = s->manifest.com.hlora_alpha;
        s->parts.gen_alpha = s->manifest.gen.hlora_alpha;
        s->parts.com_experts = s->manifest.com.hlora_experts;
        s->parts.gen_experts = s->manifest.gen.hlora_experts;
        s->parts.com_layers = s->manifest.com.vision_layers;
        s->parts.gen_layers = s->manifest.gen.vision_layers;
        s->parts.com_fused = s->manifest.com_fused;
        s->parts.n_tokens = hg_tokenizer_length(s->tokenizer);
    } else {
        hg_source_close(s);
    }
    return status;
}

static void lock_file(hg_source_locked *l, const hg_tensor_file *file)
{
    if (file == NULL)
        return;
    int reason = hg_tensor_file_lock(file);
    l->bytes += hg_tensor_file_bytes(file);
    if (reason == 0)
        l->locked += hg_tensor_file_bytes(file);
    else
        l->reason = reason;
}

hg_source_locked hg_source_lock(const hg_source *s)
{
    hg_source_locked l = {0};
    lock_file(&l, s->package);
    lock_file(&l, s->base_file);
    for (int part = 0; part < HG_PART_COUNT; part++) {
        const hg_tensor_set *set = s->parts.sets[part];
        for (size_t i = 0; set != NULL && i < hg_tensor_set_n_files(set); i++) {
            const hg_tensor_file *file = hg_tensor_set_get_file(set, i);
            if (file != s->package && file != s->base_file) /* what a view borrows */
                lock_file(&l, file);
        }
    }
    return l;
}

void hg_source_use_huge(hg_source *s, hg_huge_use *use)
{
    if (s->package != NULL)
        hg_tensor_file_use_huge(s->package, use);
    if (s->base_file != NULL)
        hg_tensor_file_use_huge(s->base_file, use);
    for (int part = 0; part < HG_PART_COUNT; part++) {
        if (s->parts.sets[part] != NULL)
            hg_tensor_set_use_huge(s->parts.sets[part], use);
    }
}

void hg_source_close(hg_source *s)
{
    hg_model_parts_close(&s->parts); /* views first, then what they look at */
    hg_tensor_file_close(s->package);
    hg_tensor_file_close(s->base_file);
    hg_tokenizer_close(s->tokenizer);
    hg_mem_free(s->chat_template);
    hg_mem_free(s->provenance);
    hg_mem_free(s->folder);
    memset(s, 0, sizeof *s);
}
