/* SPDX-License-Identifier: Apache-2.0
 *
 * plugin_names.h: the tensors of a plug-in under their released names, in the order of the released files:
 * layer by layer router (not of LoRA), A and B of every slot, then the projector.
 */
#ifndef HG_TRAIN_PLUGIN_NAMES_H
#define HG_TRAIN_PLUGIN_NAMES_H

#include "model/plugin.h"

#define HG_FUSION_EMBED_NAME "base_model.model.model.embed_tokens.weight"
#define HG_FUSION_HEAD_NAME "base_model.model.lm_head.weight"

typedef hg_status (*hg_plugin_visitor)(void *user, const char *name, hg_tensor *tensor, hg_error *err);

/* Calls `visit` for every tensor until it fails. */
hg_status hg_plugin_visit(hg_plugin *plugin, const hg_decoder_config *config, hg_plugin_visitor visit,
                          void *user, hg_error *err) HG_MUST_CHECK;

#endif
