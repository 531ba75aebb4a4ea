/* SPDX-License-Identifier: Apache-2.0
 *
 * validation.c: one pass forward over the set.
 */
#include "train/validation.h"

/* The masks of both plug-ins, put back afterwards. */
static void swap_masks(hg_healthgpt *model, hg_plugin_mask_fn masks[HG_TASK_COUNT])
{
    for (int task = 0; task < HG_TASK_COUNT; task++) {
        hg_plugin_mask_fn own = model->tasks[task].plugin.mask;
        model->tasks[task].plugin.mask = masks[task];
        masks[task] = own;
    }
}

static hg_status validate_items(const hg_sample_maker *maker, hg_validation *result, hg_error *err)
{
    bool fused = maker->settings->stage == HG_TRAIN_STAGE_2_FUSION;
    double sum = 0;
    int64_t n_labels = 0;
    for (size_t i = 0; i < hg_llava_n_items(maker->set); i++) {
        hg_train_sample sample;
        hg_status status = hg_sample_make(maker, i, &sample, err);
        if (status == HG_STATUS_INPUT) {
            result->n_bad++;
            continue;
        }
        if (status == HG_STATUS_OK)
            status = hg_sample_loss(maker->ctx, &maker->model->weights, &sample, fused, &sum, err);
        n_labels += sample.n_labels;
        hg_train_sample_deinit(&sample);
        if (status != HG_STATUS_OK)
            return status;
        result->n_samples++;
    }
    if (result->n_samples == 0)
        return HG_STATUS_INPUT; /* `err` says what is wrong with the last item */
    result->loss = sum / (double)n_labels;
    return HG_STATUS_OK;
}

hg_status hg_validation_run(const hg_sample_maker *maker, hg_validation *result, hg_error *err)
{
    hg_plugin_mask_fn masks[HG_TASK_COUNT] = {NULL};
    *result = (hg_validation){0};
    swap_masks(&maker->model->weights, masks);
    hg_status status = validate_items(maker, result, err);
    swap_masks(&maker->model->weights, masks);
    return status;
}
