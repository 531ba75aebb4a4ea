/* SPDX-License-Identifier: Apache-2.0
 *
 * vit_stage.c: the image encoder learns to answer, from the mean of its patches' deep features, every
 * question of vit_labels.h. Deep is where comprehension reads: the last layer but one. The last layer is
 * there because the layout has it; nothing reads it, and it stays as it was begun. Here: the data, the run,
 * the files.
 */
#include "pretrain/vit_stage.h"

#include "base/memory.h"
#include "pretrain/vit_facts.h"
#include "pretrain/vit_job.h"

#include <math.h>
#include <stdio.h>

/* ---- files ---- */

static hg_status vit_write(void *user, const hg_weight_bank *bank, hg_error *err)
{
    const hg_vit_job *job = user;
    const hg_clip_config *c = &job->config;
    char folder[HG_PATH_BYTES];
    hg_buffer text;
    hg_status status = hg_stage_folder(folder, job->s, "clip", err);
    if (status != HG_STATUS_OK)
        return status;
    hg_buffer_init(&text, (size_t)1 << 20);
    hg_buffer_push_format(
        &text,
        "{\n  \"model_type\": \"clip\",\n  \"vision_config\": {\"hidden_size\": %lld, "
        "\"intermediate_size\": %lld,\n    \"num_hidden_layers\": %lld, \"num_attention_heads\": "
        "%lld, \"image_size\": %lld, \"patch_size\": %lld,\n    \"hidden_act\": \"quick_gelu\", "
        "\"layer_norm_eps\": 1e-05}\n}\n",
        (long long)c->hidden, (long long)c->mlp, (long long)c->n_layers, (long long)c->n_heads,
        (long long)c->image_size, (long long)c->patch);
    status = hg_stage_write_text(folder, "config.json", &text, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_buffer_init(&text, (size_t)1 << 20);
    hg_buffer_push_format(
        &text,
        "{\n  \"crop_size\": %lld,\n  \"do_center_crop\": true,\n  \"do_normalize\": true,\n  "
        "\"do_resize\": true,\n  \"image_mean\": [0.48145466, 0.4578275, 0.40821073],\n  "
        "\"image_std\": [0.26862954, 0.26130258, 0.27577711],\n  \"resample\": 3,\n  \"size\": "
        "%lld\n}\n",
        (long long)c->image_size, (long long)c->image_size);
    status = hg_stage_write_text(folder, "preprocessor_config.json", &text, err);
    return status == HG_STATUS_OK ? hg_weight_bank_write(bank, folder, "pytorch_model.bin", HG_BANK_TORCH,
                                                         hg_stage_type(job->s), err)
                                  : status;
}

/* ---- the run ---- */

static hg_status read_labels(const hg_vit_job *job, hg_picture_set *pictures, hg_vit_labels *labels,
                             const char *path, hg_pretrain_plan *plan, hg_pretrain_result *result,
                             hg_error *err)
{
    hg_llava_set *data = NULL;
    const char *images = job->s->images[0] != 0 ? job->s->images : NULL;
    const hg_llava_listener reading = hg_stage_reading(job->listener);
    hg_status status = hg_llava_open(&data, path, images, err);
    if (status == HG_STATUS_OK) {
        plan->fingerprint = plan->fingerprint * 31 + hg_llava_fingerprint(data);
        status = hg_vit_labels_read(labels, pictures, data, &reading, &result->n_bad, err);
    }
    hg_llava_close(data);
    return status;
}

/* The lines of one split of the file of facts, where there is one. */
static hg_status read_facts(const hg_vit_job *job, hg_picture_set *pictures, hg_vit_labels *labels,
                            const char *split, hg_pretrain_plan *plan, hg_pretrain_result *result,
                            hg_error *err)
{
    hg_llava_set *facts = NULL;
    const hg_llava_listener reading = hg_stage_reading(job->listener);
    if (job->s->facts[0] == 0)
        return HG_STATUS_OK;
    hg_status status = hg_llava_open(&facts, job->s->facts, NULL, err);
    if (status == HG_STATUS_OK) {
        plan->fingerprint = plan->fingerprint * 31 + hg_llava_fingerprint(facts);
        status = hg_vit_facts_read(labels, pictures, facts, split, &reading, &result->n_bad, err);
    }
    hg_llava_close(facts);
    return status;
}

/* A word's weight is its share of all cells to the power of -balance, such that the mean over cells is 1,
 * then the nearest power of 2: what is rare and small (a lesion) would be drowned by air and organs. */
static void weigh_cells(hg_vit_job *job)
{
    const hg_vit_labels *labels = &job->labels;
    double all = 0, mean = 0;
    for (int32_t i = 0; i < labels->n_cell_words; i++)
        all += (double)labels->cell_counts[i];
    for (int32_t i = 0; i < labels->n_cell_words; i++) {
        double share = (double)labels->cell_counts[i] / all;
        mean += pow(share, 1 - job->s->balance);
    }
    for (int32_t i = 0; i < labels->n_cell_words; i++) {
        double share = (double)labels->cell_counts[i] / all;
        double weight = nearbyint(log2(pow(share, -job->s->balance) / mean));
        job->cell_weights[i] = (int8_t)fmin(fmax(weight, HG_VIT_WEIGHT_MIN), HG_VIT_WEIGHT_MAX);
    }
}

static hg_status list_labelled(hg_vit_job *job, hg_error *err)
{
    job->labelled = hg_mem_array(job->labels.n_images + 1, sizeof *job->labelled);
    if (job->labelled == NULL)
        return hg_error_memory(err, job->labels.n_images * sizeof *job->labelled, "a list of images");
    for (size_t i = 0; i < job->labels.n_images; i++) {
        if (job->labels.images[i].n > 0)
            job->labelled[job->n_labelled++] = (uint32_t)i;
    }
    if (job->n_labelled > 0)
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_INPUT,
                        "%s: no question with a few short answers has been asked of several images",
                        job->s->data);
}

