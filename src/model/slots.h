/* SPDX-License-Identifier: Apache-2.0
 *
 * slots.h: the linear layers that a decoder layer can have. Phi-3 and phi-4 fuse q, k, v and gate, up;
 * Qwen2.5 keeps them apart. A plug-in adapts every slot that the family has, so weights and plug-ins are
 * arrays over the same slots.
 */
#ifndef HG_MODEL_SLOTS_H
#define HG_MODEL_SLOTS_H

#include "formats/model_config.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum hg_slot {
    HG_SLOT_QKV,
    HG_SLOT_Q,
    HG_SLOT_K,
    HG_SLOT_V,
    HG_SLOT_O,
    HG_SLOT_GATE_UP,
    HG_SLOT_GATE,
    HG_SLOT_UP,
    HG_SLOT_DOWN
} hg_slot;

#define HG_SLOT_COUNT 9

/* Whether layers of this family have the slot. */
bool hg_slot_exists(const hg_decoder_config *config, hg_slot slot);

/* Inputs and outputs of the slot's linear layer. */
void hg_slot_shape(const hg_decoder_config *config, hg_slot slot, int64_t *in, int64_t *out);

/* Whether the slot's linear layer has a bias (q, k, v of Qwen2.5). */
bool hg_slot_has_bias(const hg_decoder_config *config, hg_slot slot);

/* The module's path within a layer, such as "self_attn.qkv_proj": the released files' own name. */
const char *hg_slot_path(hg_slot slot);

#endif
