/* SPDX-License-Identifier: Apache-2.0
 *
 * slots.c: one table of names, one of shapes.
 */
#include "model/slots.h"

bool hg_slot_exists(const hg_decoder_config *config, hg_slot slot)
{
    bool fused = config->family == HG_FAMILY_PHI3;
    switch (slot) {
    case HG_SLOT_O:
    case HG_SLOT_DOWN:
        return true;
    case HG_SLOT_QKV:
    case HG_SLOT_GATE_UP:
        return fused;
    default:
        return !fused;
    }
}

void hg_slot_shape(const hg_decoder_config *config, hg_slot slot, int64_t *in, int64_t *out)
{
    int64_t hidden = config->hidden, ffn = config->ffn;
    int64_t q = (int64_t)config->n_heads * config->head_dim,
            kv = (int64_t)config->n_kv_heads * config->head_dim;
    const int64_t shapes[HG_SLOT_COUNT][2] = {
        [HG_SLOT_QKV] = {hidden, q + 2 * kv},
        [HG_SLOT_Q] = {hidden, q},
        [HG_SLOT_K] = {hidden, kv},
        [HG_SLOT_V] = {hidden, kv},
        [HG_SLOT_O] = {q, hidden},
        [HG_SLOT_GATE_UP] = {hidden, 2 * ffn},
        [HG_SLOT_GATE] = {hidden, ffn},
        [HG_SLOT_UP] = {hidden, ffn},
        [HG_SLOT_DOWN] = {ffn, hidden},
    };
    *in = shapes[slot][0];
    *out = shapes[slot][1];
}

bool hg_slot_has_bias(const hg_decoder_config *config, hg_slot slot)
{
    return config->family == HG_FAMILY_QWEN2 && (slot == HG_SLOT_Q || slot == HG_SLOT_K || slot == HG_SLOT_V);
}

const char *hg_slot_path(hg_slot slot)
{
    static const char *const paths[HG_SLOT_COUNT] = {
        "self_attn.qkv_proj", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
        "mlp.gate_up_proj",   "mlp.gate_proj",    "mlp.up_proj",      "mlp.down_proj",
    };
    return paths[slot];
}
