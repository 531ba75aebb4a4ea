/* SPDX-License-Identifier: Apache-2.0
 *
 * part_names.c: one table of pairs serves both directions. '#' stands for a layer's number and matches digits
 * without leading zeros, so that a name has one spelling only.
 */
#include "package/part_names.h"

#include <stdio.h>
#include <string.h>

/* Digits of the largest layer number. */
#define MAX_LAYER_DIGITS 4

/* Which families have the pair; VQGAN and CLIP do not care. */
enum { FAMILY_PHI3 = 1 << HG_FAMILY_PHI3, FAMILY_QWEN2 = 1 << HG_FAMILY_QWEN2, FAMILY_ANY = 3 };

typedef struct name_pair {
    const char *released, *packaged;
    int families;
} name_pair;

static const name_pair base_names[] = {
    {"model.embed_tokens.weight", "token_embd.weight", FAMILY_ANY},
    {"lm_head.weight", "output.weight", FAMILY_ANY},
    {"model.norm.weight", "output_norm.weight", FAMILY_ANY},
    {"model.layers.#.input_layernorm.weight", "blk.#.attn_norm.weight", FAMILY_ANY},
    {"model.layers.#.post_attention_layernorm.weight", "blk.#.ffn_norm.weight", FAMILY_ANY},
    {"model.layers.#.self_attn.q_proj.bias", "blk.#.attn_q.bias", FAMILY_QWEN2},
    {"model.layers.#.self_attn.k_proj.bias", "blk.#.attn_k.bias", FAMILY_QWEN2},
    {"model.layers.#.self_attn.v_proj.bias", "blk.#.attn_v.bias", FAMILY_QWEN2},
    {NULL, NULL, 0},
};

/* Linear layers of a decoder layer: ".weight" in the base, three tensors in a plug-in. */
static const name_pair slot_names[] = {
    {"self_attn.qkv_proj", "attn_qkv", FAMILY_PHI3}, {"self_attn.q_proj", "attn_q", FAMILY_QWEN2},
    {"self_attn.k_proj", "attn_k", FAMILY_QWEN2},    {"self_attn.v_proj", "attn_v", FAMILY_QWEN2},
    {"self_attn.o_proj", "attn_output", FAMILY_ANY}, {"mlp.gate_up_proj", "ffn_up", FAMILY_PHI3},
    {"mlp.gate_proj", "ffn_gate", FAMILY_QWEN2},     {"mlp.up_proj", "ffn_up", FAMILY_QWEN2},
    {"mlp.down_proj", "ffn_down", FAMILY_ANY},       {NULL, NULL, 0},
};

static const name_pair slot_endings[] = {
    {"lora_A.weight", "weight.lora_a", FAMILY_ANY},
    {"lora_B.weight", "weight.lora_b", FAMILY_ANY},
    {"lora_route.weight", "weight.lora_route", FAMILY_ANY},
    {NULL, NULL, 0},
};

static const name_pair projector_names[] = {
    {"base_model.model.model.mm_projector.0.weight", "mm.0.weight", FAMILY_ANY},
    {"base_model.model.model.mm_projector.0.bias", "mm.0.bias", FAMILY_ANY},
    {"base_model.model.model.mm_projector.2.weight", "mm.2.weight", FAMILY_ANY},
    {"base_model.model.model.mm_projector.2.bias", "mm.2.bias", FAMILY_ANY},
    {NULL, NULL, 0},
};

static const name_pair fusion_names[] = {
    {"base_model.model.model.embed_tokens.weight", "gen.token_embd.weight", FAMILY_ANY},
    {"base_model.model.lm_head.weight", "gen.output.weight", FAMILY_ANY},
    {NULL, NULL, 0},
};

static const name_pair clip_names[] = {
    {"vision_model.embeddings.class_embedding", "v.class_embd", FAMILY_ANY},
    {"vision_model.embeddings.patch_embedding.weight", "v.patch_embd.weight", FAMILY_ANY},
    {"vision_model.embeddings.position_embedding.weight", "v.position_embd.weight", FAMILY_ANY},
    {NULL, NULL, 0},
};

/* Each with ".weight" and ".bias". */
static const name_pair clip_modules[] = {
    {"vision_model.pre_layrnorm", "v.pre_ln", FAMILY_ANY},
    {"vision_model.post_layernorm", "v.post_ln", FAMILY_ANY},
    {"vision_model.encoder.layers.#.layer_norm1", "v.blk.#.ln1", FAMILY_ANY},
    {"vision_model.encoder.layers.#.layer_norm2", "v.blk.#.ln2", FAMILY_ANY},
    {"vision_model.encoder.layers.#.self_attn.q_proj", "v.blk.#.attn_q", FAMILY_ANY},
    {"vision_model.encoder.layers.#.self_attn.k_proj", "v.blk.#.attn_k", FAMILY_ANY},
    {"vision_model.encoder.layers.#.self_attn.v_proj", "v.blk.#.attn_v", FAMILY_ANY},
    {"vision_model.encoder.layers.#.self_attn.out_proj", "v.blk.#.attn_out", FAMILY_ANY},
    {"vision_model.encoder.layers.#.mlp.fc1", "v.blk.#.ffn_up", FAMILY_ANY},
    {"vision_model.encoder.layers.#.mlp.fc2", "v.blk.#.ffn_down", FAMILY_ANY},
    {NULL, NULL, 0},
};

