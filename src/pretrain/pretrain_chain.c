/* SPDX-License-Identifier: Apache-2.0
 *
 * pretrain_chain.c: parts from nothing, one after the other, and the model that they and the stages of
 * training make. Like that chain (train_chain.c) it has no state but its folders: finished.json says that a
 * part is whole, settings.txt what it was made with.
 */
#include "base/file.h"
#include "base/memory.h"
#include "pretrain/pretrain_settings.h"
#include "train/chain_record.h"
#include "train/reduce.h"
#include "train/train_settings.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define FINISHED "finished.json"
/* The largest file that is copied: a part of a small model. */
#define COPY_MAX_BYTES ((size_t)1 << 32)

/* Where each part lies in its stage's folder and in a model; the tokenizer's goes with the language model. */
static const char *const part_folders[HG_PRETRAIN_STAGE_COUNT] = {"base", "vqgan", "clip", "base"};
static const char *const plugin_files[] = {"com_hlora_weights.bin", "gen_hlora_weights.bin",
                                           "fusion_layer_weights.bin"};

static hg_status join(char out[HG_PATH_BYTES], const char *a, const char *b, const char *c, hg_error *err)
{
    char folder[HG_PATH_BYTES];
    hg_status status = hg_path_join(folder, a, b, err);
    return status == HG_STATUS_OK ? hg_path_join(out, folder, c, err) : status;
}

/* ---- copies ---- */

static hg_status copy_file(const char *from, const char *to, hg_error *err)
{
    hg_buffer bytes;
    hg_buffer_init(&bytes, COPY_MAX_BYTES);
    hg_status status = hg_file_read(from, &bytes, err);
    if (status == HG_STATUS_OK)
        status = hg_file_write(to, bytes.data, bytes.size, err);
    hg_buffer_deinit(&bytes);
    return status;
}

typedef struct folder_copy {
    const char *from, *to;
} folder_copy;

static hg_status copy_one(void *user, const char *name, hg_error *err)
{
    const folder_copy *copy = user;
    char from[HG_PATH_BYTES], to[HG_PATH_BYTES];
    hg_status status = hg_path_join(from, copy->from, name, err);
    if (status == HG_STATUS_OK)
        status = hg_path_join(to, copy->to, name, err);
    return status == HG_STATUS_OK ? copy_file(from, to, err) : status;
}

/* The files of a folder, each of them whole or not at all. */
static hg_status copy_folder(const char *from, const char *to, hg_error *err)
{
    folder_copy copy = {from, to};
    hg_status status = hg_folder_create(to, err);
    return status == HG_STATUS_OK ? hg_folder_list(from, copy_one, &copy, err) : status;
}

/* ---- one part ---- */

static bool lies_in(const char *folder, const char *name)
{
    char path[HG_PATH_BYTES];
    return hg_path_join(path, folder, name, NULL) == HG_STATUS_OK && hg_file_exists(path);
}

static hg_status add_data(hg_buffer *record, const char *paths, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    for (const char *path = paths; *path != 0 && status == HG_STATUS_OK;) {
        char one[HG_PATH_BYTES];
        size_t n = strcspn(path, ",");
        snprintf(one, sizeof one, "%.*s", (int)n, path);
        status = hg_chain_record_add_file(record, "data", one, err);
        path += path[n] == ',' ? n + 1 : n;
    }
    return status;
}

/* What the part is made from: settings, data, and for a language model its tokenizer. */
static hg_status keep_record(const hg_pretrain_settings *s, bool resume, hg_error *err)
{
    char text[4096], tokenizer[HG_PATH_BYTES] = "";
    hg_buffer record;
    hg_status status = HG_STATUS_OK;
    hg_buffer_init(&record, HG_CHAIN_RECORD_MAX_BYTES);
    hg_pretrain_settings_format(s, text, sizeof text);
    for (char *at = text; (at = strstr(at, ", ")) != NULL;) /* one setting a line */
        memcpy(at, "\n ", 2);
    if (!hg_buffer_push_text(&record, text) || !hg_buffer_push_text(&record, "\n"))
        status = hg_error_memory(err, record.max_bytes, "the record of a stage");
    if (status == HG_STATUS_OK)
        status = add_data(&record, s->data, err);
    if (status == HG_STATUS_OK && s->tokenizer[0] != 0)
        status = hg_path_join(tokenizer, s->tokenizer, "tokenizer.json", err);
    if (status == HG_STATUS_OK)
        status = hg_chain_record_add_file(&record, "tokenizer", tokenizer, err);
    if (status == HG_STATUS_OK)
        status = hg_chain_record_keep(s->out, FINISHED, &record, resume, err);
    hg_buffer_deinit(&record);
    return status;
}

