/* SPDX-License-Identifier: Apache-2.0
 *
 * trainee.h: the tensors of a model that learn. Each gets an f32 master, a gradient and the optimiser's
 * moments; the model's own tensor is made to point at master and gradient, so forward and backward passes
 * need not know. All other tensors of the model stay as they are: mapped, of any type, without a gradient.
 */
#ifndef HG_TRAIN_TRAINEE_H
#define HG_TRAIN_TRAINEE_H

#include "base/arena.h"
#include "base/error.h"
#include "model/healthgpt_model.h"
#include "train/adamw.h"
#include "train/stage.h"
#include "train/train_open.h"

/* Groups of the optimiser. */
typedef enum hg_trainee_group {
    HG_TRAINEE_GROUP_MAIN,      /* H-LoRA, embedding, head */
    HG_TRAINEE_GROUP_PROJECTOR, /* its matrices */
    HG_TRAINEE_GROUP_BIAS       /* its biases: no weight decay */
} hg_trainee_group;

#define HG_TRAINEE_GROUP_COUNT 3

/* Of projectors, embedding and head. */
#define HG_TRAINEE_NO_LAYER (-1)

typedef struct hg_trainee {
    hg_arena arena;   /* masters, gradients, moments */
    hg_param *params; /* in the order of the released files */
    char (*names)[HG_WEIGHT_NAME_BYTES];
    hg_tensor **tensors; /* the model's, which now point at the masters */
    int64_t *layers;     /* the decoder layer that each belongs to, or HG_TRAINEE_NO_LAYER */
    size_t n, capacity;
} hg_trainee;

/* Collects what learns in a stage; the model's task parts must be there. `vocabulary`: embedding and head of
 * generation learn even if the stage has it otherwise. Tensors of parts that were begun are not copied: their
 * memory becomes the master.
 */
hg_status hg_trainee_init(hg_trainee *t, hg_healthgpt *model, const hg_stage *stage, bool vocabulary,
                          const hg_train_begun *begun, hg_error *err) HG_MUST_CHECK;
void hg_trainee_deinit(hg_trainee *t);

void hg_trainee_zero_gradients(hg_trainee *t);

/* The next stretch of parameters that belong to `layer`, from *begin on: *begin and *n say where. False when
 * there is none. */
bool hg_trainee_next_of_layer(const hg_trainee *t, int64_t layer, size_t *begin, size_t *n);

/* Numbers that learn. */
int64_t hg_trainee_count(const hg_trainee *t);

#endif
