/* SPDX-License-Identifier: Apache-2.0
 *
 * weight_plan.c: names and shapes as in the released files. Spreads keep activations near 1 through all
 * layers, so that a random model makes varied tokens.
 */
#include "package/weight_plan.h"

#include "base/memory.h"
#include "model/slots.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void hg_weight_plan_deinit(hg_weight_plan *plan)
{
    hg_mem_free(plan->tensors);
    hg_mem_free(plan->specs);
    *plan = (hg_weight_plan){.dtype = plan->dtype};
}

static bool plan_grow(hg_weight_plan *plan)
{
    if (plan->n < plan->capacity)
        return true;
    size_t capacity = plan->capacity == 0 ? 256 : 2 * plan->capacity;
    hg_planned_tensor *tensors = hg_mem_resize(plan->tensors, capacity, sizeof *tensors);
    if (tensors != NULL)
        plan->tensors = tensors;
    hg_tensor_spec *specs = hg_mem_resize(plan->specs, capacity, sizeof *specs);
    if (specs != NULL)
        plan->specs = specs;
    plan->failed = plan->failed || tensors == NULL || specs == NULL;
    if (plan->failed)
        return false;
    plan->capacity = capacity;
    for (size_t i = 0; i < plan->n; i++) /* the names have moved */
        plan->specs[i].name = plan->tensors[i].name;
    return true;
}

/* Spread 0 gives zeros, a negative one gives ones. */
static void plan_add(hg_weight_plan *plan, double spread, int n_dims, const int64_t *shape,
                     const char *format, ...) HG_PRINTF(5, 6);

static void plan_add(hg_weight_plan *plan, double spread, int n_dims, const int64_t *shape,
                     const char *format, ...)
{
    if (!plan_grow(plan))
        return;
    hg_planned_tensor *t = &plan->tensors[plan->n];
    va_list args;
    va_start(args, format);
    vsnprintf(t->name, sizeof t->name, format, args);
    va_end(args);
    t->ones = spread < 0;
    t->spread = spread;
    hg_tensor_spec *spec = &plan->specs[plan->n++];
    *spec = (hg_tensor_spec){.name = t->name, .dtype = plan->dtype, .n_dims = n_dims};
    memcpy(spec->shape, shape, (size_t)n_dims * sizeof *shape);
}

static void add_vector(hg_weight_plan *plan, double spread, int64_t n, const char *module, const char *part)
{
    plan_add(plan, spread, 1, &n, "%s.%s", module, part);
}

/* A matrix whose output has the spread `gain` for input of spread 1. */
static void add_matrix(hg_weight_plan *plan, double gain, int64_t out, int64_t in, const char *module,
                       const char *part)
{
    plan_add(plan, gain / sqrt((double)in), 2, (int64_t[]){out, in}, "%s.%s", module, part);
}

void hg_weight_plan_base(hg_weight_plan *plan, const hg_random_shape *shape)
{
    const hg_decoder_config *c = &shape->decoder;
    char module[96];
    add_matrix(plan, sqrt((double)c->hidden), c->vocab, c->hidden, "model.embed_tokens", "weight");
    for (int64_t layer = 0; layer < c->n_layers; layer++) {
        snprintf(module, sizeof module, "model.layers.%lld.input_layernorm", (long long)layer);
        add_vector(plan, -1, c->hidden, module, "weight");
        snprintf(module, sizeof module, "model.layers.%lld.post_attention_layernorm", (long long)layer);
        add_vector(plan, -1, c->hidden, module, "weight");
        for (int slot = 0; slot < HG_SLOT_COUNT; slot++) {
            if (!hg_slot_exists(c, (hg_slot)slot))
                continue;
            int64_t in, out;
            hg_slot_shape(c, (hg_slot)slot, &in, &out);
            snprintf(module, sizeof module, "model.layers.%lld.%s", (long long)layer,
                     hg_slot_path((hg_slot)slot));
            add_matrix(plan, 1, out, in, module, "weight");
            if (hg_slot_has_bias(c, (hg_slot)slot))
                add_vector(plan, 0.1, out, module, "bias");
        }
    }
    add_vector(plan, -1, c->hidden, "model.norm", "weight");
    add_matrix(plan, 3, c->vocab, c->hidden, "lm_head", "weight");
}

