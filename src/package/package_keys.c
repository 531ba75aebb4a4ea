/* SPDX-License-Identifier: Apache-2.0
 *
 * package_keys.c: the tables of keys, and what no table can say: lists, and numbers that must fit together.
 */
#include "package/package_keys.h"

#include "formats/config_text.h"
#include "package/key_fields.h"

#include <stdio.h>
#include <string.h>

#define MAX_DIM ((double)HG_CONFIG_MAX_DIM)
#define MAX_LAYERS 1024
#define MAX_PIXELS 16384
#define MAX_ID ((double)(1 << 30))
#define MAX_EXPERTS 1024

#define HEALTHGPT HG_PACKAGE_ARCHITECTURE
#define GENERATION HEALTHGPT ".generation"
#define VISION "clip.vision"
#define IMAGE HEALTHGPT ".image"
#define VQGAN HEALTHGPT ".vqgan"

/* ---- decoder ---- */

#define D(member) offsetof(hg_decoder_config, member)
static const hg_key_field decoder_fields[] = {
    {"block_count", HG_KEY_I64, D(n_layers), 1, MAX_LAYERS, false},
    {"embedding_length", HG_KEY_I64, D(hidden), 1, MAX_DIM, false},
    {"feed_forward_length", HG_KEY_I64, D(ffn), 1, MAX_DIM, false},
    {"attention.head_count", HG_KEY_I64, D(n_heads), 1, MAX_DIM, false},
    {"attention.head_count_kv", HG_KEY_I64, D(n_kv_heads), 1, MAX_DIM, true},
    {"attention.key_length", HG_KEY_I64, D(head_dim), 1, MAX_DIM, true},
    {"attention.value_length", HG_KEY_I64, D(head_dim), 1, MAX_DIM, true},
    {"attention.layer_norm_rms_epsilon", HG_KEY_F32, D(rms_eps), 1e-12, 0.1, false},
    {"attention.sliding_window", HG_KEY_I64, D(sliding_window), 0, 1 << 24, true},
    {"rope.dimension_count", HG_KEY_I64, D(head_dim), 1, MAX_DIM, true},
    {"rope.freq_base", HG_KEY_F64, D(rope_theta), 1, 1e12, true},
    {"context_length", HG_KEY_I64, D(max_positions), 1, 1 << 30, false},
    {NULL, HG_KEY_BOOL, 0, 0, 0, false},
};

/* What llama.cpp reads off elsewhere. */
static const hg_key_field decoder_own_fields[] = {
    {"vocab_size", HG_KEY_I64, D(vocab), 1, MAX_DIM, false},
    {"tie_embeddings", HG_KEY_BOOL, D(tie_embeddings), 0, 0, false},
    {"bos_token_id", HG_KEY_I32, D(bos_id), -1, MAX_ID, false},
    {"pad_token_id", HG_KEY_I32, D(pad_id), -1, MAX_ID, false},
    {NULL, HG_KEY_BOOL, 0, 0, 0, false},
};

static void put_ids(hg_gguf_builder *b, const char *key, const int32_t *ids, int n)
{
    hg_gguf_begin_array(b, key, HG_GGUF_I32, (uint64_t)n);
    for (int i = 0; i < n; i++)
        hg_gguf_push_i32(b, ids[i]);
}

static hg_status get_ids(const hg_gguf *g, const char *key, int32_t *ids, int *n, hg_error *err)
{
    int64_t values[HG_CONFIG_MAX_IDS];
    hg_status status = hg_key_get_i64s(g, key, 0, 1 << 30, HG_CONFIG_MAX_IDS, values, n, err);
    for (int i = 0; status == HG_STATUS_OK && i < *n; i++)
        ids[i] = (int32_t)values[i];
    return status;
}

void hg_package_put_decoder(hg_gguf_builder *b, const hg_decoder_config *c)
{
    hg_key_fields_put(b, HEALTHGPT, decoder_fields, c);
    hg_key_fields_put(b, HEALTHGPT, decoder_own_fields, c);
    hg_gguf_put_text(b, HEALTHGPT ".base.architecture", hg_family_name(c->family));
    put_ids(b, HEALTHGPT ".eos_token_ids", c->eos_ids, c->n_eos_ids);
}

