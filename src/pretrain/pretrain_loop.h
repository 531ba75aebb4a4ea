/* SPDX-License-Identifier: Apache-2.0
 *
 * pretrain_loop.h: training of all weights of a small model.
 *
 * A step's items are cut into shards, whose number is a setting and not that of the threads. Each shard is
 * computed by one thread, with a model, memory and gradients of its own; gradients and sums are added in the
 * order of the shards. So small work needs no waiting within it, and results are the same for any number of
 * threads. Everything that a step depends on is in the checkpoint or follows from settings, data and step.
 */
#ifndef HG_PRETRAIN_PRETRAIN_LOOP_H
#define HG_PRETRAIN_PRETRAIN_LOOP_H

#include "ops/tape.h"
#include "pretrain/pretrain_settings.h"
#include "pretrain/weight_bank.h"

#define HG_PRETRAIN_SUMS 8

typedef struct hg_pretrain_shard {
    hg_ctx ctx; /* one thread; its tape is set; the arena is emptied by hg_pretrain_backward */
    hg_arena arena;
    hg_tape tape;
    float *grads;
    void *model;                   /* of the stage's model_bytes, with gradients */
    double loss;                   /* to be added to: what the gradients are of */
    double sums[HG_PRETRAIN_SUMS]; /* the stage's own */
    hg_kernels kernels;            /* the context's */
    hg_arena model_arena;
    hg_tensor_set *set;
    hg_bank_view view;
} hg_pretrain_shard;

/* The items of one shard of a step. */
typedef struct hg_pretrain_items {
    const uint32_t *items;
    int64_t first, n; /* its place in the step's batch, and how many */
    int64_t step;     /* from 0 */
    int64_t batch;    /* of all shards */
} hg_pretrain_items;

struct hg_pretrain_loop;

/* What a stage is. All functions but after_step, measure and restored are needed. */
typedef struct hg_pretrain_plan {
    void *user;
    size_t model_bytes;
    int64_t n_items;
    uint64_t fingerprint; /* of the data */
    int64_t units_each;   /* what an item counts in speeds: 1, or its tokens */
    hg_bank_init_fn init;
    /* Fills `model` from the set, which makes what it is asked for; zeroed before. */
    hg_status (*load)(void *user, void *model, const hg_tensor_set *set, hg_arena *arena, hg_error *err);
    /* Adds gradient, loss and sums of the items. Failures go to the shard's context. */
    void (*gradient)(void *user, hg_pretrain_shard *shard, const hg_pretrain_items *items);
    /* After the optimiser: what is not learnt by gradients. `step` counts those made. */
    hg_status (*after_step)(void *user, struct hg_pretrain_loop *loop, int64_t step, hg_error *err);
    /* At checkpoints and at the end: on data held back, with the shard's model and no tape. */
    void (*measure)(void *user, hg_pretrain_shard *shard, hg_pretrain_result *result);
    /* The part's files. */
    hg_status (*write)(void *user, const hg_weight_bank *bank, hg_error *err);
} hg_pretrain_plan;

typedef struct hg_pretrain_loop hg_pretrain_loop;

/* One line to log and listener. */
void hg_pretrain_note(hg_pretrain_loop *loop, const char *kind, const char *text);

hg_weight_bank *hg_pretrain_bank(hg_pretrain_loop *loop);
int64_t hg_pretrain_n_steps(const hg_pretrain_loop *loop);

/* Sum number i of all shards of the last step. */
double hg_pretrain_sum(const hg_pretrain_loop *loop, int i);

/* Runs the tape of a shard back from the losses, which may be NULL when its context has failed, adds them to
 * its loss, each times its weight (`weights` NULL: 1), and empties tape and arena. */
void hg_pretrain_backward(hg_pretrain_shard *shard, hg_tensor *const *losses, const double *weights, int n);

/* A generator for something random about an item of a step. */
hg_rng hg_pretrain_rng(int64_t seed, int64_t step, int64_t item);

/* The whole run. `result` holds what the stage has put in before. */
hg_status hg_pretrain_loop_run(const hg_pretrain_plan *plan, const hg_pretrain_settings *settings,
                               const hg_train_listener *listener, hg_pretrain_result *result,
                               hg_error *err) HG_MUST_CHECK;

void hg_pretrain_put_measure(hg_pretrain_result *result, const char *name, double value);

#endif