static void add_clip_linear(hg_weight_plan *plan, int64_t layer, const char *name, int64_t out, int64_t in)
{
    char module[96];
    snprintf(module, sizeof module, "vision_model.encoder.layers.%lld.%s", (long long)layer, name);
    add_matrix(plan, 1, out, in, module, "weight");
    add_vector(plan, 0.02, out, module, "bias");
}

static void add_norm(hg_weight_plan *plan, int64_t n, const char *module)
{
    add_vector(plan, -1, n, module, "weight");
    add_vector(plan, 0.02, n, module, "bias");
}

void hg_weight_plan_clip(hg_weight_plan *plan, const hg_random_shape *shape)
{
    const hg_clip_config *c = &shape->clip;
    int64_t side = c->image_size / c->patch;
    char module[96];
    add_vector(plan, 0.5, c->hidden, "vision_model.embeddings", "class_embedding");
    plan_add(plan, 0.05, 4, (int64_t[]){c->hidden, 3, c->patch, c->patch},
             "vision_model.embeddings.patch_embedding.weight");
    plan_add(plan, 0.5, 2, (int64_t[]){1 + side * side, c->hidden},
             "vision_model.embeddings.position_embedding.weight");
    add_norm(plan, c->hidden, "vision_model.pre_layrnorm");
    for (int64_t layer = 0; layer < c->n_layers; layer++) {
        for (int norm = 1; norm <= 2; norm++) {
            snprintf(module, sizeof module, "vision_model.encoder.layers.%lld.layer_norm%d", (long long)layer,
                     norm);
            add_norm(plan, c->hidden, module);
        }
        static const char *const square[] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                                             "self_attn.out_proj"};
        for (int i = 0; i < 4; i++)
            add_clip_linear(plan, layer, square[i], c->hidden, c->hidden);
        add_clip_linear(plan, layer, "mlp.fc1", c->mlp, c->hidden);
        add_clip_linear(plan, layer, "mlp.fc2", c->hidden, c->mlp);
    }
}

void hg_weight_plan_plugin(hg_weight_plan *plan, const hg_random_shape *shape, int64_t rank)
{
    const hg_decoder_config *c = &shape->decoder;
    char module[128];
    for (int64_t layer = 0; layer < c->n_layers; layer++) {
        for (int slot = 0; slot < HG_SLOT_COUNT; slot++) {
            if (!hg_slot_exists(c, (hg_slot)slot))
                continue;
            int64_t in, out;
            hg_slot_shape(c, (hg_slot)slot, &in, &out);
            snprintf(module, sizeof module, "base_model.model.model.layers.%lld.%s", (long long)layer,
                     hg_slot_path((hg_slot)slot));
            add_matrix(plan, 1, shape->n_experts, in, module, "lora_route.weight");
            add_matrix(plan, 1, rank, in, module, "lora_A.weight");
            add_matrix(plan, 0.1, out, rank, module, "lora_B.weight");
        }
    }
    add_matrix(plan, 1, c->hidden, shape->clip.hidden, "base_model.model.model.mm_projector.0", "weight");
    add_vector(plan, 0.1, c->hidden, "base_model.model.model.mm_projector.0", "bias");
    add_matrix(plan, 1, c->hidden, c->hidden, "base_model.model.model.mm_projector.2", "weight");
    add_vector(plan, 0.1, c->hidden, "base_model.model.model.mm_projector.2", "bias");
}

void hg_weight_plan_fusion(hg_weight_plan *plan, const hg_random_shape *shape)
{
    int64_t rows = shape->n_tokens + shape->vqgan.n_embed + 3, hidden = shape->decoder.hidden;
    add_matrix(plan, sqrt((double)hidden), rows, hidden, "base_model.model.model.embed_tokens", "weight");
    add_matrix(plan, 3, rows, hidden, "base_model.model.lm_head", "weight");
}

/* A convolution with its bias. */
static void add_conv(hg_weight_plan *plan, int64_t out, int64_t in, int64_t kernel, const char *module)
{
    plan_add(plan, 1 / sqrt((double)(in * kernel * kernel)), 4, (int64_t[]){out, in, kernel, kernel},
             "%s.weight", module);
    plan_add(plan, 0.02, 1, &out, "%s.bias", module);
}

static void add_named_conv(hg_weight_plan *plan, int64_t out, int64_t in, int64_t kernel, const char *module,
                           const char *name)
{
    char full[160];
    snprintf(full, sizeof full, "%s.%s", module, name);
    add_conv(plan, out, in, kernel, full);
}

