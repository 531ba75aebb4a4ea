/* SPDX-License-Identifier: Apache-2.0
 *
 * model_parts.c: opens the released files one by one. What is in them is checked when the model is loaded.
 */
#include "model/model_parts.h"

const char *hg_part_name(hg_part part)
{
    static const char *const names[HG_PART_COUNT] = {"base", "clip", "com", "gen", "fusion", "vqgan"};
    return names[part];
}

hg_status hg_model_parts_open_clip(hg_model_parts *p, const char *folder, hg_error *err)
{
    hg_status status = hg_clip_config_read(&p->clip, folder, err);
    if (status == HG_STATUS_OK)
        status = hg_preprocessor_config_read(&p->preprocessor, folder, err);
    return status == HG_STATUS_OK ? hg_tensor_set_open_folder(&p->sets[HG_PART_CLIP], folder, err) : status;
}

hg_status hg_model_parts_open_generation(hg_model_parts *p, const char *gen, const char *fusion,
                                         const char *vqgan_folder, const char *vqgan_file, hg_error *err)
{
    hg_status status = hg_vqgan_config_read(&p->vqgan, vqgan_folder, err);
    if (status == HG_STATUS_OK)
        status = hg_tensor_set_open_file(&p->sets[HG_PART_VQGAN], vqgan_file, err);
    if (status == HG_STATUS_OK)
        status = hg_tensor_set_open_file(&p->sets[HG_PART_GEN], gen, err);
    if (status == HG_STATUS_OK)
        status = hg_tensor_set_open_file(&p->sets[HG_PART_FUSION], fusion, err);
    return status;
}

void hg_model_parts_close(hg_model_parts *parts)
{
    for (int i = 0; i < HG_PART_COUNT; i++)
        hg_tensor_set_close(parts->sets[i]);
    *parts = (hg_model_parts){.n_tokens = 0};
}