/* A package of ours has every key: a default in the place of a lost one would quietly be another model. */
static hg_status need_decoder_fields(const hg_gguf *g, hg_error *err)
{
    for (const hg_key_field *f = decoder_fields; f->key != NULL; f++) {
        char key[HG_KEY_BYTES];
        snprintf(key, sizeof key, HEALTHGPT ".%s", f->key);
        if (hg_gguf_find(g, key) == NULL)
            return hg_error_set(err, HG_STATUS_INPUT, "GGUF: key '%s' is missing", key);
    }
    return HG_STATUS_OK;
}

/* Three keys tell a head's width; halves of it are not rotated, nor are values narrower than keys. */
static hg_status check_head_widths(const hg_gguf *g, const char *prefix, const hg_decoder_config *c,
                                   hg_error *err)
{
    static const char *const names[] = {"attention.key_length", "attention.value_length",
                                        "rope.dimension_count"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char key[HG_KEY_BYTES];
        int32_t width = 0;
        snprintf(key, sizeof key, "%s.%s", prefix, names[i]);
        if (hg_gguf_find(g, key) == NULL)
            continue;
        hg_status status = hg_gguf_get_i32(g, key, &width, err);
        if (status != HG_STATUS_OK)
            return status;
        if (width != c->head_dim)
            return hg_error_set(err, HG_STATUS_INPUT, "GGUF: %s is %d, but a head's width is %lld", key,
                                (int)width, (long long)c->head_dim);
    }
    return HG_STATUS_OK;
}

static hg_status get_own_decoder(const hg_gguf *g, hg_decoder_config *c, hg_error *err)
{
    hg_status status = need_decoder_fields(g, err);
    if (status == HG_STATUS_OK)
        status = hg_key_fields_get(g, HEALTHGPT, decoder_own_fields, c, err);
    if (status == HG_STATUS_OK)
        status = get_ids(g, HEALTHGPT ".eos_token_ids", c->eos_ids, &c->n_eos_ids, err);
    if (status != HG_STATUS_OK)
        return status;
    if (hg_gguf_string_is(g, HEALTHGPT ".base.architecture", hg_family_name(HG_FAMILY_PHI3)))
        c->family = HG_FAMILY_PHI3;
    else if (hg_gguf_string_is(g, HEALTHGPT ".base.architecture", hg_family_name(HG_FAMILY_QWEN2)))
        c->family = HG_FAMILY_QWEN2;
    else
        return hg_error_set(err, HG_STATUS_INPUT,
                            "GGUF: " HEALTHGPT ".base.architecture is neither phi3 nor qwen2");
    return HG_STATUS_OK;
}

hg_status hg_package_get_decoder(const hg_gguf *g, const char *prefix, hg_decoder_config *c, hg_error *err)
{
    *c = (hg_decoder_config){.rope_theta = 10000, .bos_id = -1, .pad_id = -1};
    hg_status status = hg_key_fields_get(g, prefix, decoder_fields, c, err);
    if (status == HG_STATUS_OK && strcmp(prefix, HEALTHGPT) == 0)
        status = get_own_decoder(g, c, err);
    if (status != HG_STATUS_OK)
        return status;
    if (c->n_kv_heads == 0)
        c->n_kv_heads = c->n_heads;
    if (c->head_dim == 0)
        c->head_dim = c->hidden / c->n_heads;
    if (c->n_heads % c->n_kv_heads != 0 || c->head_dim < 2 || c->head_dim % 2 != 0 ||
        c->n_heads * c->head_dim > HG_CONFIG_MAX_DIM)
        return hg_error_set(
            err, HG_STATUS_INPUT,
            "GGUF: %lld heads of %lld on %lld key heads: the key heads must divide the heads, and "
            "a head's width be even",
            (long long)c->n_heads, (long long)c->head_dim, (long long)c->n_kv_heads);
    return check_head_widths(g, prefix, c, err);
}

/* ---- generation defaults ---- */

#define G(member) offsetof(hg_generation_config, member)
static const hg_key_field generation_fields[] = {
    {"repetition_penalty", HG_KEY_F32, G(repetition_penalty), 0.01, 100, false},
    {"do_sample", HG_KEY_BOOL, G(do_sample), 0, 0, false},
    {"temperature", HG_KEY_F32, G(temperature), 0, 100, false},
    {"top_k", HG_KEY_I32, G(top_k), 0, MAX_DIM, false},
    {"top_p", HG_KEY_F32, G(top_p), 0, 1, false},
    {NULL, HG_KEY_BOOL, 0, 0, 0, false},
};

void hg_package_put_generation(hg_gguf_builder *b, const hg_generation_config *c)
{
    hg_key_fields_put(b, GENERATION, generation_fields, c);
    put_ids(b, GENERATION ".stop_token_ids", c->stop_ids, c->n_stop_ids);
}

