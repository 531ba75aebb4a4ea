/* SPDX-License-Identifier: Apache-2.0
 *
 * clip_config.c: config.json and preprocessor_config.json of CLIP. Files leave out what is at its default, in
 * ways that changed over the years, so the defaults are those of transformers' CLIPVisionConfig and
 * CLIPImageProcessor, and both the old and the new form of every setting is understood.
 */
#include "formats/config_text.h"
#include "formats/json_file.h"
#include "formats/model_config.h"

#include <string.h>

#define MAX_LAYERS 1024
#define MAX_PIXELS 16384

static hg_status clip_activation(hg_clip_config *c, const json_t *json, const char *what, hg_error *err)
{
    char name[HG_CONFIG_TEXT_BYTES] = "";
    hg_status status = hg_json_get_text(json, what, "hidden_act", name, sizeof name, err);
    if (status != HG_STATUS_OK || name[0] == 0)
        return status;
    if (strcmp(name, "quick_gelu") == 0)
        c->activation = HG_CLIP_QUICK_GELU;
    else if (strcmp(name, "gelu") == 0)
        c->activation = HG_CLIP_GELU;
    else
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%s: hidden_act '%s' is not supported (quick_gelu and gelu are)", what, name);
    return HG_STATUS_OK;
}

/* Overwrites what `json` states. */
static hg_status clip_members(hg_clip_config *c, const json_t *json, const char *what, hg_error *err)
{
    const struct {
        const char *key;
        int64_t maximum;
        int64_t *value;
    } members[] = {{"hidden_size", HG_CONFIG_MAX_DIM, &c->hidden},
                   {"num_hidden_layers", MAX_LAYERS, &c->n_layers},
                   {"num_attention_heads", HG_CONFIG_MAX_DIM, &c->n_heads},
                   {"intermediate_size", HG_CONFIG_MAX_DIM, &c->mlp},
                   {"image_size", MAX_PIXELS, &c->image_size},
                   {"patch_size", MAX_PIXELS, &c->patch}};
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < sizeof members / sizeof members[0]; i++)
        status = hg_json_get_int(json, what, members[i].key, 1, members[i].maximum, members[i].value, err);
    int64_t channels = 3;
    if (status == HG_STATUS_OK)
        status = hg_json_get_int(json, what, "num_channels", 3, 3, &channels, err);
    double eps = (double)c->eps;
    if (status == HG_STATUS_OK)
        status = hg_json_get_double(json, what, "layer_norm_eps", 1e-12, 0.1, &eps, err);
    c->eps = (float)eps;
    return status == HG_STATUS_OK ? clip_activation(c, json, what, err) : status;
}

static hg_status clip_check(const hg_clip_config *c, const char *what, hg_error *err)
{
    if (c->hidden % c->n_heads != 0)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%s: hidden_size %lld is no multiple of num_attention_heads %lld", what,
                            (long long)c->hidden, (long long)c->n_heads);
    if (c->image_size % c->patch != 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: image_size %lld is no multiple of patch_size %lld",
                            what, (long long)c->image_size, (long long)c->patch);
    return HG_STATUS_OK;
}

