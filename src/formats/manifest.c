/* SPDX-License-Identifier: Apache-2.0
 *
 * manifest.c: healthgpt.json, what the released files do not say themselves. Unknown keys are passed over, so
 * that later versions may add some.
 */
#include "formats/config_text.h"
#include "formats/json_file.h"
#include "formats/model_config.h"

#include <string.h>

#define MAX_EXPERTS 1024
#define MAX_LAYERS 1024

static hg_status read_plugin(hg_manifest_plugin *plugin, const json_t *json, const char *what,
                             const char *key, hg_error *err)
{
    const json_t *member = json_object_get(json, key);
    if (member == NULL || json_is_null(member))
        return HG_STATUS_OK;
    if (!json_is_object(member))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s is not an object", what, key);
    int64_t experts = 0;
    hg_status status = hg_json_get_double(member, what, "hlora_alpha", 1e-6, 1e6, &plugin->hlora_alpha, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_int(member, what, "hlora_experts", 1, MAX_EXPERTS, &experts, err);
    plugin->hlora_experts = (int)experts;
    int64_t layers = 0;
    if (status == HG_STATUS_OK)
        status = hg_json_get_int(member, what, "vision_layers", 1, MAX_LAYERS, &layers, err);
    plugin->vision_layers = (int)layers;
    return status;
}

static const struct {
    const char *name;
    unsigned bit;
} task_names[] = {{"reconstruct", HG_MANIFEST_RECONSTRUCT},
                  {"super-resolution", HG_MANIFEST_SUPER_RESOLUTION},
                  {"ct-to-mri", HG_MANIFEST_CT_TO_MRI},
                  {"mri-to-ct", HG_MANIFEST_MRI_TO_CT},
                  {"report-to-cxr", HG_MANIFEST_REPORT_TO_CXR}};

bool hg_manifest_find_task(const char *name, unsigned *bit)
{
    for (size_t i = 0; i < sizeof task_names / sizeof task_names[0]; i++) {
        if (strcmp(task_names[i].name, name) == 0) {
            *bit = task_names[i].bit;
            return true;
        }
    }
    return false;
}

const char *hg_manifest_task_name(unsigned bit)
{
    for (size_t i = 0; i < sizeof task_names / sizeof task_names[0]; i++) {
        if (task_names[i].bit == bit)
            return task_names[i].name;
    }
    return NULL;
}

static hg_status read_task(const json_t *task, const char *what, unsigned *tasks, hg_error *err)
{
    unsigned bit = 0;
    const char *name = json_string_value(task);
    if (name == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: tasks has something that is not a string", what);
    if (!hg_manifest_find_task(name, &bit))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: unknown task '%s'", what, name);
    *tasks |= bit;
    return HG_STATUS_OK;
}

static hg_status read_tasks(hg_manifest *m, const json_t *json, const char *what, hg_error *err)
{
    const json_t *tasks = json_object_get(json, "tasks");
    if (tasks == NULL || json_is_null(tasks))
        return HG_STATUS_OK;
    if (!json_is_array(tasks))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: tasks is not a list", what);
    m->has_tasks = true;
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < json_array_size(tasks); i++)
        status = read_task(json_array_get(tasks, i), what, &m->tasks, err);
    return status;
}

static hg_status manifest_json(hg_manifest *m, const json_t *json, const char *what, hg_error *err)
{
    hg_status status = hg_json_get_text(json, what, "name", m->name, sizeof m->name, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_bool(json, what, "random_weights", &m->random_weights, err);
    if (status == HG_STATUS_OK)
        status = read_plugin(&m->com, json, what, "com", err);
    if (status == HG_STATUS_OK && json_is_object(json_object_get(json, "com")))
        status = hg_json_get_bool(json_object_get(json, "com"), what, "fused", &m->com_fused, err);
    if (status == HG_STATUS_OK)
        status = read_plugin(&m->gen, json, what, "gen", err);
    if (status == HG_STATUS_OK)
        status = read_tasks(m, json, what, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_text(json, what, "template", m->template_name, sizeof m->template_name, err);
    if (status == HG_STATUS_OK)
        status =
            hg_json_get_text(json, what, "system_prompt", m->system_prompt, sizeof m->system_prompt, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_text(json, what, "license", m->license, sizeof m->license, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_text(json, what, "description", m->description, sizeof m->description, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_text(json, what, "intended_use", m->intended_use, sizeof m->intended_use, err);
    const json_t *prompt = json_object_get(json, "system_prompt");
    m->has_system_prompt = prompt != NULL && !json_is_null(prompt);
    return status;
}

static hg_status manifest_parse(hg_manifest *out, const char *what, const char *text, size_t bytes,
                                hg_error *err)
{
    json_t *json = NULL;
    hg_status status = hg_json_parse(&json, what, text, bytes, HG_JSON_CONFIG_BYTES, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_manifest m = {.has_tasks = false};
    status = manifest_json(&m, json, what, err);
    json_decref(json);
    if (status == HG_STATUS_OK)
        *out = m;
    return status;
}

hg_status hg_manifest_parse(hg_manifest *out, const char *text, size_t bytes, hg_error *err)
{
    return manifest_parse(out, "healthgpt.json", text, bytes, err);
}

hg_status hg_manifest_read(hg_manifest *out, const char *folder, hg_error *err)
{
    hg_buffer text;
    char path[HG_PATH_BYTES];
    bool found = false;
    hg_status status = hg_config_text_read(&text, path, folder, "healthgpt.json", &found, err);
    if (status == HG_STATUS_OK && found)
        status = manifest_parse(out, path, hg_buffer_text(&text), text.size, err);
    else if (status == HG_STATUS_OK)
        *out = (hg_manifest){.has_tasks = false};
    hg_buffer_deinit(&text);
    return status;
}
