/* SPDX-License-Identifier: Apache-2.0
 *
 * eval_set.c: opens what a run needs, and sums up the records of its items. The result is made from records
 * alone, so that it does not matter in how many runs they were made.
 */
#include "eval/eval_run.h"

#include "base/file.h"
#include "base/memory.h"
#include "data/phantom_random.h"
#include "eval/answer_score.h"
#include "package/file_hash.h"

#include <string.h>

#define RESULT_MAX_BYTES ((size_t)64 << 20)

static hg_status describe_run(hg_eval_run *run, hg_error *err)
{
    const hg_eval_set_request *r = run->request;
    char hash[HG_FILE_HASH_BYTES];
    hg_hash_progress unseen = {.progress = NULL};
    hg_status status = hg_file_hash(r->data, hash, &unseen, err);
    if (status != HG_STATUS_OK)
        return status;
    int max_tokens = r->max_tokens > 0 ? r->max_tokens : HG_EVAL_MAX_TOKENS;
    run->settings = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:{s:s, s:s, s:s, s:b}}", "list", hg_path_name(r->data), "list_sha256",
        hash, "items_in_list", (json_int_t)hg_llava_n_items(run->set), "limit", (json_int_t)r->limit,
        "max_tokens", (json_int_t)max_tokens, "model", "name", hg_model_get_name(run->model), "asking_sha256",
        hg_model_get_plugin_hash(run->model, false), "drawing_sha256",
        hg_model_get_plugin_hash(run->model, true), "random_weights", (int)hg_model_is_random(run->model));
    if (r->instead != NULL)
        json_object_set_new(run->settings, "instead", json_string(r->instead));
    return run->settings != NULL
               ? HG_STATUS_OK
               : hg_error_set(err, HG_STATUS_INPUT, "%s: its name or the model's is not UTF-8", r->data);
}

static hg_status open_sessions(hg_eval_run *run, hg_error *err)
{
    const int together = run->request->together;
    const size_t n = together > 0 ? (size_t)together : hg_requests_advised(run->model);
    if (together < 0 || n > HG_REQUESTS_MAX)
        return hg_error_set(err, HG_STATUS_USAGE, "%d items together are not possible: 1 to %d", together,
                            HG_REQUESTS_MAX);
    hg_status status = HG_STATUS_OK;
    while (run->n_sessions < n && status == HG_STATUS_OK) {
        status = hg_session_create(&run->sessions[run->n_sessions], run->model, err);
        run->n_sessions += status == HG_STATUS_OK;
    }
    return status;
}

/* ---- the result ---- */

static json_t *count_licenses(const json_t *records)
{
    json_t *record, *out = json_object();
    size_t i;
    json_array_foreach(records, i, record)
    {
        const char *name = json_string_value(json_object_get(record, "license"));
        name = name == NULL ? "not said" : name;
        json_object_set_new(out, name, json_integer(json_integer_value(json_object_get(out, name)) + 1));
    }
    return out;
}

static json_t *make_result(const hg_eval_run *run)
{
    json_t *record;
    size_t i, failed = 0;
    json_array_foreach(run->records, i, record) failed += json_object_get(record, "error") != NULL;
    return json_pack("{s:O, s:I, s:I, s:O, s:o, s:o, s:o}", "settings", run->settings, "n",
                     (json_int_t)json_array_size(run->records), "failed", (json_int_t)failed, "skipped",
                     run->skipped, "licenses", count_licenses(run->records), "comprehension",
                     hg_eval_questions(run->records), "drawing", hg_eval_drawings(run->records));
}

/* *text: the caller frees it with hg_mem_free. */
static hg_status result_text(const json_t *result, char **text, hg_error *err)
{
    size_t n = json_dumpb(result, NULL, 0, JSON_INDENT(2));
    *text = n > 0 && n < RESULT_MAX_BYTES ? hg_mem_alloc(n + 1) : NULL;
    if (*text == NULL)
        return hg_error_memory(err, n, "the result");
    json_dumpb(result, *text, n, JSON_INDENT(2));
    (*text)[n] = 0;
    return HG_STATUS_OK;
}

static hg_status write_result(const hg_eval_run *run, const json_t *result, const char *text, hg_error *err)
{
    char path[HG_PATH_BYTES];
    if (run->request->out == NULL)
        return HG_STATUS_OK;
    hg_status status = hg_path_join(path, run->request->out, "result.json", err);
    if (status == HG_STATUS_OK)
        status = hg_file_write(path, text, strlen(text), err);
    return status == HG_STATUS_OK ? hg_eval_page_write(run, result, err) : status;
}

static hg_status finish(const hg_eval_run *run, char **json, hg_error *err)
{
    if (json_array_size(run->records) == 0 && json_object_size(run->skipped) > 0) {
        const json_t *first = json_object_iter_value(json_object_iter(run->skipped));
        return hg_error_set(err, HG_STATUS_TASK, "nothing of the list can be evaluated: %s",
                            json_string_value(json_object_get(first, "why")));
    }
    json_t *result = make_result(run);
    if (result == NULL)
        return hg_error_memory(err, 0, "the result");
    hg_status status = result_text(result, json, err);
    if (status == HG_STATUS_OK)
        status = write_result(run, result, *json, err);
    if (status != HG_STATUS_OK) {
        hg_mem_free(*json);
        *json = NULL;
    }
    json_decref(result);
    return status;
}

hg_status hg_eval_set(hg_model *model, const hg_eval_set_request *request, char **json, hg_error *err)
{
    hg_eval_run run = {.request = request, .model = model, .records = json_array(), .skipped = json_object()};
    *json = NULL;
    hg_status status = hg_eval_wrong_check(request->instead, err);
    if (status == HG_STATUS_OK)
        status = hg_llava_open(&run.set, request->data, request->images, err);
    if (status == HG_STATUS_OK && hg_llava_n_items(run.set) == 0)
        status = hg_error_set(err, HG_STATUS_INPUT, "%s: no items", request->data);
    if (status == HG_STATUS_OK)
        status = describe_run(&run, err);
    if (status == HG_STATUS_OK)
        status = open_sessions(&run, err);
    if (status == HG_STATUS_OK)
        status = hg_eval_log_open(&run, err);
    if (status == HG_STATUS_OK)
        status = hg_eval_items(&run, err);
    hg_eval_log_close(&run);
    if (status == HG_STATUS_OK)
        status = finish(&run, json, err);
    for (size_t i = 0; i < run.n_sessions; i++)
        hg_session_destroy(run.sessions[i]);
    hg_llava_close(run.set);
    json_decref(run.records);
    json_decref(run.skipped);
    json_decref(run.settings);
    return status;
}
