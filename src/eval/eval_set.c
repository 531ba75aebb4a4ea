/* SPDX-License-Identifier: Apache-2.0
 *
 * eval_set.c: goes through a list in its order, makes a record of every item, and sums them up. The result is
 * made from records alone, so that it does not matter in how many runs they were made.
 */
#include "eval/eval_run.h"

#include "base/file.h"
#include "base/memory.h"
#include "data/phantom_random.h"
#include "eval/answer_score.h"
#include "package/file_hash.h"

#include <string.h>

#define RESULT_MAX_BYTES ((size_t)64 << 20)

bool hg_eval_run_report(void *user, const char *stage, int64_t done, int64_t total)
{
    const hg_eval_run *run = user;
    const hg_progress *p = &run->request->progress;
    (void)stage; /* of the item; the bar counts items */
    (void)done;
    (void)total;
    return p->report == NULL || p->report(p->user, "items", (int64_t)run->done, (int64_t)run->total);
}

/* The k-th of `total` items spread over n: one of each of `total` equal stretches. Where in the stretch is
 * decided by a hash: the first of each would meet the same question of each patient again and again. */
static size_t sample_index(size_t k, size_t total, size_t n)
{
    size_t begin = (size_t)((__extension__(unsigned __int128) k * n) / total);
    size_t end = (size_t)((__extension__(unsigned __int128)(k + 1) * n) / total);
    return begin + (size_t)(hg_phantom_hash(total, k) % (end - begin));
}

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

/* ---- items ---- */

static json_t *begin_record(const hg_eval_run *run, size_t index, const json_t *item)
{
    static const char *const keys[] = {"id",      "task",     "answer_type", "question_type",
                                       "wording", "modality", "part",        "license"};
    json_t *record = json_pack("{s:I, s:I}", "index", (json_int_t)index, "line",
                               (json_int_t)hg_llava_line(run->set, index));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *value = json_object_get(item, keys[i]);
        if (json_is_string(value))
            json_object_set(record, keys[i], value);
    }
    return record;
}

/* A published list may not name tasks and kinds of answers; what they are can be told from the item. */
static void complete_record(json_t *record, const hg_llava_item *item)
{
    const char *truth = item->n_turns > 0 ? item->turns[0].answer : "";
    if (!item->draws)
        json_object_set_new(record, "task", json_string("comprehension"));
    if (!item->draws && json_object_get(record, "answer_type") == NULL) {
        hg_answer_kind kind = hg_answer_kind_of(item->turns[0].question, truth);
        json_object_set_new(record, "answer_type",
                            json_string(kind == HG_ANSWER_KIND_YES_NO   ? "CLOSED"
                                        : kind == HG_ANSWER_KIND_CHOICE ? "CHOICE"
                                                                        : "OPEN"));
    }
    if (item->draws && json_object_get(record, "task") == NULL)
        json_object_set_new(record, "task", json_string("(drawing without a task)"));
}

static json_t *skipped_task(const hg_eval_run *run, const json_t *record)
{
    return json_object_get(run->skipped, json_string_value(json_object_get(record, "task")));
}

/* One more item of a task that the model cannot do. */
static void count_skipped(hg_eval_run *run, const json_t *record, const char *why)
{
    json_t *task = skipped_task(run, record);
    json_int_t n = json_integer_value(json_object_get(task, "n"));
    if (task == NULL) {
        task = json_pack("{s:s}", "why", why);
        json_object_set_new(run->skipped, json_string_value(json_object_get(record, "task")), task);
    }
    json_object_set_new(task, "n", json_integer(n + 1));
}

/* Fills a record. HG_STATUS_TASK: the model cannot do it. */
static hg_status do_item(hg_eval_run *run, size_t index, json_t *record, hg_error *err)
{
    hg_llava_item item;
    hg_status status = hg_llava_read(run->set, index, &item, err);
    if (status != HG_STATUS_OK)
        return status;
    complete_record(record, &item);
    if (skipped_task(run, record) != NULL)
        status = HG_STATUS_TASK;
    else if (item.draws && run->request->instead != NULL)
        status = hg_error_set(err, HG_STATUS_TASK, "only questions are asked about other pictures");
    else
        status = item.draws ? hg_eval_draw(run, &item, record, err) : hg_eval_ask(run, &item, record, err);
    hg_llava_item_deinit(&item);
    return status;
}

static hg_status one_item(hg_eval_run *run, size_t index, hg_error *err)
{
    json_t *json;
    hg_error why = {HG_STATUS_OK, ""};
    hg_status status = hg_llava_parse(run->set, index, &json, &why);
    json_t *record = begin_record(run, index, status == HG_STATUS_OK ? json : NULL);
    if (status == HG_STATUS_OK) {
        json_decref(json);
        status = do_item(run, index, record, &why);
    }
    if (status == HG_STATUS_TASK) {
        count_skipped(run, record, why.text);
        json_decref(record);
        return HG_STATUS_OK;
    }
    if (status == HG_STATUS_FAILED) {
        json_decref(record);
        return hg_error_set(err, status, "%s", why.text);
    }
    if (status != HG_STATUS_OK) { /* the item's fault: told, and counted */
        json_object_del(record, "scores");
        json_object_set_new(record, "error", json_string(why.text));
    }
    return hg_eval_log_push(run, record, err);
}

static hg_status do_items(hg_eval_run *run, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    size_t n = hg_llava_n_items(run->set), earlier = 0, n_earlier = json_array_size(run->records);
    size_t limit = run->request->limit;
    run->total = limit > 0 && limit < n ? limit : n;
    for (run->done = 0; run->done < run->total && status == HG_STATUS_OK; run->done++) {
        size_t index = sample_index(run->done, run->total, n);
        const json_t *next = earlier < n_earlier ? json_array_get(run->records, earlier) : NULL;
        if (next != NULL && (size_t)json_integer_value(json_object_get(next, "index")) == index) {
            earlier++;
            continue;
        }
        if (!hg_eval_run_report(run, NULL, 0, 0))
            return hg_error_set(err, HG_STATUS_FAILED, "cancelled");
        status = one_item(run, index, err);
    }
    if (status == HG_STATUS_OK)
        hg_eval_run_report(run, NULL, 0, 0);
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
        status = hg_session_create(&run.session, model, err);
    if (status == HG_STATUS_OK)
        status = hg_eval_log_open(&run, err);
    if (status == HG_STATUS_OK)
        status = do_items(&run, err);
    hg_eval_log_close(&run);
    if (status == HG_STATUS_OK)
        status = finish(&run, json, err);
    hg_session_destroy(run.session);
    hg_llava_close(run.set);
    json_decref(run.records);
    json_decref(run.skipped);
    json_decref(run.settings);
    return status;
}
