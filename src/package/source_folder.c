/* SPDX-License-Identifier: Apache-2.0
 *
 * source_folder.c: released files, found in a folder or named one by one.
 */
#include "package/source.h"

#include "base/memory.h"
#include "formats/json_file.h"

#include <stdio.h>
#include <string.h>

#define MAX_CHAT_TEMPLATE ((size_t)1 << 20)

static hg_status put_path(char to[HG_PATH_BYTES], const char *path, hg_error *err)
{
    if (!hg_path_given(path))
        return HG_STATUS_OK;
    int n = snprintf(to, HG_PATH_BYTES, "%s", path);
    if (n < 0 || n >= HG_PATH_BYTES)
        return hg_error_set(err, HG_STATUS_INPUT, "%.100s...: the path is too long", path);
    return HG_STATUS_OK;
}

/* Parts named by the caller come before those of the folder. */
static hg_status find_parts(hg_parts *found, const hg_source_paths *paths, hg_error *err)
{
    memset(found, 0, sizeof *found);
    hg_status status = hg_path_given(paths->model) ? hg_parts_find(found, paths->model, err) : HG_STATUS_OK;
    if (status == HG_STATUS_OK)
        status = put_path(found->base, paths->base, err);
    if (status == HG_STATUS_OK)
        status = put_path(found->clip, paths->clip, err);
    if (status == HG_STATUS_OK)
        status = put_path(found->com, paths->com, err);
    if (status == HG_STATUS_OK)
        status = put_path(found->gen, paths->gen, err);
    if (status == HG_STATUS_OK)
        status = put_path(found->fusion, paths->fusion, err);
    if (status == HG_STATUS_OK && hg_path_given(paths->vqgan))
        status = hg_parts_find_vqgan(found, paths->vqgan, err);
    return status;
}

/* The base model's own template, for programs that want it; not having one is no error. */
static void read_chat_template(hg_source *s, const char *folder)
{
    char path[HG_PATH_BYTES];
    hg_buffer text;
    json_t *config = NULL;
    hg_buffer_init(&text, HG_JSON_CONFIG_BYTES);
    if (hg_path_join(path, folder, "tokenizer_config.json", NULL) == HG_STATUS_OK && hg_file_exists(path) &&
        hg_file_read(path, &text, NULL) == HG_STATUS_OK &&
        hg_json_parse(&config, path, hg_buffer_text(&text), text.size, HG_JSON_CONFIG_BYTES, NULL) ==
            HG_STATUS_OK) {
        const char *template = json_string_value(json_object_get(config, "chat_template"));
        if (template != NULL && strlen(template) < MAX_CHAT_TEMPLATE)
            s->chat_template = hg_mem_string(template);
        json_decref(config);
    }
    hg_buffer_deinit(&text);
}

static hg_status open_base(hg_source *s, const char *path, hg_error *err)
{
    if (hg_file_exists(path))
        return hg_source_open_llama_base(s, path, err);
    hg_model_parts *p = &s->parts;
    hg_status status = hg_tokenizer_open(&s->tokenizer, path, err);
    if (status == HG_STATUS_OK)
        status = hg_decoder_config_read(&p->decoder, path, err);
    if (status == HG_STATUS_OK)
        status = hg_generation_config_read(&p->generation, &p->decoder, path, err);
    if (status == HG_STATUS_OK)
        status = hg_tensor_set_open_folder(&p->sets[HG_PART_BASE], path, err);
    if (status == HG_STATUS_OK)
        read_chat_template(s, path);
    return status;
}

static hg_status open_parts(hg_source *s, const hg_parts *found, bool asks, bool draws, hg_error *err)
{
    hg_model_parts *p = &s->parts;
    hg_status status = open_base(s, found->base, err);
    if (status == HG_STATUS_OK)
        status = hg_model_parts_open_clip(p, found->clip, err);
    if (status == HG_STATUS_OK && asks)
        status = hg_tensor_set_open_file(&p->sets[HG_PART_COM], found->com, err);
    if (status == HG_STATUS_OK && draws)
        status = hg_model_parts_open_generation(p, found->gen, found->fusion, found->vqgan, found->vqgan_file,
                                                err);
    return status;
}

static hg_status open_file(hg_source *s, hg_part part, const char *path, hg_error *err)
{
    return path[0] == 0 ? HG_STATUS_OK : hg_tensor_set_open_file(&s->parts.sets[part], path, err);
}

/* Every part that is there, whether its task is complete or not. */
static hg_status open_all_parts(hg_source *s, const hg_parts *found, hg_error *err)
{
    hg_status status = open_parts(s, found, false, false, err);
    if (status == HG_STATUS_OK)
        status = open_file(s, HG_PART_COM, found->com, err);
    if (status == HG_STATUS_OK)
        status = open_file(s, HG_PART_GEN, found->gen, err);
    if (status == HG_STATUS_OK)
        status = open_file(s, HG_PART_FUSION, found->fusion, err);
    if (status == HG_STATUS_OK)
        status = open_file(s, HG_PART_VQGAN, found->vqgan_file, err);
    return status == HG_STATUS_OK && found->vqgan_file[0] != 0
               ? hg_vqgan_config_read(&s->parts.vqgan, found->vqgan, err)
               : status;
}

hg_status hg_source_open_folder(hg_source *s, const hg_source_paths *paths, hg_error *err)
{
    const char *label = hg_path_given(paths->model) ? paths->model : "the model";
    s->folder = hg_mem_array(1, sizeof *s->folder);
    if (s->folder == NULL)
        return hg_error_memory(err, sizeof *s->folder, "opening a model");
    hg_status status = find_parts(s->folder, paths, err);
    if (status == HG_STATUS_OK && hg_path_given(paths->model))
        status = hg_manifest_read(&s->manifest, paths->model, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_source_forget_replaced(s, paths);
    bool asks = !hg_parts_missing_for_ask(s->folder, s->missing_for_ask);
    bool draws = !hg_parts_missing_for_draw(s->folder, s->missing_for_draw);
    bool all = paths->keep_incomplete && s->folder->base[0] != 0 && s->folder->clip[0] != 0;
    if (!asks && !draws && !all)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: missing %s", label, s->missing_for_ask);
    status = all ? open_all_parts(s, s->folder, err) : open_parts(s, s->folder, asks, draws, err);
    return status == HG_STATUS_OK ? hg_source_choose_chat(s, label, err) : status;
}
