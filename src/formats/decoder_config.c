/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder_config.c: config.json and generation_config.json of the base model, with the defaults of
 * transformers' Phi3Config, Qwen2Config and GenerationConfig. What would change the mathematics and is not
 * implemented (rope scaling, attention biases of Phi-3, quantised weights, other activations) is refused
 * rather than passed over.
 */
#include "formats/config_text.h"
#include "formats/json_file.h"
#include "formats/model_config.h"

#include <string.h>

#define MAX_LAYERS 1024
#define MAX_TOKEN_ID ((int64_t)1 << 30)

const char *hg_family_name(hg_family family)
{
    return family == HG_FAMILY_PHI3 ? "phi3" : "qwen2";
}

static hg_status read_family(hg_decoder_config *c, const json_t *json, const char *what, hg_error *err)
{
    char type[HG_CONFIG_TEXT_BYTES] = "";
    hg_status status = hg_json_get_text(json, what, "model_type", type, sizeof type, err);
    if (status != HG_STATUS_OK)
        return status;
    if (strcmp(type, "phi3") == 0)
        c->family = HG_FAMILY_PHI3;
    else if (strcmp(type, "qwen2") == 0)
        c->family = HG_FAMILY_QWEN2;
    else
        return hg_error_set(err, HG_STATUS_INPUT, "%s: model_type '%s' is not supported (phi3 and qwen2 are)",
                            what, type);
    return HG_STATUS_OK;
}

/* Settings with only one value that is implemented. */
static hg_status check_unsupported(const hg_decoder_config *c, const json_t *json, const char *what,
                                   hg_error *err)
{
    const json_t *quantization = json_object_get(json, "quantization_config");
    if (quantization != NULL && !json_is_null(quantization))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: quantization_config is not supported, expected null",
                            what);
    char activation[HG_CONFIG_TEXT_BYTES] = "silu";
    bool bias = false;
    hg_status status = hg_json_get_text(json, what, "hidden_act", activation, sizeof activation, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_bool(json, what, "attention_bias", &bias, err);
    if (status != HG_STATUS_OK)
        return status;
    if (strcmp(activation, "silu") != 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: hidden_act '%s' is not supported (silu is)", what,
                            activation);
    if (bias && c->family == HG_FAMILY_PHI3)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: attention_bias is not supported for phi3", what);
    return HG_STATUS_OK;
}

/* What `json` states of the rotary embedding, at the top or in an object for it. */
static hg_status read_rope_members(hg_decoder_config *c, const json_t *json, const char *what, hg_error *err)
{
    double rotary = 1;
    hg_status status = hg_json_get_double(json, what, "rope_theta", 1, 1e12, &c->rope_theta, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_double(json, what, "partial_rotary_factor", 0, 1, &rotary, err);
    if (status == HG_STATUS_OK && rotary < 1)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: partial_rotary_factor %g is not supported", what,
                            rotary);
    return status;
}

/* Since transformers 5 the frequencies stand in `rope_parameters`; `rope_scaling` is the older object. */
static hg_status read_rope(hg_decoder_config *c, const json_t *json, const char *what, hg_error *err)
{
    static const char *const objects[] = {"rope_scaling", "rope_parameters"};
    c->rope_theta = 10000;
    hg_status status = read_rope_members(c, json, what, err);
    for (size_t i = 0; status == HG_STATUS_OK && i < sizeof objects / sizeof objects[0]; i++) {
        const json_t *rope = json_object_get(json, objects[i]);
        if (rope == NULL || json_is_null(rope))
            continue;
        const char *type = json_string_value(json_object_get(rope, "rope_type"));
        if (type == NULL)
            type = json_string_value(json_object_get(rope, "type"));
        if (type == NULL || strcmp(type, "default") != 0)
            return hg_error_set(err, HG_STATUS_INPUT,
                                "%s: %s is not supported, expected null or the rope_type 'default'", what,
                                objects[i]);
        status = read_rope_members(c, rope, what, err);
    }
    return status;
}

static hg_status read_dims(hg_decoder_config *c, const json_t *json, const char *what, hg_error *err)
{
    const struct {
        const char *key;
        int64_t maximum;
        int64_t *value;
    } needed[] = {{"num_hidden_layers", MAX_LAYERS, &c->n_layers},
                  {"hidden_size", HG_CONFIG_MAX_DIM, &c->hidden},
                  {"num_attention_heads", HG_CONFIG_MAX_DIM, &c->n_heads},
                  {"intermediate_size", HG_CONFIG_MAX_DIM, &c->ffn},
                  {"vocab_size", HG_CONFIG_MAX_DIM, &c->vocab},
                  {"max_position_embeddings", (int64_t)1 << 24, &c->max_positions}};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        hg_status status =
            hg_json_need_int(json, what, needed[i].key, 1, needed[i].maximum, needed[i].value, err);
        if (status != HG_STATUS_OK)
            return status;
    }
    return HG_STATUS_OK;
}

