/* SPDX-License-Identifier: Apache-2.0
 *
 * validation.c: one pass forward over the set, its items dealt out to the processes.
 */
#include "train/validation.h"

#include "train/stage.h"

/* The masks of both plug-ins, put back afterwards. */
static void swap_masks(hg_healthgpt *model, hg_plugin_mask_fn masks[HG_TASK_COUNT])
{
    for (int task = 0; task < HG_TASK_COUNT; task++) {
        hg_plugin_mask_fn own = model->tasks[task].plugin.mask;
        model->tasks[task].plugin.mask = masks[task];
        masks[task] = own;
    }
}

/* What the processes add up. */
typedef struct validation_sums {
    double loss, n_labels, n_samples, n_bad;
} validation_sums;

/* Adds the loss of a pack, which is empty then. */
static hg_status validate_pack(const hg_sample_maker *maker, hg_sample_pack *pack, validation_sums *sums,
                               hg_error *why)
{
    bool fused = hg_stage_get(maker->settings->stage)->fused;
    double losses[HG_PACK_SAMPLES] = {0};
    if (pack->n == 0)
        return HG_STATUS_OK;
    hg_status status = hg_sample_loss(maker->ctx, &maker->model->weights, pack, fused, losses, why);
    for (int64_t i = 0; i < pack->n; i++) {
        sums->loss += losses[i];
        sums->n_labels += (double)pack->samples[i].n_labels;
        sums->n_samples++;
    }
    hg_sample_pack_reset(pack);
    return status;
}

/* Has the pictures of some items decoded together, every `step`th from `first` on. */
static hg_status expect_items(const hg_sample_maker *maker, size_t first, size_t step, hg_error *why)
{
    hg_status status = HG_STATUS_OK;
    size_t n = hg_llava_n_items(maker->set);
    for (size_t k = 0; k < HG_SAMPLES_AHEAD && first < n && status == HG_STATUS_OK; k++, first += step)
        status = hg_sample_expect(maker, first, why);
    return status == HG_STATUS_OK ? hg_sample_read_expected(maker, why) : status;
}

/* The items of this process; `why` keeps what was wrong with the last bad one. */
static hg_status validate_items(const hg_sample_maker *maker, const hg_reduce *reduce, validation_sums *sums,
                                hg_error *why)
{
    size_t size = (size_t)hg_reduce_get_size(reduce);
    hg_sample_pack pack = {.shares = true};
    hg_status status = HG_STATUS_OK;
    for (size_t i = (size_t)hg_reduce_get_rank(reduce);
         i < hg_llava_n_items(maker->set) && status == HG_STATUS_OK; i += size) {
        hg_train_sample sample;
        if (i / size % HG_SAMPLES_AHEAD == 0)
            status = expect_items(maker, i, size, why);
        if (status != HG_STATUS_OK)
            break;
        status = hg_sample_make(maker, i, &sample, why);
        if (status == HG_STATUS_INPUT) {
            sums->n_bad++;
            status = HG_STATUS_OK;
            continue;
        }
        if (status == HG_STATUS_OK && !hg_sample_pack_fits(&pack, &sample))
            status = validate_pack(maker, &pack, sums, why);
        if (status == HG_STATUS_OK)
            hg_sample_pack_add(&pack, &sample);
        else
            hg_train_sample_deinit(&sample);
    }
    if (status == HG_STATUS_OK)
        status = validate_pack(maker, &pack, sums, why);
    hg_sample_pack_reset(&pack);
    return status;
}

hg_status hg_validation_run(const hg_sample_maker *maker, hg_reduce *reduce, hg_validation *result,
                            hg_error *err)
{
    hg_plugin_mask_fn masks[HG_TASK_COUNT] = {NULL};
    validation_sums sums = {0};
    hg_error why = {HG_STATUS_OK, ""};
    *result = (hg_validation){0};
    swap_masks(&maker->model->weights, masks);
    hg_status status = validate_items(maker, reduce, &sums, &why);
    swap_masks(&maker->model->weights, masks);
    if (err != NULL)
        *err = why;
    status = hg_reduce_agree(reduce, status, err);
    if (status == HG_STATUS_OK)
        status = hg_reduce_sum(reduce, (double *)&sums, sizeof sums / sizeof(double), err);
    if (status != HG_STATUS_OK)
        return status;
    if (sums.n_samples == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: no item can be used; the last: %.300s",
                            hg_llava_path(maker->set), why.text);
    *result = (hg_validation){sums.loss / sums.n_labels, (int64_t)sums.n_samples, (int64_t)sums.n_bad};
    return HG_STATUS_OK;
}
