/* SPDX-License-Identifier: Apache-2.0
 *
 * source_parts.c: every step of opening is tried, whatever became of the others; what fails leaves a text.
 */
#include "package/source_parts.h"

#include "base/memory.h"
#include "package/key_fields.h"
#include "package/package_keys.h"

#include <stdio.h>
#include <string.h>

static void note_problem(char to[HG_ERROR_TEXT_BYTES], hg_status status, const hg_error *err)
{
    if (status != HG_STATUS_OK)
        memcpy(to, err->text, HG_ERROR_TEXT_BYTES);
}

/* ---- folders ---- */

static void open_folder_part(hg_source *s, hg_part part, hg_part_problems *problems)
{
    const hg_parts *f = s->folder;
    const char *const paths[HG_PART_COUNT] = {f->base, f->clip, f->com, f->gen, f->fusion, f->vqgan_file};
    hg_error err = {HG_STATUS_OK, ""};
    hg_tensor_set **set = &s->parts.sets[part];
    if (paths[part][0] == 0)
        return;
    hg_status status = part == HG_PART_BASE || part == HG_PART_CLIP
                           ? hg_tensor_set_open_folder(set, paths[part], &err)
                           : hg_tensor_set_open_file(set, paths[part], &err);
    if (status != HG_STATUS_OK)
        *set = NULL;
    note_problem(problems->parts[part], status, &err);
}

static hg_status open_folder(hg_source *s, const char *path, hg_part_problems *problems, hg_error *err)
{
    s->folder = hg_mem_array(1, sizeof *s->folder);
    if (s->folder == NULL)
        return hg_error_memory(err, sizeof *s->folder, "the parts of a model");
    hg_status status = hg_parts_find(s->folder, path, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_error problem = {HG_STATUS_OK, ""};
    status = hg_manifest_read(&s->manifest, path, &problem);
    if (status != HG_STATUS_OK)
        s->manifest = (hg_manifest){.name = ""};
    note_problem(problems->manifest, status, &problem);
    if (s->folder->base[0] != 0) {
        status = hg_decoder_config_read(&s->parts.decoder, s->folder->base, &problem);
        if (status != HG_STATUS_OK)
            s->parts.decoder = (hg_decoder_config){.n_layers = 0};
        note_problem(problems->settings, status, &problem);
    }
    for (int part = 0; part < HG_PART_COUNT; part++)
        open_folder_part(s, (hg_part)part, problems);
    hg_parts_missing_for_ask(s->folder, s->missing_for_ask);
    hg_parts_missing_for_draw(s->folder, s->missing_for_draw);
    return HG_STATUS_OK;
}

/* ---- packages ---- */

/* The names of a package's tensors tell the family when its settings cannot. */
static hg_family family_of(const hg_tensor_file *file)
{
    bool split = hg_tensor_file_find_any(file, "blk.0.attn_q.weight") != NULL ||
                 hg_tensor_file_find_any(file, "com.blk.0.attn_q.weight.lora_a") != NULL ||
                 hg_tensor_file_find_any(file, "gen.blk.0.attn_q.weight.lora_a") != NULL;
    return split ? HG_FAMILY_QWEN2 : HG_FAMILY_PHI3;
}

static void read_settings(hg_source *s, hg_part_problems *problems)
{
    const hg_gguf *g = hg_tensor_file_get_gguf(s->package);
    hg_error problem = {HG_STATUS_OK, ""};
    hg_status status = hg_package_get_manifest(g, &s->manifest, &problem);
    if (status != HG_STATUS_OK)
        s->manifest = (hg_manifest){.name = ""};
    note_problem(problems->manifest, status, &problem);
    status = hg_package_get_decoder(g, HG_PACKAGE_ARCHITECTURE, &s->parts.decoder, &problem);
    if (status != HG_STATUS_OK)
        s->parts.decoder = (hg_decoder_config){.family = family_of(s->package)};
    note_problem(problems->settings, status, &problem);
}

/* The file of an adapter package's language model, beside it. */
static void open_base_file(hg_source *s, const char *path, hg_part_problems *problems)
{
    char base[HG_PATH_BYTES];
    const hg_gguf *g = hg_tensor_file_get_gguf(s->package);
    char *name = problems->base_file, *problem = problems->parts[HG_PART_BASE];
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_gguf_find(g, "healthgpt.base.file") == NULL)
        return;
    hg_status status = hg_key_get_text(g, "healthgpt.base.file", name, sizeof problems->base_file, &err);
    /* As in hg_source_open: a package cannot make the program read elsewhere. */
    if (status == HG_STATUS_OK && (name[0] == 0 || name[0] == '.' || strpbrk(name, "/\\") != NULL))
        status = hg_error_set(&err, HG_STATUS_INPUT, "its base model '%s' is not a plain file name", name);
    int n = snprintf(base, sizeof base, "%.*s%s", (int)(hg_path_name(path) - path), path, name);
    if (status == HG_STATUS_OK && (n < 0 || (size_t)n >= sizeof base))
        status = hg_error_set(&err, HG_STATUS_INPUT, "%.100s...: the path is too long", path);
    if (status == HG_STATUS_OK && hg_file_exists(base)) {
        status = hg_tensor_file_open(&s->base_file, base, &err);
        if (status == HG_STATUS_OK)
            status = hg_source_take_part(s, s->base_file, HG_PART_BASE, &err);
    }
    note_problem(problem, status, &err);
}

