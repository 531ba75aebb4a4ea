/* SPDX-License-Identifier: Apache-2.0
 *
 * eval_items.c: goes through a list in its order and makes a record of every item: as many items at once as
 * there are sessions.
 */
#include "eval/eval_run.h"

#include "data/phantom_random.h"
#include "eval/answer_score.h"

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

/* Reads an item and makes its request. HG_STATUS_TASK: the model cannot do it. */
static hg_status prepare(hg_eval_run *run, hg_eval_item *item, hg_error *err)
{
    hg_status status = hg_llava_read(run->set, item->index, &item->item, err);
    if (status != HG_STATUS_OK)
        return status;
    complete_record(item->record, &item->item);
    if (skipped_task(run, item->record) != NULL)
        return HG_STATUS_TASK;
    if (item->item.draws && run->request->instead != NULL)
        return hg_error_set(err, HG_STATUS_TASK, "only questions are asked about other pictures");
    return item->item.draws ? hg_eval_draw_begin(run, item, err) : hg_eval_ask_begin(run, item, err);
}

static void begin_item(hg_eval_run *run, hg_eval_item *item)
{
    json_t *json;
    hg_request *r = &item->request;
    r->status = hg_llava_parse(run->set, item->index, &json, &r->error);
    item->record = begin_record(run, item->index, r->status == HG_STATUS_OK ? json : NULL);
    if (r->status != HG_STATUS_OK)
        return;
    json_decref(json);
    r->status = prepare(run, item, &r->error);
}

static void free_item(hg_eval_item *item)
{
    for (size_t i = 0; i < HG_LLAVA_MAX_IMAGES; i++)
        hg_image_close(item->images[i]);
    hg_image_deinit(&item->truth);
    hg_ask_result_free(&item->request.answer);
    hg_draw_result_free(&item->request.drawing);
    hg_llava_item_deinit(&item->item);
    json_decref(item->record);
}

/* What came of it, to the records. An error is the run's. */
static hg_status end_item(hg_eval_run *run, hg_eval_item *item, hg_error *err)
{
    hg_request *r = &item->request;
    json_t *record = item->record;
    if (r->status == HG_STATUS_OK)
        r->status =
            r->ask != NULL ? hg_eval_ask_end(item, &r->error) : hg_eval_draw_end(run, item, &r->error);
    if (r->status == HG_STATUS_TASK) {
        count_skipped(run, record, r->error.text);
        return HG_STATUS_OK;
    }
    if (r->status == HG_STATUS_FAILED)
        return hg_error_set(err, r->status, "%s", r->error.text);
    if (r->status != HG_STATUS_OK) { /* the item's fault: told, and counted */
        json_object_del(record, "scores");
        json_object_set_new(record, "error", json_string(r->error.text));
    }
    item->record = NULL;
    return hg_eval_log_push(run, record, err);
}

/* Runs the requests of those that have one. */
static hg_status run_items(hg_eval_run *run, hg_eval_item *items, size_t n, hg_error *err)
{
    hg_request requests[HG_REQUESTS_MAX];
    size_t n_requests = 0, next = 0;
    for (size_t i = 0; i < n; i++) {
        begin_item(run, &items[i]);
        if (items[i].request.status != HG_STATUS_OK)
            continue;
        items[i].request.session = run->sessions[n_requests];
        requests[n_requests++] = items[i].request;
    }
    hg_status status = hg_requests_run(requests, n_requests, err);
    for (size_t i = 0; i < n; i++) {
        if (items[i].request.status == HG_STATUS_OK)
            items[i].request = requests[next++];
    }
    for (size_t i = 0; i < n && status == HG_STATUS_OK; i++) {
        status = end_item(run, &items[i], err);
        run->done += status == HG_STATUS_OK;
    }
    return status;
}

/* Items of these indices, in their order. */
static hg_status do_items(hg_eval_run *run, const size_t *indices, size_t n, hg_error *err)
{
    hg_eval_item items[HG_REQUESTS_MAX];
    if (!hg_eval_run_report(run, NULL, 0, 0))
        return hg_error_set(err, HG_STATUS_FAILED, "cancelled");
    for (size_t i = 0; i < n; i++) {
        items[i] = (hg_eval_item){.index = indices[i]};
        hg_image_init(&items[i].truth);
    }
    hg_status status = run_items(run, items, n, err);
    for (size_t i = 0; i < n; i++)
        free_item(&items[i]);
    return status;
}

hg_status hg_eval_items(hg_eval_run *run, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    size_t indices[HG_REQUESTS_MAX], waiting = 0;
    size_t n = hg_llava_n_items(run->set), earlier = 0, n_earlier = json_array_size(run->records);
    size_t limit = run->request->limit;
    run->total = limit > 0 && limit < n ? limit : n;
    for (size_t k = 0; k < run->total && status == HG_STATUS_OK; k++) {
        size_t index = sample_index(k, run->total, n);
        const json_t *next = earlier < n_earlier ? json_array_get(run->records, earlier) : NULL;
        if (next != NULL && (size_t)json_integer_value(json_object_get(next, "index")) == index) {
            earlier++;
            run->done++;
            continue;
        }
        indices[waiting++] = index;
        if (waiting < run->n_sessions)
            continue;
        status = do_items(run, indices, waiting, err);
        waiting = 0;
    }
    if (status == HG_STATUS_OK && waiting > 0)
        status = do_items(run, indices, waiting, err);
    if (status == HG_STATUS_OK)
        hg_eval_run_report(run, NULL, 0, 0);
    return status;
}
