/* SPDX-License-Identifier: Apache-2.0
 *
 * new_parts.h: parts of a model that are not there yet, as the reference begins them: A and router uniform
 * (Kaiming with a = sqrt 5), B zero, so that a new plug-in changes nothing; the projector as PyTorch's linear
 * layers; the rows of picture tokens at the mean of the others.
 */
#ifndef HG_TRAIN_NEW_PARTS_H
#define HG_TRAIN_NEW_PARTS_H

#include "base/rng.h"
#include "model/healthgpt_model.h"

typedef struct hg_new_plugin {
    hg_adapter_kind kind;
    int64_t rank, n_experts; /* over all experts, whose number LoRA does not ask for */
    double alpha;            /* 0: twice the rank */
    int64_t vision_width;
} hg_new_plugin;

hg_status hg_new_plugin_make(hg_plugin *plugin, const hg_new_plugin *how, const hg_decoder_config *config,
                             hg_rng *rng, hg_arena *arena, hg_error *err) HG_MUST_CHECK;

/* (n_tokens + n_more, H) in f32: the first n_tokens rows of `table`, and their mean n_more times. */
hg_status hg_new_rows_make(hg_tensor *out, const hg_tensor *table, int64_t n_tokens, int64_t n_more,
                           hg_arena *arena, hg_error *err) HG_MUST_CHECK;

#endif
