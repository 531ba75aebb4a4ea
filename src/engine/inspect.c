/* SPDX-License-Identifier: Apache-2.0
 *
 * inspect.c: what a folder holds and what can be done with it, or what one file of tensors holds, as JSON. It
 * works on incomplete folders: a part that is missing or bad is reported, not fatal. Names, paths and
 * messages may be any bytes, JSON only takes UTF-8: all go through inspect_text.
 */
#include "base/memory.h"
#include "engine/draw_tasks.h"
#include "engine/parts.h"
#include "formats/tensor_file.h"
#include "text/utf8.h"

#include <healthgpt/healthgpt.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define INSPECT_TEXT_BYTES ((size_t)1 << 16)

/* The text with U+FFFD for what is not UTF-8. */
static json_t *inspect_text(const char *text)
{
    hg_buffer valid;
    hg_buffer_init(&valid, INSPECT_TEXT_BYTES);
    bool ok = hg_utf8_push_valid(&valid, (const uint8_t *)text, strlen(text));
    json_t *string = ok ? json_string(hg_buffer_text(&valid)) : NULL;
    hg_buffer_deinit(&valid);
    return string;
}

static json_t *inspect_tensors(const hg_tensor_set *set)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < hg_tensor_set_n_tensors(set); i++) {
        const hg_named_tensor *t = hg_tensor_set_get(set, i);
        char shape[HG_TENSOR_SHAPE_TEXT] = "";
        if (t->unsupported == NULL)
            hg_tensor_format_shape(&t->tensor, shape);
        json_array_append_new(
            list,
            json_pack("{s:o, s:o, s:s}", "name", inspect_text(t->name), "type",
                      inspect_text(t->unsupported != NULL ? t->unsupported : hg_dtype_name(t->tensor.dtype)),
                      "shape", shape));
    }
    return list;
}

static double inspect_bytes(const hg_tensor_set *set)
{
    double bytes = 0;
    for (size_t i = 0; i < hg_tensor_set_n_tensors(set); i++) {
        const hg_named_tensor *t = hg_tensor_set_get(set, i);
        if (t->unsupported == NULL)
            bytes += (double)hg_tensor_count(&t->tensor) * (double)hg_dtype_bytes(t->tensor.dtype);
    }
    return bytes;
}

/* What opened weights hold. "bytes" counts the tensors that can be used. */
static json_t *inspect_set(const hg_tensor_set *set, const char *path, bool with_tensors)
{
    json_t *part =
        json_pack("{s:o, s:s, s:I, s:f}", "path", inspect_text(path), "kind",
                  hg_tensor_file_kind_name(hg_tensor_file_get_kind(hg_tensor_set_get_file(set, 0))),
                  "tensors_count", (json_int_t)hg_tensor_set_n_tensors(set), "bytes", inspect_bytes(set));
    if (with_tensors)
        json_object_set_new(part, "tensors", inspect_tensors(set));
    return part;
}

/* Describes one part, a folder of weights or a file; *ok is false when it is missing or cannot be opened. */
static json_t *inspect_part(const char *path, bool folder, bool with_tensors, bool *ok)
{
    *ok = path[0] != 0;
    if (!*ok)
        return json_object();
    hg_tensor_set *set = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    *ok = (folder ? hg_tensor_set_open_folder(&set, path, &err)
                  : hg_tensor_set_open_file(&set, path, &err)) == HG_STATUS_OK;
    if (!*ok)
        return json_pack("{s:o, s:o}", "path", inspect_text(path), "problem", inspect_text(err.text));
    json_t *part = inspect_set(set, path, with_tensors);
    hg_tensor_set_close(set);
    return part;
}

static json_t *inspect_task(const char *name, const char *why_not)
{
    json_t *task = json_pack("{s:s}", "name", name);
    if (why_not != NULL)
        json_object_set_new(task, "why_not", inspect_text(why_not));
    return task;
}

