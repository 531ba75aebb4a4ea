/* SPDX-License-Identifier: Apache-2.0
 *
 * healthgpt_model.c: opens the parts and checks that they belong together. The comprehension task uses the
 * base model's own embedding and head, generation those of the fusion file, as the reference does.
 */
#include "model/healthgpt_model.h"

#include <math.h>
#include <string.h>

/* Enough for the converted vectors of the largest release, and for a picture decoder in 32 bits. */
#define MODEL_ARENA_BLOCK ((size_t)1 << 20)
#define MODEL_ARENA_MAX ((size_t)4 << 30)

/* Pillow's number for the bicubic filter, as in `resample`. */
#define MODEL_BICUBIC 3

static bool part_given(const char *path)
{
    return path != NULL && path[0] != 0;
}

/* Opens a file or folder and keeps it for closing. */
static hg_status model_open_set(hg_healthgpt *m, const char *path, bool folder, const hg_tensor_set **out,
                                hg_error *err)
{
    hg_tensor_set **slot = &m->files[m->n_files];
    hg_status status =
        folder ? hg_tensor_set_open_folder(slot, path, err) : hg_tensor_set_open_file(slot, path, err);
    if (status != HG_STATUS_OK)
        return status;
    m->n_files++;
    *out = *slot;
    return HG_STATUS_OK;
}

static hg_status model_open_base(hg_healthgpt *m, const hg_healthgpt_files *files, hg_error *err)
{
    hg_decoder_config config;
    const hg_tensor_set *set;
    hg_status status = hg_decoder_config_read(&config, files->base, err);
    if (status == HG_STATUS_OK)
        status = hg_generation_config_read(&m->generation, &config, files->base, err);
    if (status == HG_STATUS_OK)
        status = model_open_set(m, files->base, true, &set, err);
    if (status == HG_STATUS_OK)
        status = hg_decoder_load(&m->decoder, &config, set, &m->arena, err);
    if (status == HG_STATUS_OK && files->n_tokens > config.vocab)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%s: the tokenizer has %lld tokens but the embedding only %lld rows", files->base,
                            (long long)files->n_tokens, (long long)config.vocab);
    return status;
}

/* Images are resized straight to the encoder's square, bicubic, from bytes. Another preparation would be
 * another model. */
static hg_status model_check_preparation(const hg_preprocessor_config *p, const hg_clip_config *clip,
                                         const char *folder, hg_error *err)
{
    if (p->crop != clip->image_size || p->size != clip->image_size)
        return hg_error_set(
            err, HG_STATUS_INPUT,
            "%s: images are prepared at %lld pixels and cut to %lld, but the encoder wants %lld", folder,
            (long long)p->size, (long long)p->crop, (long long)clip->image_size);
    if (p->resample != MODEL_BICUBIC)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: resample %d is not supported, %d (bicubic) is", folder,
                            p->resample, MODEL_BICUBIC);
    if (fabsf(p->rescale * 255 - 1) > 1e-4F)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: rescale_factor %g is not supported, 1/255 is", folder,
                            (double)p->rescale);
    return HG_STATUS_OK;
}

static hg_status model_open_clip(hg_healthgpt *m, const hg_healthgpt_files *files, hg_error *err)
{
    hg_clip_config config;
    const hg_tensor_set *set;
    hg_status status = hg_clip_config_read(&config, files->clip, err);
    if (status == HG_STATUS_OK)
        status = hg_preprocessor_config_read(&m->preprocessor, files->clip, err);
    if (status == HG_STATUS_OK)
        status = model_check_preparation(&m->preprocessor, &config, files->clip, err);
    if (status == HG_STATUS_OK)
        status = model_open_set(m, files->clip, true, &set, err);
    return status == HG_STATUS_OK ? hg_clip_load(&m->clip, &config, set, &m->arena, err) : status;
}

static hg_status model_open_plugin(hg_healthgpt *m, const char *path, double alpha, int n_experts,
                                   hg_task_parts *task, hg_error *err)
{
    const hg_tensor_set *set;
    hg_status status = model_open_set(m, path, false, &set, err);
    if (status == HG_STATUS_OK)
        status = hg_plugin_load(&task->plugin, set, &m->decoder.config, m->clip.config.hidden, alpha,
                                &m->arena, err);
    if (status == HG_STATUS_OK && n_experts > 0 && n_experts != task->plugin.n_experts)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %lld experts, but healthgpt.json says %d", path,
                            (long long)task->plugin.n_experts, n_experts);
    return status;
}

