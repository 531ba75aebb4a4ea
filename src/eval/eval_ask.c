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

static hg_status add_answer(const char *question, const hg_ask_result *result, json_t *record, hg_error *err)
{
    const char *truth = json_string_value(json_object_get(record, "truth"));
    hg_answer_score s = hg_answer_score_get(question, truth, result->answer);
    static const char *const stops[] = {"end", "length", "cancelled"};
    char read[2] = {s.read, 0};
    /* What a model makes need not be whole characters. */
    json_t *answer = json_string(result->answer);
    json_t *more =
        json_pack("{s:o, s:s, s:s, s:{s:b, s:f, s:f}}", "answer",
                  answer != NULL ? answer : json_string("(not UTF-8)"), "stop", stops[result->stop], "read",
                  read, "scores", "correct", (int)s.correct, "recall", s.recall, "f1", s.f1);
    int failed = json_object_update(record, more);
    json_decref(more);
    return failed == 0 ? HG_STATUS_OK : hg_error_memory(err, sizeof *result, "a record");
}

static hg_status ask(hg_eval_run *run, const hg_llava_item *item, hg_image *const *images, json_t *record,
                     hg_error *err)
{
    int max_tokens = run->request->max_tokens;
    const hg_image *borrowed[HG_LLAVA_MAX_IMAGES];
    for (size_t i = 0; i < item->n_images; i++)
        borrowed[i] = images[i];
    hg_ask_request request = {.images = borrowed,
                              .n_images = item->n_images,
                              .question = item->turns[0].question,
                              .sampling = {.top_p = 1},
                              .max_tokens = max_tokens > 0 ? max_tokens : HG_EVAL_MAX_TOKENS,
                              .progress = {hg_eval_run_report, run}};
    hg_ask_result result;
    hg_status status = hg_session_ask(run->session, &request, &result, err);
    if (status != HG_STATUS_OK)
        return status;
    status = result.stop == HG_STOP_CANCELLED ? hg_error_set(err, HG_STATUS_FAILED, "cancelled")
                                              : add_answer(item->turns[0].question, &result, record, err);
    hg_ask_result_free(&result);
    return status;
}

hg_status hg_eval_ask(hg_eval_run *run, const hg_llava_item *item, json_t *record, hg_error *err)
{
    hg_image *images[HG_LLAVA_MAX_IMAGES] = {NULL};
    hg_status status = HG_STATUS_OK;
    json_object_set_new(record, "question", json_string(item->turns[0].question));
    json_object_set_new(record, "truth", json_string(true_answer(run, &item->turns[0], record)));
    for (size_t i = 0; i < item->n_images && status == HG_STATUS_OK; i++) {
        status = hg_image_open(&images[i], item->images[i], err);
        if (status == HG_STATUS_OK && run->request->instead != NULL)
            status = replace_picture(run, images[i], record, err);
    }
    if (status == HG_STATUS_OK)
        status = ask(run, item, images, record, err);
    for (size_t i = 0; i < item->n_images; i++)
        hg_image_close(images[i]);
    return status;
}
