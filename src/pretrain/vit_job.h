/* SPDX-License-Identifier: Apache-2.0
 *
 * vit_job.h: a run of pretrain-vit in the works, as the files that make it see it: vit_stage.c reads the data
 * and puts it together, vit_model.c is what learns, vit_gradient.c teaches a step, vit_measure.c says how
 * good it is.
 */
#ifndef HG_PRETRAIN_VIT_JOB_H
#define HG_PRETRAIN_VIT_JOB_H

#include "model/clip.h"
#include "pretrain/pretrain_loop.h"
#include "pretrain/stage_files.h"
#include "pretrain/vit_labels.h"

/* Rare words of cells weigh more, by powers of 2 from HG_VIT_WEIGHT_MIN to HG_VIT_WEIGHT_MAX. */
#define HG_VIT_WEIGHT_MIN (-2)
#define HG_VIT_WEIGHT_MAX 5

typedef struct hg_vit_job {
    const hg_pretrain_settings *s;
    const hg_train_listener *listener;
    hg_clip_config config;
    hg_picture_set pictures, others; /* to train on; of the validation file */
    hg_vit_labels labels, other_labels;
    uint32_t *labelled; /* pictures that have a label */
    int64_t n_labelled;
    hg_split split; /* of `labelled` */
    char last_layer[64];
    int8_t cell_weights[HG_VIT_MAX_CELL_WORDS]; /* powers of 2 */
} hg_vit_job;

typedef struct hg_vit_model {
    hg_clip clip;
    hg_tensor norm_gain, norm_bias, head, head_bias;
    hg_tensor cells, cells_bias; /* classifies what a patch shows; not there without such labels */
} hg_vit_model;

/* HG_STATUS_USAGE for sizes that do not divide each other. */
hg_status hg_vit_make_config(const hg_pretrain_settings *s, hg_clip_config *c, hg_error *err) HG_MUST_CHECK;

/* For the plan of a run, whose user is a hg_vit_job and whose model a hg_vit_model. */
hg_status hg_vit_load(void *user, void *model, const hg_tensor_set *set, hg_arena *arena,
                      hg_error *err) HG_MUST_CHECK;
hg_bank_group hg_vit_init(void *user, const char *name, const hg_tensor *tensor, hg_rng *rng);
void hg_vit_gradient(void *user, hg_pretrain_shard *shard, const hg_pretrain_items *items);
void hg_vit_measure(void *user, hg_pretrain_shard *shard, hg_pretrain_result *result);

/* The patches' features, (B · P, C), of pixels (B, 3, S, S). */
hg_tensor *hg_vit_deep(hg_ctx *ctx, hg_vit_model *m, hg_tensor *pixels);

/* Scores of all classes, (B, classes), and of the words for each patch, (B · P, words), from the features. */
hg_tensor *hg_vit_scores(hg_ctx *ctx, hg_vit_model *m, hg_tensor *deep);
hg_tensor *hg_vit_cell_scores(hg_ctx *ctx, hg_vit_model *m, hg_tensor *deep);

/* One picture as it is, (1, 3, S, S). */
hg_tensor *hg_vit_pixels(hg_ctx *ctx, const hg_picture_set *set, uint32_t index);

/* The word of each patch's cell. `targets`: room for a number a patch. */
void hg_vit_cell_targets(const hg_vit_job *job, const hg_vit_image *image, int32_t *targets);

#endif
