/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder_load.c: the Hugging Face names of Phi-3 and Qwen2 checkpoints, and their shapes.
 */
#include "model/decoder.h"

#include <stdio.h>

typedef struct decoder_loader {
    const hg_decoder_config *config;
    const hg_tensor_set *source;
    hg_arena *arena;
    hg_error *err;
} decoder_loader;

static hg_status load_norm(const decoder_loader *l, const char *name, hg_tensor *out)
{
    int64_t hidden = l->config->hidden;
    return hg_weight_take_real(l->source, l->arena, name, 1, &hidden, out, l->err);
}

static hg_status load_slot(const decoder_loader *l, int64_t index, hg_slot slot, hg_decoder_layer *layer)
{
    char name[HG_WEIGHT_NAME_BYTES];
    int64_t in, out;
    hg_slot_shape(l->config, slot, &in, &out);
    snprintf(name, sizeof name, "model.layers.%lld.%s.weight", (long long)index, hg_slot_path(slot));
    hg_status status = hg_weight_take(l->source, name, 2, (int64_t[]){out, in}, &layer->weight[slot], l->err);
    if (status != HG_STATUS_OK || !hg_slot_has_bias(l->config, slot))
        return status;
    snprintf(name, sizeof name, "model.layers.%lld.%s.bias", (long long)index, hg_slot_path(slot));
    return hg_weight_take_real(l->source, l->arena, name, 1, &out, &layer->bias[slot], l->err);
}

static hg_status load_layer(const decoder_loader *l, int64_t index, hg_decoder_layer *layer)
{
    char name[HG_WEIGHT_NAME_BYTES];
    snprintf(name, sizeof name, "model.layers.%lld.input_layernorm.weight", (long long)index);
    hg_status status = load_norm(l, name, &layer->input_norm);
    if (status != HG_STATUS_OK)
        return status;
    snprintf(name, sizeof name, "model.layers.%lld.post_attention_layernorm.weight", (long long)index);
    status = load_norm(l, name, &layer->post_norm);
    for (int slot = 0; slot < HG_SLOT_COUNT && status == HG_STATUS_OK; slot++) {
        if (hg_slot_exists(l->config, (hg_slot)slot))
            status = load_slot(l, index, (hg_slot)slot, layer);
    }
    return status;
}

hg_status hg_decoder_load(hg_decoder *d, const hg_decoder_config *config, const hg_tensor_set *source,
                          hg_arena *arena, hg_error *err)
{
    *d = (hg_decoder){.config = *config};
    d->layers = hg_arena_array(arena, (size_t)config->n_layers, sizeof *d->layers);
    if (d->layers == NULL)
        return hg_error_memory(err, (unsigned long long)config->n_layers * sizeof *d->layers,
                               "the decoder's layers");
    decoder_loader loader = {config, source, arena, err};
    int64_t table[2] = {config->vocab, config->hidden};
    hg_status status = hg_weight_take(source, "model.embed_tokens.weight", 2, table, &d->embed, err);
    for (int64_t i = 0; i < config->n_layers && status == HG_STATUS_OK; i++)
        status = load_layer(&loader, i, &d->layers[i]);
    if (status == HG_STATUS_OK)
        status = load_norm(&loader, "model.norm.weight", &d->norm);
    if (status != HG_STATUS_OK)
        return status;
    if (config->tie_embeddings) {
        d->head = d->embed;
        return HG_STATUS_OK;
    }
    return hg_weight_take(source, "lm_head.weight", 2, table, &d->head, err);
}