hg_status hg_package_get_generation(const hg_gguf *g, hg_generation_config *c, hg_error *err)
{
    *c = (hg_generation_config){.n_stop_ids = 0};
    hg_status status = hg_key_fields_get(g, GENERATION, generation_fields, c, err);
    return status == HG_STATUS_OK ? get_ids(g, GENERATION ".stop_token_ids", c->stop_ids, &c->n_stop_ids, err)
                                  : status;
}

/* ---- image encoder ---- */

#define C(member) offsetof(hg_clip_config, member)
static const hg_key_field clip_fields[] = {
    {"image_size", HG_KEY_I64, C(image_size), 1, MAX_PIXELS, false},
    {"patch_size", HG_KEY_I64, C(patch), 1, MAX_PIXELS, false},
    {"embedding_length", HG_KEY_I64, C(hidden), 1, MAX_DIM, false},
    {"feed_forward_length", HG_KEY_I64, C(mlp), 1, MAX_DIM, false},
    {"block_count", HG_KEY_I64, C(n_layers), 1, MAX_LAYERS, false},
    {"attention.head_count", HG_KEY_I64, C(n_heads), 1, MAX_DIM, false},
    {"attention.layer_norm_epsilon", HG_KEY_F32, C(eps), 1e-12, 0.1, false},
    {NULL, HG_KEY_BOOL, 0, 0, 0, false},
};

#define P(member) offsetof(hg_preprocessor_config, member)
static const hg_key_field image_fields[] = {
    {"size", HG_KEY_I64, P(size), 1, MAX_PIXELS, false},
    {"crop", HG_KEY_I64, P(crop), 1, MAX_PIXELS, false},
    {"rescale", HG_KEY_F32, P(rescale), 1e-6, 1, false},
    {"resample", HG_KEY_INT, P(resample), 0, 3, false},
    {NULL, HG_KEY_BOOL, 0, 0, 0, false},
};

static void put_triple(hg_gguf_builder *b, const char *key, const float values[3])
{
    hg_gguf_begin_array(b, key, HG_GGUF_F32, 3);
    for (int i = 0; i < 3; i++)
        hg_gguf_push_f32(b, values[i]);
}

static hg_status get_triple(const hg_gguf *g, const char *key, float least, float values[3], hg_error *err)
{
    const hg_gguf_value *array = NULL;
    hg_status status = hg_gguf_get_array(g, key, HG_GGUF_F32, &array, err);
    if (status != HG_STATUS_OK)
        return status;
    if (hg_gguf_array_count(array) != 3)
        return hg_error_set(err, HG_STATUS_INPUT, "GGUF: %s has %zu numbers, expected 3", key,
                            hg_gguf_array_count(array));
    for (size_t i = 0; i < 3; i++) {
        values[i] = hg_gguf_array_f32(array, i);
        if (!(values[i] >= least && values[i] <= 1e6F))
            return hg_error_set(err, HG_STATUS_INPUT, "GGUF: %s: number %zu is %g", key, i,
                                (double)values[i]);
    }
    return HG_STATUS_OK;
}

void hg_package_put_clip(hg_gguf_builder *b, const hg_clip_config *c, const hg_preprocessor_config *p)
{
    hg_gguf_put_bool(b, "clip.has_vision_encoder", true);
    hg_gguf_put_bool(b, "clip.use_gelu", c->activation == HG_CLIP_GELU);
    hg_key_fields_put(b, VISION, clip_fields, c);
    put_triple(b, VISION ".image_mean", p->mean);
    put_triple(b, VISION ".image_std", p->std);
    hg_key_fields_put(b, IMAGE, image_fields, p);
}

hg_status hg_package_get_clip(const hg_gguf *g, hg_clip_config *c, hg_preprocessor_config *p, hg_error *err)
{
    bool gelu = false;
    *c = (hg_clip_config){.eps = 0};
    *p = (hg_preprocessor_config){.size = 0};
    hg_status status = hg_gguf_get_bool(g, "clip.use_gelu", &gelu, err);
    c->activation = gelu ? HG_CLIP_GELU : HG_CLIP_QUICK_GELU;
    if (status == HG_STATUS_OK)
        status = hg_key_fields_get(g, VISION, clip_fields, c, err);
    if (status == HG_STATUS_OK && (c->hidden % c->n_heads != 0 || c->image_size % c->patch != 0))
        status = hg_error_set(
            err, HG_STATUS_INPUT,
            "GGUF: " VISION ": width %lld, %lld heads, image %lld, patch %lld do not divide",
            (long long)c->hidden, (long long)c->n_heads, (long long)c->image_size, (long long)c->patch);
    if (status == HG_STATUS_OK)
        status = get_triple(g, VISION ".image_mean", -1e6F, p->mean, err);
    if (status == HG_STATUS_OK)
        status = get_triple(g, VISION ".image_std", 1e-6F, p->std, err);
    return status == HG_STATUS_OK ? hg_key_fields_get(g, IMAGE, image_fields, p, err) : status;
}

