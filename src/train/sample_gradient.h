/* SPDX-License-Identifier: Apache-2.0
 *
 * sample_gradient.h: loss and gradient of one sample. The inputs of the decoder's layers are kept, and the
 * activations of those that fit; the others are computed again, with a tape, when their gradient is due.
 * Logits exist for a few rows at a time.
 */
#ifndef HG_TRAIN_SAMPLE_GRADIENT_H
#define HG_TRAIN_SAMPLE_GRADIENT_H

#include "engine/prompt.h"
#include "model/healthgpt_model.h"
#include "train/kept_layers.h"

/* What a sample is by the time that it is computed. */
typedef struct hg_train_sample {
    hg_task task;
    hg_prompt prompt; /* all positions, the answer's among them */
    int32_t *labels;  /* (n_items): the token that should follow the position; -1 where it does not matter */
    int64_t n_labels; /* that are not -1 */
    bool was_cut;     /* the answer's end does not fit */
} hg_train_sample;

void hg_train_sample_deinit(hg_train_sample *s);

/* Hears when the backward pass has left a decoder layer: nothing is added to that layer's gradients any more
 * by this sample. */
typedef struct hg_layer_listener {
    void (*layer_done)(void *user, int64_t layer);
    void *user;
} hg_layer_listener;

/* Adds the gradient of the sum of the labels' losses to the tensors that learn, and that sum to *loss.
 * `fused`: with the embedding and head of generation for both tasks. Everything in the context's arena since
 * the call is gone afterwards; the context has no tape. `kept` (NULL: nothing is kept) and `listener` may be
 * NULL. */
hg_status hg_sample_gradient(hg_ctx *ctx, hg_healthgpt *model, const hg_train_sample *sample, bool fused,
                             hg_kept_layers *kept, const hg_layer_listener *listener, double *loss,
                             hg_error *err) HG_MUST_CHECK;

/* The loss alone. */
hg_status hg_sample_loss(hg_ctx *ctx, hg_healthgpt *model, const hg_train_sample *sample, bool fused,
                         double *loss, hg_error *err) HG_MUST_CHECK;

#endif
