/* SPDX-License-Identifier: Apache-2.0
 *
 * convert.c: from a request to a package: open, check by loading what the engine would load, hash, write.
 */
#include <healthgpt/package.h>

#include "base/memory.h"
#include "model/healthgpt_model.h"
#include "package/file_hash.h"
#include "package/package_writer.h"
#include "package/part_names.h"

#include <stdio.h>
#include <string.h>

#define MAX_SOURCE_FILES 1024
#define MAX_THREADS 1024 /* the OpenMP runtime ends the process when the system gives it no more */

static hg_status copy_note(char *to, size_t capacity, const char *from, const char *what, hg_error *err)
{
    if (from == NULL)
        return HG_STATUS_OK;
    size_t n = strlen(from);
    if (n >= capacity)
        return hg_error_set(err, HG_STATUS_USAGE, "the %s has %zu bytes, at most %zu", what, n, capacity - 1);
    memcpy(to, from, n + 1);
    return HG_STATUS_OK;
}

/* "ct-to-mri,mri-to-ct" */
static hg_status set_tasks(hg_manifest *m, const char *list, hg_error *err)
{
    if (list == NULL)
        return HG_STATUS_OK;
    m->has_tasks = true;
    m->tasks = 0;
    while (*list != 0) {
        char name[32] = "";
        size_t n = strcspn(list, ",");
        unsigned bit = 0;
        snprintf(name, sizeof name, "%.*s", (int)n, list);
        if (n >= sizeof name || !hg_manifest_find_task(name, &bit))
            return hg_error_set(err, HG_STATUS_USAGE,
                                "no drawing task '%s': reconstruct, super-resolution, ct-to-mri, mri-to-ct, "
                                "report-to-cxr",
                                name);
        m->tasks |= bit;
        list += n + (list[n] == ',' ? 1 : 0);
    }
    return HG_STATUS_OK;
}

static hg_status apply_notes(hg_manifest *m, const hg_convert_request *r, hg_error *err)
{
    hg_status status = copy_note(m->name, sizeof m->name, r->name, "name", err);
    if (status == HG_STATUS_OK)
        status = copy_note(m->license, sizeof m->license, r->license, "license", err);
    if (status == HG_STATUS_OK)
        status = copy_note(m->description, sizeof m->description, r->description, "description", err);
    if (status == HG_STATUS_OK)
        status = copy_note(m->intended_use, sizeof m->intended_use, r->intended_use, "intended use", err);
    return status == HG_STATUS_OK ? set_tasks(m, r->tasks, err) : status;
}

/* Tensors of a part that the package would name, without those that no model has. */
static size_t count_known(const hg_source *s, hg_part part)
{
    const hg_tensor_set *set = s->parts.sets[part];
    size_t n = 0;
    for (size_t i = 0; set != NULL && i < hg_tensor_set_n_tensors(set); i++) {
        char name[HG_PACKAGE_NAME_BYTES];
        const char *released = hg_tensor_set_get(set, i)->name;
        n += hg_part_package_name(part, s->parts.decoder.family, released, name) &&
                     strstr(released, "post_layernorm") == NULL
                 ? 1
                 : 0;
    }
    return n;
}

/* What a plug-in was made with follows from its shapes once it is loaded; the package states it. */
static void note_plugin(hg_manifest_plugin *to, const hg_plugin *plugin, double alpha)
{
    to->hlora_experts = (int)plugin->n_experts;
    to->hlora_alpha = alpha > 0 ? alpha : 2 * (double)plugin->rank;
}

/* Loads the model as the engine does: every tensor that is needed is there, in its shape. Then nothing may be
 * left. */
static hg_status check_by_loading(hg_source *s, hg_error *err)
{
    hg_healthgpt *m = hg_mem_array(1, sizeof *m);
    if (m == NULL)
        return hg_error_memory(err, sizeof *m, "checking a model");
    hg_model_parts parts = s->parts;
    if (s->missing_for_draw[0] != 0) /* what there is of drawing is for training */
        parts.sets[HG_PART_GEN] = NULL;
    hg_status status = hg_healthgpt_load(m, &parts, err);
    const bool loaded = status == HG_STATUS_OK;
    for (int i = 0; status == HG_STATUS_OK && i < HG_PART_COUNT; i++) {
        size_t known = count_known(s, (hg_part)i), wanted = hg_healthgpt_n_tensors(m, (hg_part)i);
        if (wanted == 0 && i >= HG_PART_GEN) /* of a task that lacks a part, which training will make */
            continue;
        if (known != wanted && s->parts.sets[i] != NULL)
            status = hg_error_set(err, HG_STATUS_INPUT,
                                  "%s: %zu tensors, but its settings are of a model with %zu",
                                  hg_weight_label(s->parts.sets[i]), known, wanted);
    }
    if (status == HG_STATUS_OK && m->tasks[HG_TASK_COMPREHENSION].present)
        note_plugin(&s->manifest.com, &m->tasks[HG_TASK_COMPREHENSION].plugin, s->parts.com_alpha);
    if (status == HG_STATUS_OK && m->tasks[HG_TASK_GENERATION].present)
        note_plugin(&s->manifest.gen, &m->tasks[HG_TASK_GENERATION].plugin, s->parts.gen_alpha);
    if (loaded)
        hg_healthgpt_close(m);
    hg_mem_free(m);
    return status;
}

/* ---- provenance ---- */

typedef struct source_files {
    hg_provenance *items;
    const char **paths;
    size_t n;
    uint64_t bytes;
} source_files;

