/* SPDX-License-Identifier: Apache-2.0
 *
 * healthgpt_model.c: puts the parts together and checks that they belong together. The comprehension task
 * uses the base model's own embedding and head, generation those of the fusion file, as the reference does.
 */
#include "model/healthgpt_model.h"

#include "base/huge_pages.h"

#include <math.h>
#include <string.h>

/* Enough for the converted vectors of the largest release, and for a picture decoder in 32 bits. */
#define MODEL_ARENA_BLOCK ((size_t)1 << 20)
#define MODEL_ARENA_MAX ((size_t)4 << 30)

/* Pillow's number for the bicubic filter, as in `resample`. */
#define MODEL_BICUBIC 3

static hg_status load_base(hg_healthgpt *m, const hg_model_parts *parts, hg_error *err)
{
    const hg_tensor_set *set = parts->sets[HG_PART_BASE];
    m->generation = parts->generation;
    hg_status status = hg_decoder_load(&m->decoder, &parts->decoder, set, &m->arena, err);
    if (status == HG_STATUS_OK && parts->n_tokens > parts->decoder.vocab)
        return hg_error_set(
            err, HG_STATUS_INPUT, "%s: the tokenizer has %lld tokens but the embedding only %lld rows",
            hg_weight_label(set), (long long)parts->n_tokens, (long long)parts->decoder.vocab);
    return status;
}

/* Images are resized straight to the encoder's square, bicubic, from bytes. Another preparation would be
 * another model. */
static hg_status check_preparation(const hg_preprocessor_config *p, const hg_clip_config *clip,
                                   const char *label, hg_error *err)
{
    if (p->crop != clip->image_size || p->size != clip->image_size)
        return hg_error_set(
            err, HG_STATUS_INPUT,
            "%s: images are prepared at %lld pixels and cut to %lld, but the encoder wants %lld", label,
            (long long)p->size, (long long)p->crop, (long long)clip->image_size);
    if (p->resample != MODEL_BICUBIC)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: resample %d is not supported, %d (bicubic) is", label,
                            p->resample, MODEL_BICUBIC);
    if (fabsf(p->rescale * 255 - 1) > 1e-4F)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: rescale_factor %g is not supported, 1/255 is", label,
                            (double)p->rescale);
    return HG_STATUS_OK;
}

static hg_status load_clip(hg_healthgpt *m, const hg_model_parts *parts, hg_error *err)
{
    const hg_tensor_set *set = parts->sets[HG_PART_CLIP];
    m->preprocessor = parts->preprocessor;
    hg_status status = check_preparation(&parts->preprocessor, &parts->clip, hg_weight_label(set), err);
    return status == HG_STATUS_OK ? hg_clip_load(&m->clip, &parts->clip, set, &m->arena, err) : status;
}

static hg_status load_plugin(hg_healthgpt *m, const hg_tensor_set *set, double alpha, int n_experts,
                             hg_task_parts *task, hg_error *err)
{
    hg_status status =
        hg_plugin_load(&task->plugin, set, &m->decoder.config, m->clip.config.hidden, alpha, &m->arena, err);
    if (status == HG_STATUS_OK && n_experts > 0 && n_experts != task->plugin.n_experts)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %lld experts, but the model's settings say %d",
                            hg_weight_label(set), (long long)task->plugin.n_experts, n_experts);
    return status;
}

hg_status hg_task_clip_layers(int64_t *out, const hg_model_parts *parts, hg_task task, int64_t n_layers,
                              hg_error *err)
{
    int stated = task == HG_TASK_COMPREHENSION ? parts->com_layers : parts->gen_layers;
    *out = stated > 0 ? stated : task == HG_TASK_COMPREHENSION ? n_layers - 1 : 1;
    if (stated <= n_layers)
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_INPUT,
                        "the model's settings ask for %d layers of the image encoder, which has %lld", stated,
                        (long long)n_layers);
}