static hg_status model_open_comprehension(hg_healthgpt *m, const hg_healthgpt_files *files, hg_error *err)
{
    hg_task_parts *task = &m->tasks[HG_TASK_COMPREHENSION];
    hg_status status = model_open_plugin(m, files->com, files->com_alpha, files->com_experts, task, err);
    if (status != HG_STATUS_OK)
        return status;
    /* The reference overwrites the rows behind the real tokens with the mean row, which never wins; they are
     * left out. */
    task->embed = m->decoder.embed;
    task->head = hg_tensor_view_rows(&m->decoder.head, 0, files->n_tokens);
    task->clip_layers = m->clip.config.n_layers - 1;
    task->present = true;
    return HG_STATUS_OK;
}

static hg_status model_open_fusion(hg_healthgpt *m, const hg_healthgpt_files *files, hg_task_parts *task,
                                   hg_error *err)
{
    const hg_tensor_set *set;
    hg_status status = model_open_set(m, files->fusion, false, &set, err);
    if (status != HG_STATUS_OK)
        return status;
    if (hg_tensor_set_n_tensors(set) != 2)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %zu tensors, expected an embedding and a head",
                            files->fusion, hg_tensor_set_n_tensors(set));
    int64_t shape[2] = {files->n_tokens + m->vqgan.config.n_embed + HG_PICTURE_EXTRA_TOKENS,
                        m->decoder.config.hidden};
    status = hg_weight_take(set, "base_model.model.model.embed_tokens.weight", 2, shape, &task->embed, err);
    if (status != HG_STATUS_OK)
        return status;
    return hg_weight_take(set, "base_model.model.lm_head.weight", 2, shape, &task->head, err);
}

static hg_status model_open_generation(hg_healthgpt *m, const hg_healthgpt_files *files, hg_error *err)
{
    hg_task_parts *task = &m->tasks[HG_TASK_GENERATION];
    hg_vqgan_config config;
    const hg_tensor_set *set;
    hg_status status = hg_vqgan_config_read(&config, files->vqgan_folder, err);
    if (status == HG_STATUS_OK && (config.in_channels != 3 || config.out_ch != 3))
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%s: pictures of %lld channels in and %lld out are not supported, 3 are",
                            files->vqgan_folder, (long long)config.in_channels, (long long)config.out_ch);
    if (status == HG_STATUS_OK)
        status = model_open_set(m, files->vqgan_file, false, &set, err);
    if (status == HG_STATUS_OK)
        status = hg_vqgan_load(&m->vqgan, &config, set, &m->arena, err);
    if (status == HG_STATUS_OK)
        status = model_open_plugin(m, files->gen, files->gen_alpha, files->gen_experts, task, err);
    if (status == HG_STATUS_OK)
        status = model_open_fusion(m, files, task, err);
    task->clip_layers = 1;
    task->present = status == HG_STATUS_OK;
    return status;
}

hg_status hg_healthgpt_open(hg_healthgpt *m, const hg_healthgpt_files *files, hg_error *err)
{
    memset(m, 0, sizeof *m);
    hg_arena_init(&m->arena, MODEL_ARENA_BLOCK, MODEL_ARENA_MAX);
    hg_status status = model_open_base(m, files, err);
    if (status == HG_STATUS_OK)
        status = model_open_clip(m, files, err);
    if (status == HG_STATUS_OK && part_given(files->com))
        status = model_open_comprehension(m, files, err);
    if (status == HG_STATUS_OK && part_given(files->gen))
        status = model_open_generation(m, files, err);
    if (status != HG_STATUS_OK)
        hg_healthgpt_close(m);
    return status;
}

void hg_healthgpt_close(hg_healthgpt *m)
{
    for (int i = 0; i < m->n_files; i++)
        hg_tensor_set_close(m->files[i]);
    hg_arena_deinit(&m->arena);
    memset(m, 0, sizeof *m);
}

hg_tensor *hg_healthgpt_see(hg_ctx *ctx, hg_healthgpt *m, hg_task task, hg_tensor *pixels)
{
    hg_task_parts *parts = &m->tasks[task];
    hg_tensor *features = hg_clip_forward(ctx, &m->clip, pixels, parts->clip_layers);
    return hg_projector_forward(ctx, &parts->plugin.projector, features);
}