static hg_status files_init(source_files *f, const hg_source *s, hg_error *err)
{
    *f = (source_files){.items = hg_mem_array(MAX_SOURCE_FILES, sizeof *f->items),
                        .paths = hg_mem_array(MAX_SOURCE_FILES, sizeof *f->paths)};
    if (f->items == NULL || f->paths == NULL)
        return hg_error_memory(err, MAX_SOURCE_FILES * sizeof *f->items, "the list of files");
    for (int part = 0; part < HG_PART_COUNT; part++) {
        const hg_tensor_set *set = s->parts.sets[part];
        for (size_t i = 0; set != NULL && i < hg_tensor_set_n_files(set) && f->n < MAX_SOURCE_FILES; i++) {
            const hg_tensor_file *file = hg_tensor_set_get_file(set, i);
            const char *path = hg_tensor_file_get_path(file);
            if (file == s->package)
                continue;
            f->paths[f->n] = path;
            hg_provenance *p = &f->items[f->n++];
            snprintf(p->part, sizeof p->part, "%s", hg_part_name((hg_part)part));
            snprintf(p->name, sizeof p->name, "%s", hg_path_name(path));
            p->bytes = hg_tensor_file_bytes(file);
            f->bytes += p->bytes;
        }
    }
    return HG_STATUS_OK;
}

/* What a package says about the parts that are still its own. */
static void files_inherit(source_files *f, const hg_source *s)
{
    for (size_t i = 0; i < s->n_provenance && f->n < MAX_SOURCE_FILES; i++) {
        bool replaced = false;
        for (size_t k = 0; k < f->n; k++)
            replaced = replaced || strcmp(f->items[k].part, s->provenance[i].part) == 0;
        if (!replaced) {
            f->paths[f->n] = NULL;
            f->items[f->n++] = s->provenance[i];
        }
    }
}

static hg_status files_hash(source_files *f, const hg_progress *progress, hg_error *err)
{
    hg_hash_progress counted = {progress, "hashing", 0, f->bytes};
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < f->n; i++) {
        if (f->paths[i] != NULL)
            status = hg_file_hash(f->paths[i], f->items[i].sha256, &counted, err);
    }
    return status;
}

static void files_deinit(source_files *f)
{
    hg_mem_free(f->items);
    hg_mem_free(f->paths);
}

/* ---- the request ---- */

static hg_status check_request(const hg_convert_request *r, hg_error *err)
{
    size_t n = r->out == NULL ? 0 : strlen(r->out);
    if (n < 5 || strcmp(r->out + n - 5, ".gguf") != 0)
        return hg_error_set(err, HG_STATUS_USAGE, "'%.200s': a package's name must end in .gguf",
                            r->out == NULL ? "" : r->out);
    if (r->n_threads < 0 || r->n_threads > MAX_THREADS)
        return hg_error_set(err, HG_STATUS_USAGE, "%d threads: 0 (all processors) to %d", r->n_threads,
                            MAX_THREADS);
    if (r->adapters_only && (r->base == NULL || !hg_file_exists(r->base) || hg_path_name(r->base)[0] == '.'))
        return hg_error_set(err, HG_STATUS_USAGE,
                            "adapters only: the base must be the GGUF file that will lie beside the package");
    return HG_STATUS_OK;
}

static hg_status convert_source(hg_source *s, const hg_convert_request *r, const hg_tensor_types *types,
                                hg_convert_result *result, hg_error *err)
{
    source_files files;
    if (!r->for_training && s->missing_for_ask[0] != 0 && s->missing_for_draw[0] != 0)
        return hg_error_set(err, HG_STATUS_INPUT, "missing %s", s->missing_for_ask);
    hg_status status = apply_notes(&s->manifest, r, err);
    if (status == HG_STATUS_OK)
        status = check_by_loading(s, err);
    if (status != HG_STATUS_OK)
        return status;
    status = files_init(&files, s, err);
    if (status == HG_STATUS_OK) {
        files_inherit(&files, s);
        if (!r->no_hashes)
            status = files_hash(&files, &r->progress, err);
    }
    const hg_package_options options = {.out = r->out,
                                        .types = types,
                                        .base_file = r->adapters_only ? hg_path_name(r->base) : NULL,
                                        .provenance = files.items,
                                        .n_provenance = files.n,
                                        .n_threads = r->n_threads,
                                        .progress = &r->progress};
    if (status == HG_STATUS_OK)
        status = hg_package_write(s, &options, result, err);
    files_deinit(&files);
    return status;
}

hg_status hg_model_convert(const hg_convert_request *request, hg_convert_result *result, hg_error *err)
{
    hg_tensor_types types;
    *result = (hg_convert_result){.n_tensors = 0};
    hg_status status = check_request(request, err);
    if (status == HG_STATUS_OK)
        status = hg_tensor_types_init(&types, &request->types, err);
    hg_source *s = status == HG_STATUS_OK ? hg_mem_array(1, sizeof *s) : NULL;
    if (s == NULL)
        return status == HG_STATUS_OK ? hg_error_memory(err, sizeof *s, "a model") : status;
    const hg_source_paths paths = {.model = request->model,
                                   .base = request->base,
                                   .clip = request->clip,
                                   .com = request->com,
                                   .gen = request->gen,
                                   .fusion = request->fusion,
                                   .vqgan = request->vqgan,
                                   .keep_incomplete = request->for_training};
    status = hg_source_open(s, &paths, err);
    if (status == HG_STATUS_OK) {
        status = convert_source(s, request, &types, result, err);
        hg_source_close(s);
    }
    hg_mem_free(s);
    return status;
}
