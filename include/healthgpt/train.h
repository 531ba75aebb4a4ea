/* SPDX-License-Identifier: Apache-2.0
 *
 * train.h: training a model's plug-ins, stage by stage, on data of one's own. The base model, the image
 * encoder and the picture decoder are never changed.
 *
 * A run is described by settings, texts by key (docs/training.md lists them), from a file or one by one; what
 * is not set has the default of its stage and base model. Its results go to the folder of the setting `out`:
 * plug-in files under their released names, checkpoint.safetensors, log.jsonl and its picture log.html, and
 * at the end finished.json.
 */
#ifndef HEALTHGPT_TRAIN_H
#define HEALTHGPT_TRAIN_H

#include <healthgpt/status.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hg_train_stage {
    HG_TRAIN_STAGE_1_COM,    /* "1-com": the comprehension projector learns to caption */
    HG_TRAIN_STAGE_1_GEN,    /* "1-gen": projector and H-LoRA learn to give back pictures as codes */
    HG_TRAIN_STAGE_2_FUSION, /* "2-fusion": embedding and head for both tasks */
    HG_TRAIN_STAGE_3_COM,    /* "3-com": comprehension H-LoRA and projector on instructions */
    HG_TRAIN_STAGE_3_GEN,    /* "3-gen": generation H-LoRA and projector on instructions */
    HG_TRAIN_STAGE_MIXED /* "mixed": all of stages 2 and 3 at once, the baseline of the paper's ablation */
} hg_train_stage;

#define HG_TRAIN_STAGE_COUNT 6
#define HG_TRAIN_CHAIN_COUNT 5 /* the first ones, which make a chain */

/* "1-com", ...; find is false for another name. */
HG_API const char *hg_train_stage_name(hg_train_stage stage);
HG_API bool hg_train_stage_find(const char *name, hg_train_stage *out);

typedef struct hg_train_settings hg_train_settings;

HG_API hg_status hg_train_settings_create(hg_train_settings **out, hg_train_stage stage,
                                          hg_error *err) HG_MUST_CHECK;
HG_API void hg_train_settings_destroy(hg_train_settings *settings);

/* Sets one value. HG_STATUS_USAGE names a key that does not exist or a value that it cannot have. */
HG_API hg_status hg_train_settings_set(hg_train_settings *settings, const char *key, const char *value,
                                       hg_error *err) HG_MUST_CHECK;

/* Sets what a file says: lines `key = value`, `#` for remarks, and sections `[3-com]` that count for one
 * stage only. HG_STATUS_INPUT as "FILE:LINE: ...". */
HG_API hg_status hg_train_settings_read(hg_train_settings *settings, const char *path,
                                        hg_error *err) HG_MUST_CHECK;

/* How a step went. */
typedef struct hg_train_step {
    int64_t step; /* from 1 */
    int64_t n_steps;
    double loss;         /* mean over the answers' tokens of the global batch */
    double rate;         /* the learning rate */
    double norm;         /* of the gradient, before clipping */
    int64_t n_tokens;    /* with a loss */
    int64_t n_positions; /* read by the decoder */
    double seconds;
    bool skipped; /* the loss or gradient was no number, or a spike: nothing was changed */
} hg_train_step;

/* Who hears about a run. Each function may be NULL. */
typedef struct hg_train_listener {
    /* After each step; false asks the run to end: it saves a checkpoint and ends with HG_STATUS_FAILED. */
    bool (*on_step)(void *user, const hg_train_step *step);
    /* One line about something that the user should know: a bad sample, a skipped step. */
    void (*on_note)(void *user, const char *text);
    void *user;
    /* Asked before each sample of a step, of every process's listener: true ends the run as above, but
     * without finishing the step, which is made anew when the run is continued. May be NULL. */
    bool (*wants_stop)(void *user);
    /* While a part's data are read before its first step: items of a file. False ends the run with
     * HG_STATUS_FAILED; nothing has been learnt yet. May be NULL. */
    bool (*on_read)(void *user, int64_t n_read, int64_t n_items);
} hg_train_listener;

typedef struct hg_train_result {
    int64_t n_steps;
    double first_loss, last_loss; /* of this run */
    int64_t n_bad_samples;        /* passed over, all runs together */
    int64_t n_cut_samples;        /* whose answer was cut at the longest length */
    int64_t n_skipped_steps;
    int process; /* 0: this one reports; others that mpirun started have the same results and stay silent */
} hg_train_result;

/* Trains, with the other processes when mpirun started several (docs/training.md): the first one alone writes
 * and is heard by its listener; all end with the same status. HG_STATUS_INPUT for bad data or a model without
 * a part that the stage needs, HG_STATUS_USAGE for settings that do not go together. `listener` may be NULL.
 * With `resume` a run goes on from its checkpoint; with `finish` it takes no more steps, and what it has
 * learnt so far is its result. */
HG_API hg_status hg_train_run(const hg_train_settings *settings, const hg_train_listener *listener,
                              hg_train_result *result, hg_error *err) HG_MUST_CHECK;

/* Trains the chain of stages, settings[s] being those of stage s, with `out` the same folder in all: a
 * stage's results go to OUT/STAGE (best ones to OUT/STAGE/best), and the next stages begin with them, unless
 * their settings name others. A stage without data is left out. With `resume` finished stages are kept and
 * the first unfinished one is continued; with `finish`, too, it ends where its checkpoint is, and the stages
 * behind it are trained. results[s] has n_steps 0 where nothing was done. */
HG_API hg_status hg_train_run_all(hg_train_settings *const settings[HG_TRAIN_CHAIN_COUNT],
                                  const hg_train_listener *listener,
                                  hg_train_result results[HG_TRAIN_CHAIN_COUNT], hg_error *err) HG_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
