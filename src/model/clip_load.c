/* SPDX-License-Identifier: Apache-2.0
 *
 * clip_load.c: names and shapes of `vision_model.*`, with the checkpoint's own misspelling of "pre_layrnorm".
 */
#include "model/clip.h"

#include <stdio.h>

typedef struct clip_loader {
    const hg_tensor_set *source;
    hg_arena *arena;
    hg_error *err;
} clip_loader;

/* Weight (out, in) in place and bias (out) as activations. */
static hg_status load_linear(const clip_loader *l, int64_t layer, const char *module, int64_t out, int64_t in,
                             hg_tensor *w, hg_tensor *b)
{
    char name[HG_WEIGHT_NAME_BYTES];
    snprintf(name, sizeof name, "vision_model.encoder.layers.%lld.%s.weight", (long long)layer, module);
    hg_status status = hg_weight_take(l->source, name, 2, (int64_t[]){out, in}, w, l->err);
    if (status != HG_STATUS_OK)
        return status;
    snprintf(name, sizeof name, "vision_model.encoder.layers.%lld.%s.bias", (long long)layer, module);
    return hg_weight_take_real(l->source, l->arena, name, 1, &out, b, l->err);
}

static hg_status load_norm(const clip_loader *l, const char *module, int64_t n, hg_tensor *gain,
                           hg_tensor *bias)
{
    char name[HG_WEIGHT_NAME_BYTES];
    snprintf(name, sizeof name, "vision_model.%s.weight", module);
    hg_status status = hg_weight_take_real(l->source, l->arena, name, 1, &n, gain, l->err);
    if (status != HG_STATUS_OK)
        return status;
    snprintf(name, sizeof name, "vision_model.%s.bias", module);
    return hg_weight_take_real(l->source, l->arena, name, 1, &n, bias, l->err);
}

static hg_status load_layer(const clip_loader *l, const hg_clip_config *c, int64_t i, hg_clip_layer *layer)
{
    char norm1[64], norm2[64];
    snprintf(norm1, sizeof norm1, "encoder.layers.%lld.layer_norm1", (long long)i);
    snprintf(norm2, sizeof norm2, "encoder.layers.%lld.layer_norm2", (long long)i);
    hg_status status = load_norm(l, norm1, c->hidden, &layer->norm1_gain, &layer->norm1_bias);
    if (status == HG_STATUS_OK)
        status = load_norm(l, norm2, c->hidden, &layer->norm2_gain, &layer->norm2_bias);
    if (status == HG_STATUS_OK)
        status = load_linear(l, i, "self_attn.q_proj", c->hidden, c->hidden, &layer->q, &layer->q_bias);
    if (status == HG_STATUS_OK)
        status = load_linear(l, i, "self_attn.k_proj", c->hidden, c->hidden, &layer->k, &layer->k_bias);
    if (status == HG_STATUS_OK)
        status = load_linear(l, i, "self_attn.v_proj", c->hidden, c->hidden, &layer->v, &layer->v_bias);
    if (status == HG_STATUS_OK)
        status = load_linear(l, i, "self_attn.out_proj", c->hidden, c->hidden, &layer->out, &layer->out_bias);
    if (status == HG_STATUS_OK)
        status = load_linear(l, i, "mlp.fc1", c->mlp, c->hidden, &layer->fc1, &layer->fc1_bias);
    if (status == HG_STATUS_OK)
        status = load_linear(l, i, "mlp.fc2", c->hidden, c->mlp, &layer->fc2, &layer->fc2_bias);
    return status;
}

static hg_status load_embeddings(const clip_loader *l, hg_clip *clip)
{
    const hg_clip_config *c = &clip->config;
    int64_t width = c->hidden, patch = c->patch, one_row[2] = {1, width};
    hg_tensor t;
    hg_status status = hg_weight_take_real(l->source, l->arena, "vision_model.embeddings.class_embedding", 1,
                                           &width, &t, l->err);
    if (status != HG_STATUS_OK)
        return status;
    clip->class_embedding = hg_tensor_view_shape(&t, 2, one_row);
    status = hg_weight_take(l->source, "vision_model.embeddings.patch_embedding.weight", 4,
                            (int64_t[]){width, 3, patch, patch}, &t, l->err);
    if (status != HG_STATUS_OK)
        return status;
    clip->patch_embedding = hg_tensor_view_shape(&t, 2, (int64_t[]){width, 3 * patch * patch});
    return hg_weight_take_real(l->source, l->arena, "vision_model.embeddings.position_embedding.weight", 2,
                               (int64_t[]){1 + hg_clip_n_patches(clip), width}, &clip->position_embedding,
                               l->err);
}

hg_status hg_clip_load(hg_clip *clip, const hg_clip_config *config, const hg_tensor_set *source,
                       hg_arena *arena, hg_error *err)
{
    *clip = (hg_clip){.config = *config};
    clip->layers = hg_arena_array(arena, (size_t)config->n_layers, sizeof *clip->layers);
    if (clip->layers == NULL)
        return hg_error_memory(err, (unsigned long long)config->n_layers * sizeof *clip->layers,
                               "the CLIP layers");
    clip_loader loader = {source, arena, err};
    hg_status status = load_embeddings(&loader, clip);
    if (status == HG_STATUS_OK)
        status =
            load_norm(&loader, "pre_layrnorm", config->hidden, &clip->pre_norm_gain, &clip->pre_norm_bias);
    for (int64_t i = 0; i < config->n_layers && status == HG_STATUS_OK; i++)
        status = load_layer(&loader, config, i, &clip->layers[i]);
    return status;
}
