/* SPDX-License-Identifier: Apache-2.0
 *
 * train_settings.h: the settings of a run as numbers. Until hg_train_settings_complete a number that nobody
 * set is HG_TRAIN_UNSET; then it has the default of the stage and the base model.
 */
#ifndef HG_TRAIN_TRAIN_SETTINGS_H
#define HG_TRAIN_TRAIN_SETTINGS_H

#include "base/error.h"
#include "base/file.h"
#include "text/chat_template.h"
#include "train/schedule.h"

#include <healthgpt/train.h>

#define HG_TRAIN_UNSET (-1)

typedef enum hg_train_form {
    HG_TRAIN_FORM_PLAIN,   /* the image, then the text: the question is not shown */
    HG_TRAIN_FORM_INSTRUCT /* the model's chat template, as `ask` and `draw` use it */
} hg_train_form;

/* Of products with frozen weights; see hg_compute. */
typedef enum hg_train_compute {
    HG_TRAIN_COMPUTE_AUTO, /* reduced when the base model is block-quantised and that is faster here */
    HG_TRAIN_COMPUTE_F32,
    HG_TRAIN_COMPUTE_BF16,
    HG_TRAIN_COMPUTE_INT8
} hg_train_compute;

struct hg_train_settings {
    hg_train_stage stage;
    char model[HG_PATH_BYTES], data[HG_PATH_BYTES], out[HG_PATH_BYTES];
    char validation[HG_PATH_BYTES]; /* data that is not trained on; "": none */
    char images[HG_PATH_BYTES];     /* "": beside the data */
    char cache[HG_PATH_BYTES];      /* picture codes; "": OUT/codes */
    char com[HG_PATH_BYTES], gen[HG_PATH_BYTES], fusion[HG_PATH_BYTES]; /* files in place of the model's */
    char cpu[16];                                                       /* "": the best */
    int64_t threads;                                                    /* 0: all */
    double memory; /* GB (1e9 bytes) that the process may take; 0: activations are never kept */
    double epochs;
    int64_t steps; /* 0: as many as the epochs have */
    int64_t batch; /* samples a step */
    double lr, projector_lr;
    double weight_decay, beta1, beta2, epsilon;
    double dropout;
    double clip;      /* largest norm of the gradient; 0: none */
    double spike;     /* a loss this many times the usual is passed over; 0: none */
    int64_t schedule; /* hg_schedule_kind */
    double warmup;    /* part of the steps */
    int64_t form;     /* hg_train_form */
    int64_t max_length;
    int64_t compute;       /* hg_train_compute */
    int64_t adapter;       /* hg_adapter_kind of a new plug-in; HG_TRAIN_UNSET: H-LoRA, or the model's */
    int64_t rank, experts; /* of a new plug-in */
    double alpha;          /* 0: twice the rank */
    int64_t seed;
    int64_t save_every;  /* steps */
    int64_t patience;    /* validations without a better one that end the run; 0: none do */
    int64_t group;       /* samples of a step are about equally long: yes or no */
    int64_t per_picture; /* questions about a picture that are dealt out together, at most */
    int64_t shuffle, cut, resume, finish, strict, vocabulary; /* yes or no */
    int64_t type;                                             /* hg_dtype of the plug-in files */
};

/* Fills in what was not set, for the base model whose template is `chat`; checks that what is needed was. */
hg_status hg_train_settings_complete(hg_train_settings *s, hg_chat_kind chat, hg_error *err) HG_MUST_CHECK;

/* Appends the settings that decide what a run computes, as lines `key = value`: every key, in the same order
 * each time, those that nobody set with the value `(default)`. Texts (paths) are left out. False when memory
 * is short. */
bool hg_train_settings_format(const hg_train_settings *s, hg_buffer *out);

#endif