static hg_status save_finished(const hg_pretrain_settings *s, const hg_pretrain_result *r, hg_error *err)
{
    char path[HG_PATH_BYTES], text[1024];
    int n = snprintf(text, sizeof text, "{\"stage\": \"%s\", \"steps\": %lld, \"weights\": %lld}\n",
                     hg_pretrain_stage_name(s->stage), (long long)r->n_steps, (long long)r->n_weights);
    hg_status status = hg_path_join(path, s->out, FINISHED, err);
    return status == HG_STATUS_OK ? hg_file_write(path, text, (size_t)n, err) : status;
}

static void chain_note(const hg_train_listener *l, hg_pretrain_stage stage, const char *what)
{
    char text[96];
    snprintf(text, sizeof text, "stage %s %s", hg_pretrain_stage_name(stage), what);
    if (l != NULL && l->on_note != NULL)
        l->on_note(l->user, text);
}

/* Makes the part in OUT/STAGE unless it is there, and puts it into OUT/model. `all` says how: whether what is
 * there is continued, and whether what was begun ends where it is. */
static hg_status run_part(const hg_pretrain_settings *given, const hg_train_settings *all,
                          const hg_train_listener *listener, hg_pretrain_result *result, hg_error *err)
{
    const char *out = all->out;
    bool resume = all->resume == 1;
    char from[HG_PATH_BYTES], to[HG_PATH_BYTES];
    const char *name = hg_pretrain_stage_name(given->stage), *part = part_folders[given->stage];
    hg_pretrain_settings *s = hg_mem_alloc(sizeof *s);
    if (s == NULL)
        return hg_error_memory(err, sizeof *s, "the settings of training");
    *s = *given;
    s->resume = resume;
    hg_status status = hg_path_join(s->out, out, name, err);
    s->finish = all->finish == 1 && lies_in(s->out, "checkpoint.safetensors");
    if (status == HG_STATUS_OK && s->stage == HG_PRETRAIN_STAGE_LM && s->tokenizer[0] == 0)
        status = join(s->tokenizer, out, hg_pretrain_stage_name(HG_PRETRAIN_STAGE_TOKENIZER), "base", err);
    if (status == HG_STATUS_OK)
        status = keep_record(s, resume, err);
    bool finished = resume && lies_in(s->out, FINISHED);
    if (status == HG_STATUS_OK)
        chain_note(listener, s->stage, finished ? "was finished before" : "begins");
    if (status == HG_STATUS_OK && !finished)
        status = hg_pretrain_run(s, listener, result, err);
    if (status == HG_STATUS_OK && !finished)
        status = save_finished(s, result, err);
    if (status == HG_STATUS_OK)
        status = hg_path_join(from, s->out, part, err);
    if (status == HG_STATUS_OK)
        status = join(to, out, "model", part, err);
    if (status == HG_STATUS_OK)
        status = copy_folder(from, to, err);
    if (status != HG_STATUS_OK)
        hg_error_prefix(err, status, "stage %s", name);
    hg_mem_free(s);
    return status;
}

/* ---- the models ---- */

/* healthgpt.json: the system prompt that the language model has learnt with. */
static hg_status write_manifest(const char *out, const hg_pretrain_settings *lm, hg_error *err)
{
    char path[HG_PATH_BYTES];
    hg_status status = join(path, out, "model", "healthgpt.json", err);
    json_t *json = json_pack("{s:s}", "system_prompt", lm->system);
    char *text = json == NULL ? NULL : json_dumps(json, JSON_INDENT(2));
    json_decref(json);
    if (status == HG_STATUS_OK)
        status = text == NULL ? hg_error_memory(err, sizeof lm->system, "healthgpt.json")
                              : hg_file_write(path, text, strlen(text), err);
    hg_mem_free(text);
    return status;
}

/* The latest file of a name that a stage has left, the best one where validation chose; false: none. */
static bool find_plugin(char found[HG_PATH_BYTES], const char *out, const char *name)
{
    for (int stage = HG_TRAIN_CHAIN_COUNT - 1; stage >= 0; stage--) {
        char folder[HG_PATH_BYTES];
        if (hg_path_join(folder, out, hg_train_stage_name((hg_train_stage)stage), NULL) != HG_STATUS_OK)
            return false;
        if (join(found, folder, "best", name, NULL) == HG_STATUS_OK && hg_file_exists(found))
            return true;
        if (hg_path_join(found, folder, name, NULL) == HG_STATUS_OK && hg_file_exists(found))
            return true;
    }
    return false;
}

