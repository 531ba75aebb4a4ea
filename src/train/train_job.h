/* SPDX-License-Identifier: Apache-2.0
 *
 * train_job.h: a run in the works, as the files that make it see it: train_begin.c puts it together,
 * train_batch.c makes the gradient of a step, train_save.c keeps what was learnt, and train_run.c is the
 * loop.
 *
 * A run may be several processes (reduce.h). All of them hold the same masters, moments and state and go
 * through the same steps; the first alone writes files and is heard.
 */
#ifndef HG_TRAIN_TRAIN_JOB_H
#define HG_TRAIN_TRAIN_JOB_H

#include "train/dropout_mask.h"
#include "train/item_order.h"
#include "train/kept_layers.h"
#include "train/reduce_queue.h"
#include "train/sample_maker.h"
#include "train/stage.h"
#include "train/train_log.h"
#include "train/train_open.h"
#include "train/train_state.h"

typedef struct hg_train_job {
    hg_train_settings settings; /* completed */
    const hg_stage *stage;
    const hg_train_listener *listener; /* NULL where nobody is heard */
    const hg_train_listener *stopper;  /* asked for wants_stop on every process; may be NULL */
    bool stopped;                      /* it said so, of one process at least: all know */
    hg_reduce *reduce;                 /* borrowed */
    hg_reduce_queue *queue;
    hg_model *model;
    hg_train_begun begun;
    hg_trainee trainee;
    hg_llava_set *set, *validation; /* the second may be NULL */
    hg_item_order order;
    hg_code_cache codes;
    hg_sample_maker maker;
    hg_image_ahead ahead; /* the maker's */
    hg_arena arena;
    hg_ctx ctx;
    hg_kept_layers kept;
    bool kept_told; /* how many there are */
    hg_train_log log;
    hg_train_state state;
    hg_schedule schedule;
    int64_t n_steps;
    int64_t bad_in_a_row;
    double page_seconds;                      /* when the page of curves was written last */
    const hg_sample_pack *pack;               /* that is computed, for dropout */
    hg_dropout_place places[HG_PACK_SAMPLES]; /* of its samples */
    char identity[HG_TRAIN_IDENTITY_BYTES];
    char checkpoint[HG_PATH_BYTES];
} hg_train_job;

/* Opens everything, and continues from a checkpoint when there is one; to be ended whatever the result. */
hg_status hg_train_begin(hg_train_job *job, hg_error *err) HG_MUST_CHECK;
void hg_train_end(hg_train_job *job);

/* The gradient of the next global batch, summed over its samples and over processes, into the trainee, and
 * the step's counts; *loss is the sum over the labels. The same on every process. When the run is to stop, it
 * fails and sets job->stopped; then the state is that of the step's middle. */
hg_status hg_train_batch(hg_train_job *job, hg_train_step *step, double *loss, hg_error *err) HG_MUST_CHECK;

/* Checkpoint; parts that the stage trains, as files in `folder`; the loss on the validation data, the best
 * parts going to OUT/best. On every process, the first one writing. */
hg_status hg_train_save_state(hg_train_job *job, hg_error *err) HG_MUST_CHECK;
hg_status hg_train_save_parts(hg_train_job *job, const char *folder, hg_error *err) HG_MUST_CHECK;
hg_status hg_train_validate(hg_train_job *job, hg_error *err) HG_MUST_CHECK;

/* OUT/log.html: the log as curves. The first process writes; what cannot be written is passed over. */
void hg_train_save_page(hg_train_job *job);

/* OUT/finished.json: how the run went; a chain passes over stages that have it. */
#define HG_TRAIN_FINISHED "finished.json"
#define HG_TRAIN_CHECKPOINT "checkpoint.safetensors"
hg_status hg_train_save_result(hg_train_job *job, const hg_train_result *result, hg_error *err) HG_MUST_CHECK;

/* hg_train_run by processes that have joined. */
hg_status hg_train_run_joined(const hg_train_settings *settings, hg_reduce *reduce,
                              const hg_train_listener *listener, hg_train_result *result,
                              hg_error *err) HG_MUST_CHECK;

/* A line in the log and for the listener. */
void hg_train_note(hg_train_job *job, const char *kind, const char *text);

#endif