static hg_status vit_open(hg_vit_job *job, hg_pretrain_plan *plan, hg_pretrain_result *result, hg_error *err)
{
    const hg_pretrain_settings *s = job->s;
    hg_status status = hg_vit_make_config(s, &job->config, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_picture_set_init(&job->pictures, (int)s->size, true);
    hg_picture_set_init(&job->others, (int)s->size, true);
    snprintf(job->last_layer, sizeof job->last_layer, "encoder.layers.%lld.", (long long)s->layers - 1);
    status = read_labels(job, &job->pictures, &job->labels, s->data, plan, result, err);
    if (status == HG_STATUS_OK)
        status = read_facts(job, &job->pictures, &job->labels, "train", plan, result, err);
    if (status == HG_STATUS_OK) {
        hg_vit_labels_choose(&job->labels);
        weigh_cells(job);
        status = list_labelled(job, err);
    }
    if (status == HG_STATUS_OK && s->validation[0] != 0) {
        job->other_labels = hg_vit_labels_same(&job->labels);
        status = read_labels(job, &job->others, &job->other_labels, s->validation, plan, result, err);
        if (status == HG_STATUS_OK)
            status = read_facts(job, &job->others, &job->other_labels, "val", plan, result, err);
    }
    if (status == HG_STATUS_OK)
        status = hg_split_init(&job->split, job->n_labelled, job->others.n > 0 ? 0 : s->holdout, err);
    plan->n_items = job->split.n_train;
    return status;
}

hg_status hg_vit_stage_run(const hg_pretrain_settings *settings, const hg_train_listener *listener,
                           hg_pretrain_result *result, hg_error *err)
{
    hg_vit_job job = {.s = settings, .listener = listener};
    hg_pretrain_plan plan = {.user = &job,
                             .model_bytes = sizeof(hg_vit_model),
                             .units_each = 1,
                             .init = hg_vit_init,
                             .load = hg_vit_load,
                             .gradient = hg_vit_gradient,
                             .measure = hg_vit_measure,
                             .write = vit_write};
    hg_status status = vit_open(&job, &plan, result, err);
    if (status == HG_STATUS_OK)
        status = hg_pretrain_loop_run(&plan, settings, listener, result, err);
    hg_split_deinit(&job.split);
    hg_mem_free(job.labelled);
    hg_vit_labels_deinit(&job.other_labels);
    hg_vit_labels_deinit(&job.labels);
    hg_picture_set_deinit(&job.pictures);
    hg_picture_set_deinit(&job.others);
    return status;
}