/* OUT/result: the parts of OUT/model with what was trained on top of them. */
static hg_status make_result(const char *out, hg_error *err)
{
    static const char *const folders[] = {"base", "clip", "vqgan"};
    char from[HG_PATH_BYTES], to[HG_PATH_BYTES];
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; i < sizeof folders / sizeof *folders && status == HG_STATUS_OK; i++) {
        status = join(from, out, "model", folders[i], err);
        if (status == HG_STATUS_OK)
            status = join(to, out, "result", folders[i], err);
        if (status == HG_STATUS_OK && hg_folder_exists(from))
            status = copy_folder(from, to, err);
    }
    for (size_t i = 0; i < sizeof plugin_files / sizeof *plugin_files && status == HG_STATUS_OK; i++) {
        if (!find_plugin(from, out, plugin_files[i]))
            continue;
        status = join(to, out, "result", plugin_files[i], err);
        if (status == HG_STATUS_OK)
            status = copy_file(from, to, err);
    }
    if (status == HG_STATUS_OK)
        status = join(from, out, "model", "healthgpt.json", err);
    if (status == HG_STATUS_OK)
        status = join(to, out, "result", "healthgpt.json", err);
    return status == HG_STATUS_OK && hg_file_exists(from) ? copy_file(from, to, err) : status;
}

/* ---- all ---- */

static hg_status check_all(const hg_train_settings *first, hg_error *err)
{
    if (first->out[0] == 0)
        return hg_error_set(err, HG_STATUS_USAGE, "training: 'out' is not set");
    if (first->model[0] != 0)
        return hg_error_set(err, HG_STATUS_USAGE,
                            "training: the parts that are made from nothing go to OUT/model, which the "
                            "stages train: leave 'model' out");
    if (hg_reduce_is_launched())
        return hg_error_set(err, HG_STATUS_USAGE,
                            "training: parts are made from nothing by one process: run this without mpirun");
    return HG_STATUS_OK;
}

static hg_status run_stages(hg_train_settings *const stages[HG_TRAIN_CHAIN_COUNT],
                            const hg_train_listener *listener, hg_train_result *results, hg_error *err)
{
    bool any = false;
    char model[HG_PATH_BYTES];
    hg_status status = hg_path_join(model, stages[0]->out, "model", err);
    for (int i = 0; i < HG_TRAIN_CHAIN_COUNT; i++) {
        memcpy(stages[i]->model, model, sizeof model);
        any = any || stages[i]->data[0] != 0;
    }
    if (status == HG_STATUS_OK && any)
        status = hg_train_run_all(stages, listener, results, err);
    return status == HG_STATUS_OK ? make_result(stages[0]->out, err) : status;
}

hg_status hg_pretrain_run_all(hg_pretrain_settings *const parts[HG_PRETRAIN_STAGE_COUNT],
                              hg_train_settings *const stages[HG_TRAIN_CHAIN_COUNT],
                              const hg_train_listener *listener,
                              hg_pretrain_result part_results[HG_PRETRAIN_STAGE_COUNT],
                              hg_train_result stage_results[HG_TRAIN_CHAIN_COUNT], hg_error *err)
{
    bool any = false;
    for (int i = 0; i < HG_PRETRAIN_STAGE_COUNT; i++) {
        part_results[i] = (hg_pretrain_result){0};
        any = any || parts[i]->data[0] != 0;
    }
    for (int i = 0; i < HG_TRAIN_CHAIN_COUNT; i++)
        stage_results[i] = (hg_train_result){0};
    if (!any)
        return hg_train_run_all(stages, listener, stage_results, err);
    const char *out = stages[0]->out;
    hg_status status = check_all(stages[0], err);
    for (int i = 0; i < HG_PRETRAIN_STAGE_COUNT && status == HG_STATUS_OK; i++) {
        if (parts[i]->data[0] == 0)
            chain_note(listener, (hg_pretrain_stage)i, "has no data and is left out");
        else
            status = run_part(parts[i], stages[0], listener, &part_results[i], err);
    }
    if (status == HG_STATUS_OK)
        status = write_manifest(out, parts[HG_PRETRAIN_STAGE_LM], err);
    return status == HG_STATUS_OK ? run_stages(stages, listener, stage_results, err) : status;
}