static hg_status read_heads(hg_decoder_config *c, const json_t *json, const char *what, hg_error *err)
{
    c->n_kv_heads = c->n_heads;
    hg_status status = hg_json_get_int(json, what, "num_key_value_heads", 1, c->n_heads, &c->n_kv_heads, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_int(json, what, "head_dim", 1, HG_CONFIG_MAX_DIM, &c->head_dim, err);
    if (status != HG_STATUS_OK)
        return status;
    if (c->head_dim == 0 && c->hidden % c->n_heads != 0)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%s: hidden_size %lld is no multiple of num_attention_heads %lld", what,
                            (long long)c->hidden, (long long)c->n_heads);
    if (c->head_dim == 0)
        c->head_dim = c->hidden / c->n_heads;
    if (c->n_heads % c->n_kv_heads != 0)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%s: num_attention_heads %lld is no multiple of num_key_value_heads %lld", what,
                            (long long)c->n_heads, (long long)c->n_kv_heads);
    if (c->head_dim % 2 != 0 || c->n_heads * c->head_dim > HG_CONFIG_MAX_DIM)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%s: %lld heads of dimension %lld (it must be even, and all heads at most %lld)",
                            what, (long long)c->n_heads, (long long)c->head_dim,
                            (long long)HG_CONFIG_MAX_DIM);
    return HG_STATUS_OK;
}

/* Qwen2 files state a window even when it is off; use_sliding_window and max_window_layers decide. */
static hg_status read_window(hg_decoder_config *c, const json_t *json, const char *what, hg_error *err)
{
    bool used = c->family == HG_FAMILY_PHI3;
    int64_t first_layer = 28;
    hg_status status =
        hg_json_get_int(json, what, "sliding_window", 1, (int64_t)1 << 24, &c->sliding_window, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_bool(json, what, "use_sliding_window", &used, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_int(json, what, "max_window_layers", 0, MAX_LAYERS, &first_layer, err);
    if (status != HG_STATUS_OK)
        return status;
    bool qwen2 = c->family == HG_FAMILY_QWEN2;
    if (!used || (qwen2 && first_layer >= c->n_layers))
        c->sliding_window = 0;
    else if (qwen2 && first_layer > 0)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%s: a sliding window from layer %lld on is not supported (for all layers it is)",
                            what, (long long)first_layer);
    return HG_STATUS_OK;
}

/* A number or a list of numbers; *n stays as it was when the key is missing. */
static hg_status read_ids(const json_t *json, const char *what, const char *key,
                          int32_t ids[HG_CONFIG_MAX_IDS], int *n, hg_error *err)
{
    const json_t *member = json_object_get(json, key);
    if (member == NULL || json_is_null(member))
        return HG_STATUS_OK;
    size_t count = json_is_array(member) ? json_array_size(member) : 1;
    if (count > HG_CONFIG_MAX_IDS)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s has %zu ids, at most %d", what, key, count,
                            HG_CONFIG_MAX_IDS);
    for (size_t i = 0; i < count; i++) {
        const json_t *id = json_is_array(member) ? json_array_get(member, i) : member;
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > MAX_TOKEN_ID)
            return hg_error_set(err, HG_STATUS_INPUT, "%s: %s is not a token id", what, key);
        ids[i] = (int32_t)json_integer_value(id);
    }
    *n = (int)count;
    return HG_STATUS_OK;
}

/* The first id of the key, or -1. */
static hg_status read_id(const json_t *json, const char *what, const char *key, int32_t *id, hg_error *err)
{
    int32_t ids[HG_CONFIG_MAX_IDS];
    int n = 0;
    hg_status status = read_ids(json, what, key, ids, &n, err);
    *id = status == HG_STATUS_OK && n > 0 ? ids[0] : -1;
    return status;
}

