/* SPDX-License-Identifier: Apache-2.0
 *
 * eval_run.h: an evaluation as it goes on: what items of a list became with a model. Each item is a record, a
 * JSON object, the same in memory and as a line of items.jsonl:
 *
 *   {"index": 12, "line": 14, "id": "...", "task": "comprehension", "answer_type": "CLOSED",
 *    "question_type": "...", "part": "...", "wording": "...", "license": "...", "question": "...",
 *    "truth": "...", "answer": "...", "stop": "end", "read": "y",
 *    "scores": {"correct": true, "recall": 1.0, "f1": 1.0}}
 *   {"index": 13, ..., "task": "ct-to-mri", "question": "...", "truth": "b.png", "answer":
 * "drawn/000013.png", "resized": false, "scores": {"drawn": {"ssim": 0.5, "psnr": 20.1, "mae": 9.0}, "input":
 * {...}, "ceiling": {...}}}
 *   {"index": 14, ..., "error": "why it could not be scored"}
 *
 * Names of patients are not carried over.
 */
#ifndef HG_EVAL_EVAL_RUN_H
#define HG_EVAL_EVAL_RUN_H

#include "base/error.h"
#include "data/llava_json.h"
#include "image/pixels.h"

#include <healthgpt/eval.h>
#include <healthgpt/healthgpt.h>

#include <jansson.h>
#include <stdio.h>

#define HG_EVAL_MAX_TOKENS 128 /* of an answer, when the request does not say */

typedef struct hg_eval_run {
    const hg_eval_set_request *request;
    hg_model *model;
    hg_session *sessions[HG_REQUESTS_MAX]; /* one for each of the items that are done at once */
    size_t n_sessions;
    hg_llava_set *set;
    json_t *settings; /* what must be the same for results to belong together */
    json_t *records;  /* of the items done, in file order */
    json_t *skipped;  /* by task: {"n": , "why": } of what this model cannot do */
    FILE *log;        /* items.jsonl; NULL without a folder */
    size_t done, total;
} hg_eval_run;

/* Tells the caller how far the run is: false to stop. For hg_progress, with the run as `user`. */
bool hg_eval_run_report(void *user, const char *stage, int64_t done, int64_t total);

/* Makes a record of every item of the list, or of as many as the request says, but for those that are there.
 * An item that fails is a record, too. */
hg_status hg_eval_items(hg_eval_run *run, hg_error *err) HG_MUST_CHECK;

/* An item that is being done. */
typedef struct hg_eval_item {
    size_t index; /* in the list */
    hg_llava_item item;
    json_t *record;
    hg_image *images[HG_LLAVA_MAX_IMAGES];
    hg_image truth; /* of a drawing: 8 bits and no alpha */
    hg_ask_request ask;
    hg_draw_request draw;
    hg_request request; /* and its status, also when it could not be made */
} hg_eval_item;

/* Opens the pictures of a question, or a drawing, and makes its request, which is to be run in
 * item->request.session. HG_STATUS_INPUT or _USAGE: the item cannot be scored; HG_STATUS_TASK: the model
 * cannot do it. */
hg_status hg_eval_ask_begin(hg_eval_run *run, hg_eval_item *item, hg_error *err) HG_MUST_CHECK;
hg_status hg_eval_draw_begin(hg_eval_run *run, hg_eval_item *item, hg_error *err) HG_MUST_CHECK;

/* Adds answer and scores to its record, once the request has been run without an error. */
hg_status hg_eval_ask_end(hg_eval_item *item, hg_error *err) HG_MUST_CHECK;
hg_status hg_eval_draw_end(const hg_eval_run *run, hg_eval_item *item, hg_error *err) HG_MUST_CHECK;

/* Pictures that show nothing, in the place of an item's own (hg_eval_set_request.instead): "black", "white",
 * "grey", "noise", "gradient". `out` (empty) becomes RGB of 8 bits; noise and gradients differ from item to
 * item. The check is HG_STATUS_USAGE for another name; NULL is none, and allowed. */
hg_status hg_eval_wrong_check(const char *name, hg_error *err) HG_MUST_CHECK;
hg_status hg_eval_wrong_make(hg_image *out, const char *name, int width, int height, size_t index,
                             hg_error *err) HG_MUST_CHECK;

/* Whether the question of the record is one whose only true answer about such a picture is No. */
bool hg_eval_wrong_denies(const json_t *record);

/* Opens the run's items.jsonl. With request->resume, lines of an earlier run with the same settings become
 * records (a last line that was cut short is dropped); without it there must be none. */
hg_status hg_eval_log_open(hg_eval_run *run, hg_error *err) HG_MUST_CHECK;
/* Keeps a record (which is taken over), on the disk first. */
hg_status hg_eval_log_push(hg_eval_run *run, json_t *record, hg_error *err) HG_MUST_CHECK;
void hg_eval_log_close(hg_eval_run *run);

/* What records come to, by groups; NULL when memory is short. */
json_t *hg_eval_questions(const json_t *records);
json_t *hg_eval_drawings(const json_t *records);

/* Writes FOLDER/index.html: the tables of `result`, and sample pictures. */
hg_status hg_eval_page_write(const hg_eval_run *run, const json_t *result, hg_error *err) HG_MUST_CHECK;

#endif