/* The folder's words for what is missing serve packages as well. */
static hg_status describe_missing(hg_source *s, hg_error *err)
{
    hg_parts *found = hg_mem_array(1, sizeof *found);
    if (found == NULL)
        return hg_error_memory(err, sizeof *found, "the parts of a model");
    char *const paths[HG_PART_COUNT] = {found->base, found->clip,   found->com,
                                        found->gen,  found->fusion, found->vqgan};
    for (int i = 0; i < HG_PART_COUNT; i++)
        paths[i][0] = s->parts.sets[i] != NULL ? '.' : 0;
    found->vqgan_file[0] = found->vqgan[0];
    hg_parts_missing_for_ask(found, s->missing_for_ask);
    hg_parts_missing_for_draw(found, s->missing_for_draw);
    hg_mem_free(found);
    return HG_STATUS_OK;
}

static hg_status open_package(hg_source *s, const char *path, hg_part_problems *problems, hg_error *err)
{
    s->is_package = true;
    hg_status status = hg_tensor_file_open(&s->package, path, err);
    if (status != HG_STATUS_OK)
        return status;
    const hg_gguf *g = hg_tensor_file_get_gguf(s->package);
    if (g == NULL || !hg_gguf_string_is(g, "general.architecture", HG_PACKAGE_ARCHITECTURE))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: a %s file, but not a HealthGPT package", path,
                            hg_tensor_file_kind_name(hg_tensor_file_get_kind(s->package)));
    read_settings(s, problems);
    for (int part = 0; part < HG_PART_COUNT; part++) {
        hg_error problem = {HG_STATUS_OK, ""};
        status = hg_source_take_part(s, s->package, (hg_part)part, &problem);
        if (status != HG_STATUS_OK)
            s->parts.sets[part] = NULL;
        note_problem(problems->parts[part], status, &problem);
    }
    if (s->parts.sets[HG_PART_BASE] == NULL)
        open_base_file(s, path, problems);
    return describe_missing(s, err);
}

hg_status hg_source_open_parts(hg_source *s, const char *path, hg_part_problems *problems, hg_error *err)
{
    memset(s, 0, sizeof *s);
    memset(problems, 0, sizeof *problems);
    hg_status status =
        hg_file_exists(path) ? open_package(s, path, problems, err) : open_folder(s, path, problems, err);
    if (status != HG_STATUS_OK)
        hg_source_close(s);
    return status;
}
