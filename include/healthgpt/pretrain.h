/* SPDX-License-Identifier: Apache-2.0
 *
 * pretrain.h: the parts of a small model from nothing but data: a tokenizer, a picture autoencoder, an image
 * encoder and a language model, each written in the layout of the released ones, so that everything else here
 * takes them as it takes those. What is trained on top of them is in train.h.
 *
 * A run is described by settings, texts by key (docs/training.md lists them); what is not set has the default
 * of its stage. Results go to the folder of the setting `out`: the part in a folder of its own (base/, clip/
 * or vqgan/), checkpoint.safetensors, log.jsonl.
 */
#ifndef HEALTHGPT_PRETRAIN_H
#define HEALTHGPT_PRETRAIN_H

#include <healthgpt/train.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hg_pretrain_stage {
    HG_PRETRAIN_STAGE_TOKENIZER, /* "tokenizer": byte-level BPE with Phi-3's control tokens */
    HG_PRETRAIN_STAGE_VQ,        /* "pretrain-vq": pictures to codes and back */
    HG_PRETRAIN_STAGE_VIT,       /* "pretrain-vit": an image encoder that can tell pictures apart */
    HG_PRETRAIN_STAGE_LM         /* "pretrain-lm": a language model of Phi-3's form */
} hg_pretrain_stage;

#define HG_PRETRAIN_STAGE_COUNT 4

/* "tokenizer", ...; find is false for another name. */
HG_API const char *hg_pretrain_stage_name(hg_pretrain_stage stage);
HG_API bool hg_pretrain_stage_find(const char *name, hg_pretrain_stage *out);

typedef struct hg_pretrain_settings hg_pretrain_settings;

HG_API hg_status hg_pretrain_settings_create(hg_pretrain_settings **out, hg_pretrain_stage stage,
                                             hg_error *err) HG_MUST_CHECK;
HG_API void hg_pretrain_settings_destroy(hg_pretrain_settings *settings);

/* Sets one value. HG_STATUS_USAGE names a key that the stage has not or a value that it cannot have. */
HG_API hg_status hg_pretrain_settings_set(hg_pretrain_settings *settings, const char *key, const char *value,
                                          hg_error *err) HG_MUST_CHECK;

/* Sets what a file says in the section of the stage, `[pretrain-vq]`: lines `key = value`, `#` for remarks.
 * Everything else in the file is passed over, so that one file may describe a whole chain. HG_STATUS_INPUT as
 * "FILE:LINE: ...". */
HG_API hg_status hg_pretrain_settings_read(hg_pretrain_settings *settings, const char *path,
                                           hg_error *err) HG_MUST_CHECK;

/* A number that a run ends with: "ssim", "codes_used", ... */
typedef struct hg_pretrain_measure {
    char name[32];
    double value;
} hg_pretrain_measure;

#define HG_PRETRAIN_MAX_MEASURES 8

typedef struct hg_pretrain_result {
    int64_t n_steps;              /* of all runs together */
    double first_loss, last_loss; /* of this run */
    int64_t n_weights;
    int64_t n_items; /* trained on: pictures, images, sequences; texts of a tokenizer */
    int64_t n_bad;   /* items passed over */
    int n_measures;
    hg_pretrain_measure measures[HG_PRETRAIN_MAX_MEASURES];
} hg_pretrain_result;

/* Trains. HG_STATUS_INPUT for bad data, HG_STATUS_USAGE for settings that do not go together. `listener` may
 * be NULL; in a step's numbers n_tokens and n_positions count what was learnt from: pictures or tokens. */
HG_API hg_status hg_pretrain_run(const hg_pretrain_settings *settings, const hg_train_listener *listener,
                                 hg_pretrain_result *result, hg_error *err) HG_MUST_CHECK;

/* A model from nothing: the parts whose settings have data, each in OUT/STAGE, then the stages of train.h on
 * top of them (hg_train_run_all), OUT being `out` of `stages`. The parts stand together in OUT/model, which
 * the stages train; with what those have learnt in OUT/result, which is a whole model. `out` and `tokenizer`
 * of the parts need not be set. Without data for any part this is hg_train_run_all alone. With `resume` of
 * `stages` what is finished is kept, and HG_STATUS_USAGE says so when it was made with other settings. */
HG_API hg_status hg_pretrain_run_all(hg_pretrain_settings *const parts[HG_PRETRAIN_STAGE_COUNT],
                                     hg_train_settings *const stages[HG_TRAIN_CHAIN_COUNT],
                                     const hg_train_listener *listener,
                                     hg_pretrain_result part_results[HG_PRETRAIN_STAGE_COUNT],
                                     hg_train_result stage_results[HG_TRAIN_CHAIN_COUNT],
                                     hg_error *err) HG_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