static json_t *inspect_tasks(const hg_parts *parts, const hg_manifest *manifest, bool ask_ok, bool draw_ok)
{
    char missing[HG_ERROR_TEXT_BYTES], text[HG_ERROR_TEXT_BYTES + 32];
    json_t *tasks = json_array();
    const char *why = ask_ok ? NULL : "a part of it cannot be read";
    if (hg_parts_missing_for_ask(parts, missing)) {
        snprintf(text, sizeof text, "missing: %s", missing);
        why = text;
    }
    json_array_append_new(tasks, inspect_task("ask", why));
    why = draw_ok ? NULL : "a part of it cannot be read";
    if (hg_parts_missing_for_draw(parts, missing)) {
        snprintf(text, sizeof text, "missing: %s", missing);
        why = text;
    }
    for (int i = 0; i < HG_DRAW_TASK_COUNT; i++) {
        bool trained = hg_draw_task_is_trained(manifest, (hg_draw_task)i);
        json_array_append_new(
            tasks,
            inspect_task(hg_draw_task_name((hg_draw_task)i),
                         why != NULL || trained ? why : "the generation plug-in was not trained for it"));
    }
    return tasks;
}

static json_t *inspect_parts(const hg_parts *parts, const hg_manifest *manifest, bool with_tensors)
{
    hg_decoder_config config;
    bool base, clip, com, gen, fusion, vqgan;
    json_t *list = json_object();
    json_object_set_new(list, "base", inspect_part(parts->base, true, with_tensors, &base));
    json_object_set_new(list, "clip", inspect_part(parts->clip, true, with_tensors, &clip));
    json_object_set_new(list, "com", inspect_part(parts->com, false, with_tensors, &com));
    json_object_set_new(list, "gen", inspect_part(parts->gen, false, with_tensors, &gen));
    json_object_set_new(list, "fusion", inspect_part(parts->fusion, false, with_tensors, &fusion));
    json_object_set_new(list, "vqgan", inspect_part(parts->vqgan_file, false, with_tensors, &vqgan));
    json_t *report = json_pack(
        "{s:o, s:b, s:o, s:o}", "path", inspect_text(parts->folder), "random_weights",
        manifest->random_weights, "parts", list, "tasks",
        inspect_tasks(parts, manifest, base && clip && com, base && clip && gen && fusion && vqgan));
    if (parts->base[0] != 0 && hg_decoder_config_read(&config, parts->base, NULL) == HG_STATUS_OK) {
        char family[160];
        snprintf(family, sizeof family,
                 "%s, %lld layers, hidden %lld, %lld heads (%lld for keys), vocabulary %lld",
                 hg_family_name(config.family), (long long)config.n_layers, (long long)config.hidden,
                 (long long)config.n_heads, (long long)config.n_kv_heads, (long long)config.vocab);
        json_object_set_new(report, "family", json_string(family));
    }
    return report;
}

static hg_status inspect_folder(const char *path, bool with_tensors, json_t **report, hg_error *err)
{
    hg_parts *parts = hg_mem_array(1, sizeof *parts);
    if (parts == NULL)
        return hg_error_memory(err, sizeof *parts, "inspecting");
    hg_manifest manifest = {0};
    hg_status status = hg_parts_find(parts, path, err);
    if (status == HG_STATUS_OK)
        status = hg_manifest_read(&manifest, path, err);
    if (status == HG_STATUS_OK)
        *report = inspect_parts(parts, &manifest, with_tensors);
    hg_mem_free(parts);
    return status;
}

static hg_status inspect_file(const char *path, bool with_tensors, json_t **report, hg_error *err)
{
    hg_tensor_set *set = NULL;
    hg_status status = hg_tensor_set_open_file(&set, path, err);
    if (status == HG_STATUS_OK)
        *report = inspect_set(set, path, with_tensors);
    hg_tensor_set_close(set);
    return status;
}

hg_status hg_model_inspect(const char *path, bool with_tensors, char **json, hg_error *err)
{
    *json = NULL;
    json_t *report = NULL;
    hg_status status = hg_file_exists(path) ? inspect_file(path, with_tensors, &report, err)
                                            : inspect_folder(path, with_tensors, &report, err);
    if (status != HG_STATUS_OK)
        return status;
    char *text = json_dumps(report, JSON_COMPACT);
    json_decref(report);
    *json = text == NULL ? NULL : hg_mem_string(text);
    json_free_t release;
    json_get_alloc_funcs(NULL, &release); /* the text is jansson's own allocation */
    release(text);
    return *json != NULL ? HG_STATUS_OK : hg_error_memory(err, 0, "the report");
}

void hg_text_free(char *text)
{
    hg_mem_free(text);
}
