/* SPDX-License-Identifier: Apache-2.0
 *
 * eval_ask.c: one question of a list: asked greedily, with its images, and scored by words.
 */
#include "eval/eval_run.h"

#include "eval/answer_score.h"
#include "image/pixels.h"

#include <healthgpt/healthgpt.h>

/* Whatever is asked for is not there. */
static const char *true_answer(const hg_eval_run *run, const hg_llava_turn *turn, const json_t *record)
{
    return run->request->instead != NULL && hg_eval_wrong_denies(record) ? "No" : turn->answer;
}

/* The item's picture becomes one of the same size that shows nothing. */
static hg_status replace_picture(const hg_eval_run *run, hg_image *image, const json_t *record, hg_error *err)
{
    hg_image wrong;
    size_t index = (size_t)json_integer_value(json_object_get(record, "index"));
    hg_image_init(&wrong);
    hg_status status =
        hg_eval_wrong_make(&wrong, run->request->instead, image->width, image->height, index, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_image_deinit(image);
    *image = wrong;
    return HG_STATUS_OK;
}

hg_status hg_eval_ask_begin(hg_eval_run *run, hg_eval_item *item, hg_error *err)
{
    const hg_llava_turn *turn = &item->item.turns[0];
    const int max_tokens = run->request->max_tokens;
    hg_status status = HG_STATUS_OK;
    json_object_set_new(item->record, "question", json_string(turn->question));
    json_object_set_new(item->record, "truth", json_string(true_answer(run, turn, item->record)));
    for (size_t i = 0; i < item->item.n_images && status == HG_STATUS_OK; i++) {
        status = hg_image_open(&item->images[i], item->item.images[i], err);
        if (status == HG_STATUS_OK && run->request->instead != NULL)
            status = replace_picture(run, item->images[i], item->record, err);
    }
    item->ask = (hg_ask_request){.images = (const hg_image *const *)item->images,
                                 .n_images = item->item.n_images,
                                 .question = turn->question,
                                 .sampling = {.top_p = 1},
                                 .max_tokens = max_tokens > 0 ? max_tokens : HG_EVAL_MAX_TOKENS,
                                 .progress = {hg_eval_run_report, run}};
    item->request.ask = &item->ask;
    return status;
}

hg_status hg_eval_ask_end(hg_eval_item *item, hg_error *err)
{
    static const char *const stops[] = {"end", "length", "cancelled"};
    const hg_ask_result *result = &item->request.answer;
    if (result->stop == HG_STOP_CANCELLED)
        return hg_error_set(err, HG_STATUS_FAILED, "cancelled");
    const char *truth = json_string_value(json_object_get(item->record, "truth"));
    hg_answer_score s = hg_answer_score_get(item->ask.question, truth, result->answer);
    char read[2] = {s.read, 0};
    /* What a model makes need not be whole characters. */
    json_t *answer = json_string(result->answer);
    json_t *more =
        json_pack("{s:o, s:s, s:s, s:{s:b, s:f, s:f}}", "answer",
                  answer != NULL ? answer : json_string("(not UTF-8)"), "stop", stops[result->stop], "read",
                  read, "scores", "correct", (int)s.correct, "recall", s.recall, "f1", s.f1);
    int failed = json_object_update(item->record, more);
    json_decref(more);
    return failed == 0 ? HG_STATUS_OK : hg_error_memory(err, sizeof *result, "a record");
}
