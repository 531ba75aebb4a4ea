/* SPDX-License-Identifier: Apache-2.0
 *
 * train_state.h: where a run stands, and the checkpoint: one safetensors file with masters, moments and this
 * state, written under another name and then renamed, so that the last complete one is always there. A run
 * continued from it computes what the run that was ended would have computed, bit for bit.
 */
#ifndef HG_TRAIN_TRAIN_STATE_H
#define HG_TRAIN_TRAIN_STATE_H

#include "train/trainee.h"

#define HG_TRAIN_IDENTITY_BYTES 1024

typedef struct hg_train_state {
    int64_t step;    /* made so far */
    int64_t updates; /* of them, those that changed weights */
    int64_t cursor;  /* items taken from the stream of all epochs */
    int64_t n_bad, n_cut;
    int64_t n_skipped;   /* steps */
    int64_t skipped_run; /* of them, those without another step since */
    int64_t good_run;    /* steps that changed weights since the last that did not */
    int64_t since_best;  /* validations since the best one */
    double best_loss;    /* of validation; 0: none yet */
    double usual_loss;   /* a running mean; 0 before the first step */
    double rate_scale;   /* of the schedule's rate: below 1 after skipped steps */
} hg_train_state;

/* `identity` is a text that says which run this is: settings and data that a run cannot change in the
 * middle. */
hg_status hg_train_state_save(const char *path, const hg_train_state *state, const char *identity,
                              const hg_trainee *trainee, hg_error *err) HG_MUST_CHECK;

/* HG_STATUS_INPUT when the checkpoint is of another run or other tensors. */
hg_status hg_train_state_load(const char *path, hg_train_state *state, const char *identity,
                              hg_trainee *trainee, hg_error *err) HG_MUST_CHECK;

#endif
