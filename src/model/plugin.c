/* SPDX-License-Identifier: Apache-2.0
 *
 * plugin.c: the released names, checked one by one: nothing missing, nothing left over.
 */
#include "model/plugin.h"

#include <stdio.h>

#define PLUGIN_PREFIX "base_model.model.model."

static void plugin_name(char name[HG_WEIGHT_NAME_BYTES], int64_t layer, hg_slot slot, const char *part)
{
    snprintf(name, HG_WEIGHT_NAME_BYTES, PLUGIN_PREFIX "layers.%lld.%s.%s.weight", (long long)layer,
             hg_slot_path(slot), part);
}

size_t hg_plugin_tensors_per_slot(hg_adapter_kind kind)
{
    return kind == HG_ADAPTER_LORA ? 2 : 3;
}

void hg_plugin_b_shape(hg_adapter_kind kind, int64_t rank, int64_t n_experts, int64_t out, int64_t shape[2])
{
    bool apart = kind == HG_ADAPTER_MOELORA;
    shape[0] = apart ? n_experts * out : out;
    shape[1] = apart ? rank / n_experts : rank;
}

/* LoRA has no router; MoELoRA's B is narrower than A is high. With one expert MoELoRA is H-LoRA. */
static hg_status plugin_read_kind(hg_plugin *p, const hg_tensor_set *source, hg_error *err)
{
    char name[HG_WEIGHT_NAME_BYTES];
    hg_tensor a, b;
    plugin_name(name, 0, HG_SLOT_O, "lora_route");
    bool routed = hg_tensor_set_find(source, name) != NULL;
    plugin_name(name, 0, HG_SLOT_O, "lora_A");
    hg_status status = hg_weight_take(source, name, 2, (int64_t[]){HG_WEIGHT_ANY, HG_WEIGHT_ANY}, &a, err);
    plugin_name(name, 0, HG_SLOT_O, "lora_B");
    if (status == HG_STATUS_OK)
        status = hg_weight_take(source, name, 2, (int64_t[]){HG_WEIGHT_ANY, HG_WEIGHT_ANY}, &b, err);
    if (status == HG_STATUS_OK)
        p->kind = !routed ? HG_ADAPTER_LORA : b.shape[1] < a.shape[0] ? HG_ADAPTER_MOELORA : HG_ADAPTER_HLORA;
    return status;
}

/* Rank and experts from the first adapted layer; all others must agree. */
static hg_status plugin_read_sizes(hg_plugin *p, const hg_tensor_set *source, const hg_decoder_config *config,
                                   hg_error *err)
{
    char name[HG_WEIGHT_NAME_BYTES];
    hg_tensor a, router;
    int64_t in, out;
    hg_slot_shape(config, HG_SLOT_O, &in, &out);
    hg_status status = plugin_read_kind(p, source, err);
    plugin_name(name, 0, HG_SLOT_O, "lora_A");
    if (status == HG_STATUS_OK)
        status = hg_weight_take(source, name, 2, (int64_t[]){HG_WEIGHT_ANY, in}, &a, err);
    plugin_name(name, 0, HG_SLOT_O, "lora_route");
    if (status == HG_STATUS_OK && p->kind != HG_ADAPTER_LORA)
        status = hg_weight_take(source, name, 2, (int64_t[]){HG_WEIGHT_ANY, in}, &router, err);
    if (status != HG_STATUS_OK)
        return status;
    p->rank = a.shape[0];
    p->n_experts = p->kind == HG_ADAPTER_LORA ? 1 : router.shape[0];
    if (p->rank < 1 || p->n_experts < 1 || p->rank % p->n_experts != 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: rank %lld cannot be shared by %lld experts",
                            hg_weight_label(source), (long long)p->rank, (long long)p->n_experts);
    return HG_STATUS_OK;
}

static hg_status plugin_load_slot(hg_plugin *p, const hg_tensor_set *source, const hg_decoder_config *config,
                                  int64_t layer, hg_slot slot, double scale, hg_error *err)
{
    char name[HG_WEIGHT_NAME_BYTES];
    hg_hlora *h = hg_plugin_get(p, layer, slot);
    int64_t in, out;
    hg_slot_shape(config, slot, &in, &out);
    h->scale = (hg_real)scale;
    plugin_name(name, layer, slot, "lora_A");
    hg_status status = hg_weight_take(source, name, 2, (int64_t[]){p->rank, in}, &h->a, err);
    if (status != HG_STATUS_OK)
        return status;
    plugin_name(name, layer, slot, "lora_B");
    int64_t b_shape[2];
    hg_plugin_b_shape(p->kind, p->rank, p->n_experts, out, b_shape);
    status = hg_weight_take(source, name, 2, b_shape, &h->b, err);
    if (status != HG_STATUS_OK || p->kind == HG_ADAPTER_LORA)
        return status;
    plugin_name(name, layer, slot, "lora_route");
    return hg_weight_take(source, name, 2, (int64_t[]){p->n_experts, in}, &h->router, err);
}

hg_hlora *hg_plugin_get(const hg_plugin *plugin, int64_t layer, hg_slot slot)
{
    return &plugin->slots[layer * HG_SLOT_COUNT + slot];
}

hg_status hg_plugin_load(hg_plugin *plugin, const hg_tensor_set *source, const hg_decoder_config *config,
                         int64_t vision_width, double alpha, hg_arena *arena, hg_error *err)
{
    *plugin = (hg_plugin){.n_layers = config->n_layers};
    plugin->slots = hg_arena_array(arena, (size_t)config->n_layers * HG_SLOT_COUNT, sizeof *plugin->slots);
    if (plugin->slots == NULL)
        return hg_error_memory(
            err, (unsigned long long)config->n_layers * HG_SLOT_COUNT * sizeof *plugin->slots, "a plug-in");
    hg_status status = plugin_read_sizes(plugin, source, config, err);
    if (status != HG_STATUS_OK)
        return status;
    double full_alpha = alpha > 0 ? alpha : 2 * (double)plugin->rank;
    double scale = full_alpha / ((double)plugin->rank / (double)plugin->n_experts);
    size_t expected = 4; /* the projector */
    for (int64_t layer = 0; layer < config->n_layers; layer++) {
        for (int slot = 0; slot < HG_SLOT_COUNT; slot++) {
            if (!hg_slot_exists(config, (hg_slot)slot))
                continue;
            expected += hg_plugin_tensors_per_slot(plugin->kind);
            status = plugin_load_slot(plugin, source, config, layer, (hg_slot)slot, scale, err);
            if (status != HG_STATUS_OK)
                return status;
        }
    }
    status = hg_projector_load(&plugin->projector, source, PLUGIN_PREFIX, vision_width, config->hidden, arena,
                               err);
    if (status != HG_STATUS_OK)
        return status;
    if (hg_tensor_set_n_tensors(source) != expected)
        return hg_error_set(
            err, HG_STATUS_INPUT,
            "%s: %zu tensors, but a plug-in of this base model has %zu: it belongs to another model",
            hg_weight_label(source), hg_tensor_set_n_tensors(source), expected);
    return HG_STATUS_OK;
}
