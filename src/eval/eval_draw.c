/* SPDX-License-Identifier: Apache-2.0
 *
 * eval_draw.c: one drawing of a list, compared with its target, beside two pictures that no language model
 * made: the input as it is (as large as the target by bicubic interpolation), which a drawing must beat, and
 * the target through the picture autoencoder and back, which it can hardly beat.
 */
#include "eval/eval_run.h"

#include "base/file.h"
#include "image/fit.h"
#include "image/rgb.h"

#include <healthgpt/healthgpt.h>

#include <math.h>
#include <string.h>

/* Adds the scores of a picture under `name`. `truth` has 8 bits and no alpha. */
static hg_status add_scores(json_t *record, const char *name, const hg_image *picture, const hg_image *truth,
                            hg_error *err)
{
    hg_image fitted;
    hg_image_scores s;
    bool resized = picture->width != truth->width || picture->height != truth->height;
    hg_image_init(&fitted);
    hg_status status = hg_image_fit(&fitted, picture, truth->width, truth->height, err);
    if (status == HG_STATUS_OK)
        status = hg_eval_compare(&fitted, truth, NULL, &s, err);
    hg_image_deinit(&fitted);
    if (status != HG_STATUS_OK)
        return status;
    if (strcmp(name, "drawn") == 0)
        json_object_set_new(record, "resized", json_boolean(resized));
    json_t *psnr = isfinite(s.psnr) ? json_real(s.psnr) : json_null();
    json_t *scores = json_pack("{s:f, s:o, s:f}", "ssim", s.ssim, "psnr", psnr, "mae", s.mae);
    return json_object_set_new(json_object_get(record, "scores"), name, scores) == 0
               ? HG_STATUS_OK
               : hg_error_memory(err, sizeof s, "a record");
}

/* What the picture autoencoder leaves of the truth; nothing is added when the model has no encoder for it. */
static hg_status add_ceiling(hg_eval_item *item, hg_error *err)
{
    int32_t *codes;
    size_t n;
    hg_image *back;
    hg_session *session = item->request.session;
    hg_status status = hg_vq_encode(session, &item->truth, &codes, &n, err);
    if (status != HG_STATUS_OK)
        return status == HG_STATUS_TASK ? HG_STATUS_OK : status;
    status = hg_vq_decode(session, codes, n, &back, err);
    hg_codes_free(codes);
    if (status == HG_STATUS_OK) {
        status = add_scores(item->record, "ceiling", back, &item->truth, err);
        hg_image_close(back);
    }
    return status;
}

static hg_status save(const hg_eval_run *run, json_t *record, const hg_image *picture, hg_error *err)
{
    char path[HG_PATH_BYTES], name[48];
    if (run->request->out == NULL)
        return HG_STATUS_OK;
    snprintf(name, sizeof name, "drawn/%06lld.png",
             (long long)json_integer_value(json_object_get(record, "index")));
    json_object_set_new(record, "answer", json_string(name));
    hg_status status = hg_path_join(path, run->request->out, name, err);
    return status == HG_STATUS_OK ? hg_image_save(picture, path, NULL, err) : status;
}

hg_status hg_eval_draw_end(const hg_eval_run *run, hg_eval_item *item, hg_error *err)
{
    const hg_image *input = item->draw.image, *drawn = item->request.drawing.picture;
    json_object_set_new(item->record, "scores", json_object());
    hg_status status = add_scores(item->record, "drawn", drawn, &item->truth, err);
    if (status == HG_STATUS_OK)
        status = save(run, item->record, drawn, err);
    /* What is to be given back is no baseline for giving it back. */
    if (status == HG_STATUS_OK && input != NULL && item->draw.task != HG_DRAW_TASK_RECONSTRUCT)
        status = add_scores(item->record, "input", input, &item->truth, err);
    return status == HG_STATUS_OK ? add_ceiling(item, err) : status;
}

/* The picture to draw. */
static hg_status open_truth(hg_eval_item *item, hg_error *err)
{
    hg_image *target;
    hg_status status = hg_image_open(&target, item->item.target_image, err);
    if (status != HG_STATUS_OK)
        return status;
    status = hg_image_to_opaque(&item->truth, target, err);
    hg_image_close(target);
    return status;
}

hg_status hg_eval_draw_begin(hg_eval_run *run, hg_eval_item *item, hg_error *err)
{
    hg_draw_task task;
    const hg_llava_item *read = &item->item;
    const char *name = json_string_value(json_object_get(item->record, "task"));
    if (name == NULL || !hg_draw_task_find(name, &task))
        return hg_error_set(err, HG_STATUS_TASK, "no drawing task has this name");
    if (read->target_image == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "no target_image to compare with");
    json_object_set_new(item->record, "question", json_string(read->turns[0].question));
    json_object_set_new(item->record, "truth", json_string(hg_path_name(read->target_image)));
    hg_status status =
        read->n_images > 0 ? hg_image_open(&item->images[0], read->images[0], err) : HG_STATUS_OK;
    if (status == HG_STATUS_OK)
        status = open_truth(item, err);
    item->draw = (hg_draw_request){.task = task,
                                   .image = item->images[0],
                                   .text = read->turns[0].question,
                                   .sampling = {.top_p = 1},
                                   .progress = {hg_eval_run_report, run}};
    item->request.draw = &item->draw;
    return status;
}