static void add_named_norm(hg_weight_plan *plan, int64_t n, const char *module, const char *name)
{
    char full[160];
    snprintf(full, sizeof full, "%s.%s", module, name);
    add_norm(plan, n, full);
}

static void add_res_block(hg_weight_plan *plan, int64_t in, int64_t out, const char *module)
{
    add_named_norm(plan, in, module, "norm1");
    add_named_conv(plan, out, in, 3, module, "conv1");
    add_named_norm(plan, out, module, "norm2");
    add_named_conv(plan, out, out, 3, module, "conv2");
    if (in != out)
        add_named_conv(plan, out, in, 1, module, "nin_shortcut");
}

static void add_attention_block(hg_weight_plan *plan, int64_t n, const char *module)
{
    static const char *const convs[] = {"q", "k", "v", "proj_out"};
    add_named_norm(plan, n, module, "norm");
    for (int i = 0; i < 4; i++)
        add_named_conv(plan, n, n, 1, module, convs[i]);
}

static void add_middle(hg_weight_plan *plan, int64_t n, const char *coder)
{
    char module[96];
    snprintf(module, sizeof module, "%s.mid.block_1", coder);
    add_res_block(plan, n, n, module);
    snprintf(module, sizeof module, "%s.mid.attn_1", coder);
    add_attention_block(plan, n, module);
    snprintf(module, sizeof module, "%s.mid.block_2", coder);
    add_res_block(plan, n, n, module);
}

static bool has_attention(const hg_vqgan_config *c, int level)
{
    for (int i = 0; i < c->n_attn_resolutions; i++) {
        if (c->attn_resolutions[i] == c->resolution >> level)
            return true;
    }
    return false;
}

/* `n_blocks` blocks of one level; returns the channels after them. */
static int64_t add_level(hg_weight_plan *plan, const hg_vqgan_config *c, const char *coder,
                         const char *direction, int level, int64_t n_blocks, int64_t in)
{
    char module[96];
    int64_t out = c->ch * c->ch_mult[level];
    for (int64_t i = 0; i < n_blocks; i++) {
        snprintf(module, sizeof module, "%s.%s.%d.block.%lld", coder, direction, level, (long long)i);
        add_res_block(plan, i == 0 ? in : out, out, module);
        snprintf(module, sizeof module, "%s.%s.%d.attn.%lld", coder, direction, level, (long long)i);
        if (has_attention(c, level))
            add_attention_block(plan, out, module);
    }
    return out;
}

void hg_weight_plan_vqgan(hg_weight_plan *plan, const hg_random_shape *shape)
{
    const hg_vqgan_config *c = &shape->vqgan;
    char module[96];
    int64_t channels = c->ch;
    add_conv(plan, c->ch, c->in_channels, 3, "encoder.conv_in");
    for (int level = 0; level < c->n_levels; level++) {
        channels = add_level(plan, c, "encoder", "down", level, c->n_res_blocks, channels);
        snprintf(module, sizeof module, "encoder.down.%d.downsample.conv", level);
        if (level + 1 < c->n_levels)
            add_conv(plan, channels, channels, 3, module);
    }
    add_middle(plan, channels, "encoder");
    add_norm(plan, channels, "encoder.norm_out");
    add_conv(plan, c->z_channels, channels, 3, "encoder.conv_out");
    add_conv(plan, channels, c->z_channels, 3, "decoder.conv_in");
    add_middle(plan, channels, "decoder");
    for (int level = c->n_levels - 1; level >= 0; level--) {
        channels = add_level(plan, c, "decoder", "up", level, c->n_res_blocks + 1, channels);
        snprintf(module, sizeof module, "decoder.up.%d.upsample.conv", level);
        if (level > 0)
            add_conv(plan, channels, channels, 3, module);
    }
    add_norm(plan, channels, "decoder.norm_out");
    add_conv(plan, c->out_ch, channels, 3, "decoder.conv_out");
    add_conv(plan, c->n_embed, c->embed_dim, 1, "quantize.proj");
    add_matrix(plan, sqrt((double)c->embed_dim), c->n_embed, c->embed_dim, "quantize.embed", "weight");
    add_conv(plan, c->embed_dim, c->z_channels, 1, "quant_conv");
    add_conv(plan, c->z_channels, c->embed_dim, 1, "post_quant_conv");
}