/* ---- picture decoder ---- */

#define V(member) offsetof(hg_vqgan_config, member)
static const hg_key_field vqgan_fields[] = {
    {"embedding_length", HG_KEY_I64, V(embed_dim), 1, MAX_DIM, false},
    {"code_count", HG_KEY_I64, V(n_embed), 1, MAX_DIM, false},
    {"latent_channels", HG_KEY_I64, V(z_channels), 1, MAX_DIM, false},
    {"resolution", HG_KEY_I64, V(resolution), 1, MAX_PIXELS, false},
    {"channels_in", HG_KEY_I64, V(in_channels), 1, MAX_DIM, false},
    {"channels_out", HG_KEY_I64, V(out_ch), 1, MAX_DIM, false},
    {"base_channels", HG_KEY_I64, V(ch), 1, MAX_DIM, false},
    {"block_count", HG_KEY_I64, V(n_res_blocks), 1, 64, false},
    {"norm_groups", HG_KEY_I64, V(n_groups), 1, MAX_DIM, false},
    {NULL, HG_KEY_BOOL, 0, 0, 0, false},
};

void hg_package_put_vqgan(hg_gguf_builder *b, const hg_vqgan_config *c)
{
    hg_key_fields_put(b, VQGAN, vqgan_fields, c);
    hg_key_put_i64s(b, VQGAN ".channel_multipliers", c->ch_mult, c->n_levels);
    hg_key_put_i64s(b, VQGAN ".attention_resolutions", c->attn_resolutions, c->n_attn_resolutions);
}

hg_status hg_package_get_vqgan(const hg_gguf *g, hg_vqgan_config *c, hg_error *err)
{
    *c = (hg_vqgan_config){.n_levels = 0};
    hg_status status = hg_key_fields_get(g, VQGAN, vqgan_fields, c, err);
    if (status == HG_STATUS_OK)
        status = hg_key_get_i64s(g, VQGAN ".channel_multipliers", 1, 1 << 16, HG_CONFIG_MAX_LEVELS,
                                 c->ch_mult, &c->n_levels, err);
    if (status == HG_STATUS_OK && c->n_levels == 0)
        status = hg_error_set(err, HG_STATUS_INPUT, "GGUF: " VQGAN ".channel_multipliers is empty");
    if (status == HG_STATUS_OK)
        status = hg_key_get_i64s(g, VQGAN ".attention_resolutions", 1, MAX_PIXELS, HG_CONFIG_MAX_LEVELS,
                                 c->attn_resolutions, &c->n_attn_resolutions, err);
    return status == HG_STATUS_OK ? hg_vqgan_config_check(c, "GGUF: " VQGAN, err) : status;
}

/* ---- manifest ---- */

#define M(member) offsetof(hg_manifest, member)
static const hg_key_field manifest_fields[] = {
    {"com.hlora.alpha", HG_KEY_F64, M(com.hlora_alpha), 1e-6, 1e6, true},
    {"com.hlora.expert_count", HG_KEY_INT, M(com.hlora_experts), 1, MAX_EXPERTS, true},
    {"com.vision_block_count", HG_KEY_INT, M(com.vision_layers), 1, MAX_LAYERS, true},
    {"com.fused", HG_KEY_BOOL, M(com_fused), 0, 0, true},
    {"gen.hlora.alpha", HG_KEY_F64, M(gen.hlora_alpha), 1e-6, 1e6, true},
    {"gen.hlora.expert_count", HG_KEY_INT, M(gen.hlora_experts), 1, MAX_EXPERTS, true},
    {"gen.vision_block_count", HG_KEY_INT, M(gen.vision_layers), 1, MAX_LAYERS, true},
    {"random_weights", HG_KEY_BOOL, M(random_weights), 0, 0, true},
    {"chat.template", HG_KEY_TEXT, M(template_name), 0, HG_CONFIG_TEXT_BYTES, true},
    {"intended_use", HG_KEY_TEXT, M(intended_use), 0, HG_CONFIG_NOTE_BYTES, true},
    {NULL, HG_KEY_BOOL, 0, 0, 0, false},
};