/* Embedding and head of the fusion layer. */
static hg_status load_words(const hg_healthgpt *m, const hg_model_parts *parts, hg_task_parts *task,
                            hg_error *err)
{
    const hg_tensor_set *set = parts->sets[HG_PART_FUSION];
    if (hg_tensor_set_n_tensors(set) != 2)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %zu tensors, expected an embedding and a head",
                            hg_weight_label(set), hg_tensor_set_n_tensors(set));
    int64_t shape[2] = {parts->n_tokens + parts->vqgan.n_embed + HG_PICTURE_EXTRA_TOKENS,
                        m->decoder.config.hidden};
    hg_status status =
        hg_weight_take(set, "base_model.model.model.embed_tokens.weight", 2, shape, &task->embed, err);
    if (status != HG_STATUS_OK)
        return status;
    return hg_weight_take(set, "base_model.model.lm_head.weight", 2, shape, &task->head, err);
}

static hg_status load_comprehension(hg_healthgpt *m, const hg_model_parts *parts, hg_error *err)
{
    hg_task_parts *task = &m->tasks[HG_TASK_COMPREHENSION];
    hg_status status =
        load_plugin(m, parts->sets[HG_PART_COM], parts->com_alpha, parts->com_experts, task, err);
    if (status != HG_STATUS_OK)
        return status;
    /* The reference overwrites the rows behind the real tokens with the mean row, which never wins; they are
     * left out. */
    task->embed = m->decoder.embed;
    task->head = hg_tensor_view_rows(&m->decoder.head, 0, parts->n_tokens);
    if (parts->com_fused) {
        if (parts->sets[HG_PART_FUSION] == NULL || parts->sets[HG_PART_VQGAN] == NULL)
            return hg_error_set(err, HG_STATUS_INPUT,
                                "the model's settings say that comprehension uses the fusion layer, but that "
                                "or the picture decoder is missing");
        status = load_words(m, parts, task, err);
        if (status != HG_STATUS_OK)
            return status;
        task->head = hg_tensor_view_rows(&task->head, 0, parts->n_tokens);
    }
    task->present = true;
    return hg_task_clip_layers(&task->clip_layers, parts, HG_TASK_COMPREHENSION, m->clip.config.n_layers,
                               err);
}

static hg_status load_fusion(hg_healthgpt *m, const hg_model_parts *parts, hg_task_parts *task, hg_error *err)
{
    if (parts->sets[HG_PART_FUSION] == NULL || parts->sets[HG_PART_VQGAN] == NULL)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "a generation plug-in without its embedding and head or its picture decoder");
    return load_words(m, parts, task, err);
}

static hg_status load_vqgan(hg_healthgpt *m, const hg_model_parts *parts, hg_error *err)
{
    const hg_tensor_set *set = parts->sets[HG_PART_VQGAN];
    const hg_vqgan_config *config = &parts->vqgan;
    if (config->in_channels != 3 || config->out_ch != 3)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%s: pictures of %lld channels in and %lld out are not supported, 3 are",
                            hg_weight_label(set), (long long)config->in_channels, (long long)config->out_ch);
    return hg_vqgan_load(&m->vqgan, config, set, &m->arena, err);
}

static hg_status load_generation(hg_healthgpt *m, const hg_model_parts *parts, hg_error *err)
{
    hg_task_parts *task = &m->tasks[HG_TASK_GENERATION];
    hg_status status =
        load_plugin(m, parts->sets[HG_PART_GEN], parts->gen_alpha, parts->gen_experts, task, err);
    if (status == HG_STATUS_OK)
        status = load_fusion(m, parts, task, err);
    if (status == HG_STATUS_OK)
        status = load_vqgan(m, parts, err);
    if (status == HG_STATUS_OK)
        status =
            hg_task_clip_layers(&task->clip_layers, parts, HG_TASK_GENERATION, m->clip.config.n_layers, err);
    task->present = status == HG_STATUS_OK;
    return status;
}

