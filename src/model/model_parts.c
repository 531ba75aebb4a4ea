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

static bool part_given(const char *path)
{
    return path != NULL && path[0] != 0;
}

static hg_status open_base(hg_model_parts *p, const char *folder, hg_error *err)
{
    hg_status status = hg_decoder_config_read(&p->decoder, folder, err);
    if (status == HG_STATUS_OK)
        status = hg_generation_config_read(&p->generation, &p->decoder, folder, err);
    return status == HG_STATUS_OK ? hg_tensor_set_open_folder(&p->sets[HG_PART_BASE], folder, err) : status;
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

hg_status hg_model_parts_open(hg_model_parts *parts, const hg_healthgpt_files *files, hg_error *err)
{
    *parts = (hg_model_parts){.com_alpha = files->com_alpha,
                              .gen_alpha = files->gen_alpha,
                              .com_experts = files->com_experts,
                              .gen_experts = files->gen_experts,
                              .n_tokens = files->n_tokens};
    hg_status status = open_base(parts, files->base, err);
    if (status == HG_STATUS_OK)
        status = hg_model_parts_open_clip(parts, files->clip, err);
    if (status == HG_STATUS_OK && part_given(files->com))
        status = hg_tensor_set_open_file(&parts->sets[HG_PART_COM], files->com, err);
    if (status == HG_STATUS_OK && part_given(files->gen))
        status = hg_model_parts_open_generation(parts, files->gen, files->fusion, files->vqgan_folder,
                                                files->vqgan_file, err);
    if (status != HG_STATUS_OK)
        hg_model_parts_close(parts);
    return status;
}

void hg_model_parts_close(hg_model_parts *parts)
{
    for (int i = 0; i < HG_PART_COUNT; i++)
        hg_tensor_set_close(parts->sets[i]);
    *parts = (hg_model_parts){.n_tokens = 0};
}