static hg_status read_numbers(hg_decoder_config *c, const json_t *json, const char *what, hg_error *err)
{
    double eps = c->family == HG_FAMILY_PHI3 ? 1e-5 : 1e-6;
    hg_status status = read_rope(c, json, what, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_double(json, what, "rms_norm_eps", 1e-12, 0.1, &eps, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_bool(json, what, "tie_word_embeddings", &c->tie_embeddings, err);
    if (status == HG_STATUS_OK)
        status = read_id(json, what, "bos_token_id", &c->bos_id, err);
    if (status == HG_STATUS_OK)
        status = read_id(json, what, "pad_token_id", &c->pad_id, err);
    if (status == HG_STATUS_OK)
        status = read_ids(json, what, "eos_token_id", c->eos_ids, &c->n_eos_ids, err);
    c->rms_eps = (float)eps;
    return status;
}

static hg_status decoder_parse(hg_decoder_config *out, const char *what, const char *text, size_t bytes,
                               hg_error *err)
{
    hg_decoder_config c = {.bos_id = -1, .pad_id = -1};
    json_t *json = NULL;
    hg_status status = hg_json_parse(&json, what, text, bytes, HG_JSON_CONFIG_BYTES, err);
    if (status != HG_STATUS_OK)
        return status;
    status = read_family(&c, json, what, err);
    if (status == HG_STATUS_OK)
        status = check_unsupported(&c, json, what, err);
    if (status == HG_STATUS_OK)
        status = read_dims(&c, json, what, err);
    if (status == HG_STATUS_OK)
        status = read_heads(&c, json, what, err);
    if (status == HG_STATUS_OK)
        status = read_window(&c, json, what, err);
    if (status == HG_STATUS_OK)
        status = read_numbers(&c, json, what, err);
    json_decref(json);
    if (status == HG_STATUS_OK)
        *out = c;
    return status;
}

hg_status hg_decoder_config_parse(hg_decoder_config *out, const char *text, size_t bytes, hg_error *err)
{
    return decoder_parse(out, "config.json", text, bytes, err);
}

hg_status hg_decoder_config_read(hg_decoder_config *out, const char *folder, hg_error *err)
{
    hg_buffer text;
    char path[HG_PATH_BYTES];
    hg_status status = hg_config_text_read(&text, path, folder, "config.json", NULL, err);
    if (status == HG_STATUS_OK)
        status = decoder_parse(out, path, hg_buffer_text(&text), text.size, err);
    hg_buffer_deinit(&text);
    return status;
}

static hg_generation_config generation_defaults(const hg_decoder_config *decoder)
{
    hg_generation_config c = {
        .n_stop_ids = decoder->n_eos_ids, .repetition_penalty = 1, .temperature = 1, .top_k = 50, .top_p = 1};
    memcpy(c.stop_ids, decoder->eos_ids, sizeof c.stop_ids);
    return c;
}

static hg_status generation_members(hg_generation_config *c, const json_t *json, const char *what,
                                    hg_error *err)
{
    double penalty = 1, temperature = 1, top_p = 1;
    int64_t top_k = c->top_k;
    hg_status status = read_ids(json, what, "eos_token_id", c->stop_ids, &c->n_stop_ids, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_double(json, what, "repetition_penalty", 0.01, 100, &penalty, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_bool(json, what, "do_sample", &c->do_sample, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_double(json, what, "temperature", 0, 100, &temperature, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_int(json, what, "top_k", 0, HG_CONFIG_MAX_DIM, &top_k, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_double(json, what, "top_p", 0, 1, &top_p, err);
    c->repetition_penalty = (float)penalty;
    c->temperature = (float)temperature;
    c->top_k = (int32_t)top_k;
    c->top_p = (float)top_p;
    return status;
}

static hg_status generation_parse(hg_generation_config *out, const hg_decoder_config *decoder,
                                  const char *what, const char *text, size_t bytes, hg_error *err)
{
    json_t *json = NULL;
    hg_status status = hg_json_parse(&json, what, text, bytes, HG_JSON_CONFIG_BYTES, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_generation_config c = generation_defaults(decoder);
    status = generation_members(&c, json, what, err);
    json_decref(json);
    if (status == HG_STATUS_OK)
        *out = c;
    return status;
}

hg_status hg_generation_config_parse(hg_generation_config *out, const hg_decoder_config *decoder,
                                     const char *text, size_t bytes, hg_error *err)
{
    return generation_parse(out, decoder, "generation_config.json", text, bytes, err);
}

hg_status hg_generation_config_read(hg_generation_config *out, const hg_decoder_config *decoder,
                                    const char *folder, hg_error *err)
{
    hg_buffer text;
    char path[HG_PATH_BYTES];
    bool found = false;
    hg_status status = hg_config_text_read(&text, path, folder, "generation_config.json", &found, err);
    if (status == HG_STATUS_OK && found)
        status = generation_parse(out, decoder, path, hg_buffer_text(&text), text.size, err);
    else if (status == HG_STATUS_OK)
        *out = generation_defaults(decoder);
    hg_buffer_deinit(&text);
    return status;
}
