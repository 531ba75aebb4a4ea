/* SPDX-License-Identifier: Apache-2.0
 *
 * inspect.c: what a folder or a package holds and what can be done with it, or what one file of tensors
 * holds, as JSON. It works on incomplete models: a part that is missing or bad is reported, not fatal.
 */
#include "base/memory.h"
#include "engine/inspect_card.h"

#include <healthgpt/healthgpt.h>

#include <string.h>

/* Opens the model as `ask` and `draw` would, which checks all that they need. */
static void inspect_open(hg_inspected *m)
{
    const hg_source *s = &m->source;
    hg_error err = {HG_STATUS_OK, ""};
    if (s->missing_for_ask[0] != 0 && s->missing_for_draw[0] != 0 && m->problems.base_file[0] == 0)
        return;
    if (hg_model_open(&m->model, m->path, &(hg_model_options){.n_threads = 1, .repack = HG_REPACK_NO},
                      &err) != HG_STATUS_OK) {
        m->model = NULL;
        memcpy(m->problem, err.text, sizeof m->problem);
    }
}

static hg_status inspect_model(const char *path, bool with_tensors, json_t **report, hg_error *err)
{
    hg_inspected *m = hg_mem_array(1, sizeof *m);
    if (m == NULL)
        return hg_error_memory(err, sizeof *m, "inspecting");
    m->path = path;
    hg_status status = hg_source_open_parts(&m->source, path, &m->problems, err);
    if (status == HG_STATUS_OK) {
        inspect_open(m);
        *report = hg_inspect_card(m, with_tensors);
        hg_model_close(m->model);
        hg_source_close(&m->source);
    }
    hg_mem_free(m);
    return status;
}

static hg_status inspect_file(const char *path, bool with_tensors, json_t **report, hg_error *err)
{
    hg_tensor_set *set = NULL;
    hg_status status = hg_tensor_set_open_file(&set, path, err);
    if (status == HG_STATUS_OK)
        *report = hg_inspect_set(set, path, with_tensors);
    hg_tensor_set_close(set);
    return status;
}

hg_status hg_model_inspect(const char *path, bool with_tensors, char **json, hg_error *err)
{
    *json = NULL;
    json_t *report = NULL;
    bool is_file = hg_file_exists(path) && !hg_source_is_package(path);
    hg_status status = is_file ? inspect_file(path, with_tensors, &report, err)
                               : inspect_model(path, with_tensors, &report, err);
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