hg_status hg_healthgpt_load(hg_healthgpt *m, const hg_model_parts *parts, hg_error *err)
{
    memset(m, 0, sizeof *m);
    hg_arena_init(&m->arena, MODEL_ARENA_BLOCK, MODEL_ARENA_MAX);
    hg_status status = load_base(m, parts, err);
    if (status == HG_STATUS_OK)
        status = load_clip(m, parts, err);
    if (status == HG_STATUS_OK && parts->sets[HG_PART_COM] != NULL)
        status = load_comprehension(m, parts, err);
    if (status == HG_STATUS_OK && parts->sets[HG_PART_GEN] != NULL)
        status = load_generation(m, parts, err);
    if (status != HG_STATUS_OK)
        hg_healthgpt_close(m);
    return status;
}

void hg_healthgpt_close(hg_healthgpt *m)
{
    for (int way = 0; way < 2; way++)
        hg_vqgan_maps_destroy(m->maps[way]);
    hg_arena_deinit(&m->arena);
    hg_huge_pages_unmap(m->repacked, m->repacked_bytes);
    memset(m, 0, sizeof *m);
}

hg_tensor *hg_healthgpt_see(hg_ctx *ctx, hg_healthgpt *m, hg_task task, hg_tensor *pixels)
{
    hg_task_parts *parts = &m->tasks[task];
    hg_tensor *features = hg_clip_forward(ctx, &m->clip, pixels, parts->clip_layers);
    return hg_projector_forward(ctx, &parts->plugin.projector, features);
}

hg_tensor *hg_healthgpt_draw(hg_ctx *ctx, hg_healthgpt *m, const int32_t *codes)
{
    hg_vqgan_maps *maps = m->maps[HG_VQGAN_DECODE];
    return maps != NULL ? hg_vqgan_maps_decode(ctx, maps, codes) : hg_vqgan_decode(ctx, &m->vqgan, codes);
}

bool hg_healthgpt_encode(hg_ctx *ctx, hg_healthgpt *m, hg_tensor *picture, int32_t *codes)
{
    hg_vqgan_maps *maps = m->maps[HG_VQGAN_ENCODE];
    if (maps == NULL)
        return hg_vqgan_encode(ctx, &m->vqgan, picture, codes);
    return hg_vqgan_choose(ctx, &m->vqgan, hg_vqgan_maps_latent(ctx, maps, picture), codes);
}

static size_t count_slots(const hg_decoder_config *c, bool biases)
{
    size_t n = 0;
    for (int slot = 0; slot < HG_SLOT_COUNT; slot++) {
        if (hg_slot_exists(c, (hg_slot)slot))
            n += biases && hg_slot_has_bias(c, (hg_slot)slot) ? 2 : 1;
    }
    return n;
}

/* A, B, router of every slot; the projector. */
static size_t count_plugin(const hg_healthgpt *m, hg_task task)
{
    const hg_task_parts *parts = &m->tasks[task];
    size_t each = hg_plugin_tensors_per_slot(parts->plugin.kind);
    size_t slots = (size_t)m->decoder.config.n_layers * count_slots(&m->decoder.config, false);
    return parts->present ? slots * each + 4 : 0;
}

size_t hg_healthgpt_n_tensors(const hg_healthgpt *m, hg_part part)
{
    const hg_decoder_config *c = &m->decoder.config;
    switch (part) {
    case HG_PART_BASE: /* two norms a layer; embedding, last norm, head */
        return (size_t)c->n_layers * (2 + count_slots(c, true)) + (c->tie_embeddings ? 2 : 3);
    case HG_PART_CLIP: /* weights and biases of six linear layers and two norms; embeddings and the first norm
                        */
        return (size_t)m->clip.config.n_layers * 16 + 5;
    case HG_PART_COM:
        return count_plugin(m, HG_TASK_COMPREHENSION);
    case HG_PART_GEN:
        return count_plugin(m, HG_TASK_GENERATION);
    case HG_PART_FUSION:
        return m->tasks[HG_TASK_GENERATION].present ? 2 : 0;
    case HG_PART_VQGAN:
        return m->tasks[HG_TASK_GENERATION].present ? hg_vqgan_n_tensors(&m->vqgan) : 0;
    }
    return 0;
}
