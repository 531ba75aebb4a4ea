/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_types.c: the defaults are one table. The reasons: rows of an embedding are read one at a time, so
 * their precision costs disk but no time; the head's errors go straight into the scores; a plug-in is small
 * beside the base model and what it adds is the point of it; the image encoder runs once an image;
 * convolutions are computed in f32, so any other type of the picture decoder would be converted when the
 * model is opened.
 */
#include "package/tensor_types.h"

#include <string.h>

/* By the type asked for; the order of the columns is that of hg_tensor_role. */
static const struct {
    hg_dtype main;
    hg_dtype roles[HG_TENSOR_ROLE_COUNT];
} defaults[] = {
#define F32 HG_DTYPE_F32
#define F16 HG_DTYPE_F16
#define BF16 HG_DTYPE_BF16
#define Q8_0 HG_DTYPE_Q8_0
#define Q6_K HG_DTYPE_Q6_K
#define Q4_0 HG_DTYPE_Q4_0
#define Q4_K HG_DTYPE_Q4_K
    /* vector, linear, embed, head, hlora, router, projector, clip, vqgan */
    {F32, {F32, F32, F32, F32, F32, F32, F32, F32, F32}},
    {F16, {F32, F16, F16, F16, F16, F16, F16, F16, F32}},
    {BF16, {F32, BF16, BF16, BF16, BF16, BF16, BF16, BF16, F32}},
    {Q8_0, {F32, Q8_0, Q8_0, Q8_0, F16, F16, F16, F16, F32}},
    {Q6_K, {F32, Q6_K, Q8_0, Q8_0, Q8_0, F16, F16, F16, F32}},
    {Q4_0, {F32, Q4_0, Q8_0, Q6_K, Q8_0, F16, F16, F16, F32}},
    {Q4_K, {F32, Q4_K, Q8_0, Q6_K, Q8_0, F16, F16, F16, F32}},
};

static hg_status parse_type(const char *name, hg_wanted_type *out, hg_error *err)
{
    *out = (hg_wanted_type){strcmp(name, "keep") == 0, HG_DTYPE_F32};
    if (out->keep || (hg_dtype_find(name, &out->dtype) && out->dtype != HG_DTYPE_F64))
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_USAGE,
                        "no type '%.40s': f32, f16, bf16, q8_0, q6_k, q4_0, q4_k, or keep", name);
}

static hg_status override_role(hg_tensor_types *t, hg_tensor_role role, const char *name, hg_error *err)
{
    return name == NULL ? HG_STATUS_OK : parse_type(name, &t->wanted[role], err);
}

hg_status hg_tensor_types_init(hg_tensor_types *t, const hg_package_types *names, hg_error *err)
{
    hg_status status = parse_type(names->type != NULL ? names->type : "q4_k", &t->main, err);
    if (status != HG_STATUS_OK)
        return status;
    for (int i = 0; i < HG_TENSOR_ROLE_COUNT; i++)
        t->wanted[i] = (hg_wanted_type){t->main.keep, HG_DTYPE_F32};
    for (size_t d = 0; d < sizeof defaults / sizeof *defaults && !t->main.keep; d++) {
        for (int i = 0; i < HG_TENSOR_ROLE_COUNT && defaults[d].main == t->main.dtype; i++)
            t->wanted[i].dtype = defaults[d].roles[i];
    }
    status = override_role(t, HG_TENSOR_ROLE_EMBED, names->embed, err);
    if (status == HG_STATUS_OK)
        status = override_role(t, HG_TENSOR_ROLE_HEAD, names->head, err);
    if (status == HG_STATUS_OK)
        status = override_role(t, HG_TENSOR_ROLE_HLORA, names->hlora, err);
    if (status == HG_STATUS_OK)
        status = override_role(t, HG_TENSOR_ROLE_PROJECTOR, names->clip, err);
    if (status == HG_STATUS_OK)
        status = override_role(t, HG_TENSOR_ROLE_CLIP, names->clip, err);
    if (status == HG_STATUS_OK)
        status = override_role(t, HG_TENSOR_ROLE_VQGAN, names->vqgan, err);
    const hg_wanted_type *picture = &t->wanted[HG_TENSOR_ROLE_VQGAN];
    if (status == HG_STATUS_OK && !picture->keep && hg_dtype_is_quantised(picture->dtype))
        return hg_error_set(err, HG_STATUS_USAGE, "the picture decoder can be f32, f16 or bf16, not %s",
                            hg_dtype_name(picture->dtype));
    return status;
}

static bool name_has(const char *name, const char *part)
{
    return strstr(name, part) != NULL;
}

static hg_tensor_role plugin_role(const char *name)
{
    if (name_has(name, "mm_projector"))
        return HG_TENSOR_ROLE_PROJECTOR;
    return name_has(name, "lora_route") ? HG_TENSOR_ROLE_ROUTER : HG_TENSOR_ROLE_HLORA;
}

hg_tensor_role hg_tensor_role_get(hg_part part, const char *released, const hg_tensor *tensor)
{
    if (tensor->n_dims == 1 || name_has(released, "position_embedding"))
        return HG_TENSOR_ROLE_VECTOR;
    switch (part) {
    case HG_PART_BASE:
    case HG_PART_FUSION:
        if (name_has(released, "embed_tokens"))
            return HG_TENSOR_ROLE_EMBED;
        return name_has(released, "lm_head") ? HG_TENSOR_ROLE_HEAD : HG_TENSOR_ROLE_LINEAR;
    case HG_PART_COM:
    case HG_PART_GEN:
        return plugin_role(released);
    case HG_PART_CLIP:
        return HG_TENSOR_ROLE_CLIP;
    case HG_PART_VQGAN:
        return HG_TENSOR_ROLE_VQGAN;
    }
    return HG_TENSOR_ROLE_LINEAR;
}

static bool is_16_bit(hg_dtype type)
{
    return type == HG_DTYPE_F16 || type == HG_DTYPE_BF16;
}

hg_dtype hg_tensor_types_choose(const hg_tensor_types *t, hg_tensor_role role, const hg_tensor *tensor,
                                bool *fallback)
{
    const hg_wanted_type *wanted = &t->wanted[role];
    int64_t row = tensor->shape[tensor->n_dims - 1];
    *fallback = false;
    if (wanted->keep || (is_16_bit(wanted->dtype) && is_16_bit(tensor->dtype)))
        return tensor->dtype;
    if (row % hg_dtype_block(wanted->dtype) == 0)
        return wanted->dtype;
    *fallback = true;
    return row % hg_dtype_block(HG_DTYPE_Q8_0) == 0 ? HG_DTYPE_Q8_0 : HG_DTYPE_F16;
}