static const name_pair affine_endings[] = {
    {"weight", "weight", FAMILY_ANY}, {"bias", "bias", FAMILY_ANY}, {NULL, NULL, 0}};

/* A search for `name`, in one of the two directions; what is found goes to `out`. */
typedef struct name_search {
    const char *name;
    bool to_package;
    int family; /* its bit */
    char *out;
    size_t out_bytes;
} name_search;

/* Matches the name with a pattern; *layer gets the digits that '#' stood for. */
static bool pattern_match(const char *pattern, const char *name, char layer[MAX_LAYER_DIGITS + 1])
{
    layer[0] = 0;
    for (; *pattern != 0; pattern++) {
        if (*pattern != '#') {
            if (*name++ != *pattern)
                return false;
            continue;
        }
        size_t n = strspn(name, "0123456789");
        if (n == 0 || n > MAX_LAYER_DIGITS || (n > 1 && name[0] == '0'))
            return false;
        memcpy(layer, name, n);
        layer[n] = 0;
        name += n;
    }
    return *name == 0;
}

static bool pattern_write(const char *pattern, const char *layer, char *out, size_t out_bytes)
{
    const char *mark = strchr(pattern, '#');
    int n = mark == NULL
                ? snprintf(out, out_bytes, "%s", pattern)
                : snprintf(out, out_bytes, "%.*s%s%s", (int)(mark - pattern), pattern, layer, mark + 1);
    return n >= 0 && (size_t)n < out_bytes;
}

/* Whether the search is for this pair of patterns; writes the result. */
static bool search_try(const name_search *s, const char *released, const char *packaged)
{
    char layer[MAX_LAYER_DIGITS + 1];
    return pattern_match(s->to_package ? released : packaged, s->name, layer) &&
           pattern_write(s->to_package ? packaged : released, layer, s->out, s->out_bytes);
}

static bool search_table(const name_search *s, const char *package_prefix, const name_pair *table)
{
    for (; table->released != NULL; table++) {
        char packaged[HG_PACKAGE_NAME_BYTES];
        snprintf(packaged, sizeof packaged, "%s%s", package_prefix, table->packaged);
        if ((table->families & s->family) != 0 && search_try(s, table->released, packaged))
            return true;
    }
    return false;
}

/* Every module of one table with every ending of the other; prefixes stand before both. */
static bool search_modules(const name_search *s, const char *released_prefix, const char *package_prefix,
                           const name_pair *modules, const name_pair *endings)
{
    for (; modules->released != NULL; modules++) {
        if ((modules->families & s->family) == 0)
            continue;
        for (const name_pair *e = endings; e->released != NULL; e++) {
            char released[HG_TENSOR_RENAME_BYTES], packaged[HG_PACKAGE_NAME_BYTES];
            snprintf(released, sizeof released, "%s%s.%s", released_prefix, modules->released, e->released);
            snprintf(packaged, sizeof packaged, "%s%s.%s", package_prefix, modules->packaged, e->packaged);
            if (search_try(s, released, packaged))
                return true;
        }
    }
    return false;
}

static bool search_plugin(const name_search *s, const char *prefix)
{
    char layers[HG_PACKAGE_NAME_BYTES];
    snprintf(layers, sizeof layers, "%sblk.#.", prefix);
    return search_table(s, prefix, projector_names) ||
           search_modules(s, "base_model.model.model.layers.#.", layers, slot_names, slot_endings);
}

/* The picture decoder keeps its names behind a prefix. Only its own: a training loss is left behind. */
static bool search_vqgan(const name_search *s)
{
    static const char *const roots[] = {"encoder.", "decoder.", "quant_conv.", "post_quant_conv.",
                                        "quantize."};
    const char *name = s->name;
    if (!s->to_package) {
        if (strncmp(name, "vq.", 3) != 0)
            return false;
        name += 3;
    }
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        if (strncmp(name, roots[i], strlen(roots[i])) != 0)
            continue;
        int n = snprintf(s->out, s->out_bytes, "%s%s", s->to_package ? "vq." : "", name);
        return n >= 0 && (size_t)n < s->out_bytes;
    }
    return false;
}

static bool search_part(const name_search *s, hg_part part)
{
    switch (part) {
    case HG_PART_BASE:
        return search_table(s, "", base_names) ||
               search_modules(s, "model.layers.#.", "blk.#.", slot_names,
                              (const name_pair[]){{"weight", "weight", FAMILY_ANY}, {NULL, NULL, 0}});
    case HG_PART_CLIP:
        return search_table(s, "", clip_names) || search_modules(s, "", "", clip_modules, affine_endings);
    case HG_PART_COM:
        return search_plugin(s, "com.");
    case HG_PART_GEN:
        return search_plugin(s, "gen.");
    case HG_PART_FUSION:
        return search_table(s, "", fusion_names);
    case HG_PART_VQGAN:
        return search_vqgan(s);
    }
    return false;
}

bool hg_part_package_name(hg_part part, hg_family family, const char *released,
                          char out[HG_PACKAGE_NAME_BYTES])
{
    return search_part(&(name_search){released, true, 1 << family, out, HG_PACKAGE_NAME_BYTES}, part);
}

bool hg_part_released_name(hg_part part, hg_family family, const char *packaged,
                           char out[HG_TENSOR_RENAME_BYTES])
{
    return search_part(&(name_search){packaged, false, 1 << family, out, HG_TENSOR_RENAME_BYTES}, part);
}