static const hg_key_field general_fields[] = {
    {"name", HG_KEY_TEXT, M(name), 0, HG_CONFIG_TEXT_BYTES, true},
    {"license", HG_KEY_TEXT, M(license), 0, HG_CONFIG_TEXT_BYTES, true},
    {"description", HG_KEY_TEXT, M(description), 0, HG_CONFIG_NOTE_BYTES, true},
    {NULL, HG_KEY_BOOL, 0, 0, 0, false},
};

static void put_tasks(hg_gguf_builder *b, unsigned tasks)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < HG_MANIFEST_TASK_COUNT; i++)
        n += (tasks >> i) & 1U;
    hg_gguf_begin_array(b, HEALTHGPT ".draw.tasks", HG_GGUF_STRING, n);
    for (unsigned i = 0; i < HG_MANIFEST_TASK_COUNT; i++) {
        const char *name = hg_manifest_task_name(1U << i);
        if (((tasks >> i) & 1U) != 0)
            hg_gguf_push_text(b, name, strlen(name));
    }
}

static hg_status get_tasks(const hg_gguf *g, hg_manifest *m, hg_error *err)
{
    const hg_gguf_value *array = NULL;
    m->has_tasks = hg_gguf_find(g, HEALTHGPT ".draw.tasks") != NULL;
    if (!m->has_tasks)
        return HG_STATUS_OK;
    hg_status status = hg_gguf_get_array(g, HEALTHGPT ".draw.tasks", HG_GGUF_STRING, &array, err);
    for (size_t i = 0; status == HG_STATUS_OK && i < hg_gguf_array_count(array); i++) {
        hg_gguf_text text = hg_gguf_array_string(array, i);
        char name[32] = "";
        unsigned bit = 0;
        if (text.size < sizeof name)
            memcpy(name, text.data, text.size);
        if (!hg_manifest_find_task(name, &bit))
            status =
                hg_error_set(err, HG_STATUS_INPUT, "GGUF: " HEALTHGPT ".draw.tasks: unknown task '%s'", name);
        m->tasks |= bit;
    }
    return status;
}

void hg_package_put_manifest(hg_gguf_builder *b, const hg_manifest *m)
{
    hg_key_fields_put(b, "general", general_fields, m);
    /* A missing number is not a zero. */
    for (const hg_key_field *f = manifest_fields; f->key != NULL; f++) {
        const hg_key_field one[2] = {*f, {NULL, HG_KEY_BOOL, 0, 0, 0, false}};
        bool missing = (f->offset == M(com_fused) && !m->com_fused) ||
                       (f->offset == M(com.hlora_alpha) && m->com.hlora_alpha == 0) ||
                       (f->offset == M(com.hlora_experts) && m->com.hlora_experts == 0) ||
                       (f->offset == M(com.vision_layers) && m->com.vision_layers == 0) ||
                       (f->offset == M(gen.vision_layers) && m->gen.vision_layers == 0) ||
                       (f->offset == M(gen.hlora_alpha) && m->gen.hlora_alpha == 0) ||
                       (f->offset == M(gen.hlora_experts) && m->gen.hlora_experts == 0);
        if (!missing)
            hg_key_fields_put(b, HEALTHGPT, one, m);
    }
    if (m->has_system_prompt)
        hg_gguf_put_text(b, HEALTHGPT ".chat.system_prompt", m->system_prompt);
    if (m->has_tasks)
        put_tasks(b, m->tasks);
}

hg_status hg_package_get_manifest(const hg_gguf *g, hg_manifest *m, hg_error *err)
{
    *m = (hg_manifest){.has_tasks = false};
    hg_status status = hg_key_fields_get(g, "general", general_fields, m, err);
    if (status == HG_STATUS_OK)
        status = hg_key_fields_get(g, HEALTHGPT, manifest_fields, m, err);
    m->has_system_prompt = hg_gguf_find(g, HEALTHGPT ".chat.system_prompt") != NULL;
    if (status == HG_STATUS_OK && m->has_system_prompt)
        status = hg_key_get_text(g, HEALTHGPT ".chat.system_prompt", m->system_prompt,
                                 sizeof m->system_prompt, err);
    return status == HG_STATUS_OK ? get_tasks(g, m, err) : status;
}
