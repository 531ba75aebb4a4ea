/* SPDX-License-Identifier: Apache-2.0
 *
 * sample_gradient.h: loss and gradient of a pack of samples. The inputs of the decoder's layers are kept, and
 * the activations of those that fit; the others are computed again, with a tape, when their gradient is due.
 * Logits exist for a few rows at a time.
 */
#ifndef HG_TRAIN_SAMPLE_GRADIENT_H
#define HG_TRAIN_SAMPLE_GRADIENT_H

#include "model/healthgpt_model.h"
#include "train/kept_layers.h"
#include "train/sample_pack.h"

/* Hears when the backward pass has left a decoder layer: nothing is added to that layer's gradients any more
 * by these samples. */
typedef struct hg_layer_listener {
    void (*layer_done)(void *user, int64_t layer);
    void *user;
} hg_layer_listener;

/* Adds the gradient of the sum of the labels' losses to the tensors that learn, and that sum of sample i to
 * losses[i]. `fused`: with the embedding and head of generation for both tasks. Everything in the context's
 * arena since the call is gone afterwards; the context has no tape. `kept` (NULL: nothing is kept) and
 * `listener` may be NULL. */
hg_status hg_sample_gradient(hg_ctx *ctx, hg_healthgpt *model, const hg_sample_pack *pack, bool fused,
                             hg_kept_layers *kept, const hg_layer_listener *listener, double *losses,
                             hg_error *err) HG_MUST_CHECK;

/* The losses alone. */
hg_status hg_sample_loss(hg_ctx *ctx, hg_healthgpt *model, const hg_sample_pack *pack, bool fused,
                         double *losses, hg_error *err) HG_MUST_CHECK;

#endif