static hg_status clip_json(hg_clip_config *c, const json_t *json, const char *what, hg_error *err)
{
    char type[HG_CONFIG_TEXT_BYTES] = "";
    hg_status status = hg_json_get_text(json, what, "model_type", type, sizeof type, err);
    if (status != HG_STATUS_OK)
        return status;
    if (strcmp(type, "clip") != 0 && strcmp(type, "clip_vision_model") != 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: model_type '%s' is not CLIP", what, type);
    if (strcmp(type, "clip_vision_model") == 0)
        return clip_members(c, json, what, err);
    /* Both forms may stand in one file; the older name then wins, as in transformers. */
    static const char *const keys[] = {"vision_config", "vision_config_dict"};
    for (size_t i = 0; status == HG_STATUS_OK && i < sizeof keys / sizeof keys[0]; i++) {
        const json_t *vision = json_object_get(json, keys[i]);
        if (vision == NULL || json_is_null(vision))
            continue;
        if (!json_is_object(vision))
            return hg_error_set(err, HG_STATUS_INPUT, "%s: %s is not an object", what, keys[i]);
        status = clip_members(c, vision, what, err);
    }
    return status;
}

static hg_status clip_parse(hg_clip_config *out, const char *what, const char *text, size_t bytes,
                            hg_error *err)
{
    json_t *json = NULL;
    hg_status status = hg_json_parse(&json, what, text, bytes, HG_JSON_CONFIG_BYTES, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_clip_config c = {.hidden = 768,
                        .n_layers = 12,
                        .n_heads = 12,
                        .mlp = 3072,
                        .image_size = 224,
                        .patch = 32,
                        .eps = 1e-5F,
                        .activation = HG_CLIP_QUICK_GELU};
    status = clip_json(&c, json, what, err);
    json_decref(json);
    if (status == HG_STATUS_OK)
        status = clip_check(&c, what, err);
    if (status == HG_STATUS_OK)
        *out = c;
    return status;
}

hg_status hg_clip_config_parse(hg_clip_config *out, const char *text, size_t bytes, hg_error *err)
{
    return clip_parse(out, "config.json", text, bytes, err);
}

hg_status hg_clip_config_read(hg_clip_config *out, const char *folder, hg_error *err)
{
    hg_buffer text;
    char path[HG_PATH_BYTES];
    hg_status status = hg_config_text_read(&text, path, folder, "config.json", NULL, err);
    if (status == HG_STATUS_OK)
        status = clip_parse(out, path, hg_buffer_text(&text), text.size, err);
    hg_buffer_deinit(&text);
    return status;
}

/* A side in pixels: 336, {"shortest_edge": 336} or {"height": 336, "width": 336}. */
static hg_status read_side(const json_t *json, const char *what, const char *key, int64_t *side,
                           hg_error *err)
{
    const json_t *member = json_object_get(json, key);
    if (!json_is_object(member))
        return hg_json_get_int(json, what, key, 1, MAX_PIXELS, side, err);
    if (json_object_get(member, "shortest_edge") != NULL)
        return hg_json_get_int(member, what, "shortest_edge", 1, MAX_PIXELS, side, err);
    int64_t width = 0;
    hg_status status = hg_json_need_int(member, what, "height", 1, MAX_PIXELS, side, err);
    if (status == HG_STATUS_OK)
        status = hg_json_need_int(member, what, "width", 1, MAX_PIXELS, &width, err);
    if (status == HG_STATUS_OK && width != *side)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s is %lld x %lld, expected a square", what, key,
                            (long long)width, (long long)*side);
    return status;
}

/* Three numbers, one a colour. */
static hg_status read_colours(const json_t *json, const char *what, const char *key, double minimum,
                              float values[3], hg_error *err)
{
    const json_t *member = json_object_get(json, key);
    if (member == NULL || json_is_null(member))
        return HG_STATUS_OK;
    if (!json_is_array(member) || json_array_size(member) != 3)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s is not a list of 3 numbers", what, key);
    for (size_t i = 0; i < 3; i++) {
        const json_t *number = json_array_get(member, i);
        double value = json_number_value(number);
        if (!json_is_number(number) || !(value >= minimum && value <= 1e6))
            return hg_error_set(err, HG_STATUS_INPUT, "%s: %s: number %zu is %g, expected %g to 1e6", what,
                                key, i, value, minimum);
        values[i] = (float)value;
    }
    return HG_STATUS_OK;
}

/* The steps of the preparation are fixed: a file that switches one off is for another model. */
static hg_status check_steps(const json_t *json, const char *what, hg_error *err)
{
    static const char *const steps[] = {"do_resize", "do_center_crop", "do_rescale", "do_normalize"};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        bool on = true;
        hg_status status = hg_json_get_bool(json, what, steps[i], &on, err);
        if (status != HG_STATUS_OK)
            return status;
        if (!on)
            return hg_error_set(err, HG_STATUS_INPUT, "%s: %s false is not supported", what, steps[i]);
    }
    return HG_STATUS_OK;
}

static hg_status preprocessor_json(hg_preprocessor_config *c, const json_t *json, const char *what,
                                   hg_error *err)
{
    double rescale = 1.0 / 255.0;
    int64_t resample = 3;
    hg_status status = check_steps(json, what, err);
    if (status == HG_STATUS_OK)
        status = read_side(json, what, "size", &c->size, err);
    if (status == HG_STATUS_OK)
        status = read_side(json, what, "crop_size", &c->crop, err);
    if (status == HG_STATUS_OK)
        status = read_colours(json, what, "image_mean", -1e6, c->mean, err);
    if (status == HG_STATUS_OK)
        status = read_colours(json, what, "image_std", 1e-6, c->std, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_double(json, what, "rescale_factor", 1e-6, 1, &rescale, err);
    if (status == HG_STATUS_OK)
        status = hg_json_get_int(json, what, "resample", 0, 3, &resample, err);
    c->rescale = (float)rescale;
    c->resample = (int)resample;
    if (status == HG_STATUS_OK && c->crop > c->size)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: crop_size %lld is larger than size %lld", what,
                            (long long)c->crop, (long long)c->size);
    return status;
}

static hg_status preprocessor_parse(hg_preprocessor_config *out, const char *what, const char *text,
                                    size_t bytes, hg_error *err)
{
    json_t *json = NULL;
    hg_status status = hg_json_parse(&json, what, text, bytes, HG_JSON_CONFIG_BYTES, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_preprocessor_config c = {.size = 224,
                                .crop = 224,
                                .mean = {0.48145466F, 0.4578275F, 0.40821073F},
                                .std = {0.26862954F, 0.26130258F, 0.27577711F}};
    status = preprocessor_json(&c, json, what, err);
    json_decref(json);
    if (status == HG_STATUS_OK)
        *out = c;
    return status;
}

hg_status hg_preprocessor_config_parse(hg_preprocessor_config *out, const char *text, size_t bytes,
                                       hg_error *err)
{
    return preprocessor_parse(out, "preprocessor_config.json", text, bytes, err);
}

hg_status hg_preprocessor_config_read(hg_preprocessor_config *out, const char *folder, hg_error *err)
{
    hg_buffer text;
    char path[HG_PATH_BYTES];
    hg_status status = hg_config_text_read(&text, path, folder, "preprocessor_config.json", NULL, err);
    if (status == HG_STATUS_OK)
        status = preprocessor_parse(out, path, hg_buffer_text(&text), text.size, err);
    hg_buffer_deinit(&text);
    return status;
}
