/* SPDX-License-Identifier: Apache-2.0
 *
 * train_open.c: finds the parts, loads what is complete the usual way, and puts the rest of the stage's tasks
 * together here.
 */
#include "train/train_open.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "train/new_parts.h"
#include "train/plugin_names.h"
#include "train/stage.h"

#include <string.h>

static hg_status open_kernels(hg_model *m, const hg_train_settings *s, hg_error *err)
{
    hg_cpu_tier tier;
    hg_status status = hg_cpu_choose(s->cpu, &tier, err);
    if (status != HG_STATUS_OK)
        return status;
    m->kernels = hg_kernels_get(tier);
    m->n_threads = s->threads > 0 ? (int)s->threads : hg_parallel_processors();
    m->cache_type = HG_DTYPE_F32;
    return HG_STATUS_OK;
}

/* Everything that is there, whether a task is complete or not. */
static hg_status open_source(hg_source *s, const hg_train_settings *settings, hg_error *err)
{
    const hg_source_paths paths = {.model = settings->model,
                                   .com = settings->com,
                                   .gen = settings->gen,
                                   .fusion = settings->fusion,
                                   .keep_incomplete = true};
    return hg_source_open(s, &paths, err);
}

/* A plug-in that is there is of the kind that was asked for. */
static hg_status check_kind(const hg_plugin *plugin, const hg_train_settings *s, const hg_tensor_set *set,
                            hg_error *err)
{
    if (s->adapter == HG_TRAIN_UNSET || (hg_adapter_kind)s->adapter == plugin->kind)
        return HG_STATUS_OK;
    return hg_error_set(
        err, HG_STATUS_USAGE,
        "%s: its adapters are of the kind %s, but adapter is %s: leave it out to train these, "
        "or take a model without this file to begin new ones",
        hg_weight_label(set), hg_adapter_kind_name(plugin->kind),
        hg_adapter_kind_name((hg_adapter_kind)s->adapter));
}

/* A plug-in from its file, or a new one. */
static hg_status make_plugin(hg_model *m, const hg_train_settings *s, hg_task task, hg_part part, bool *begun,
                             hg_error *err)
{
    hg_healthgpt *w = &m->weights;
    const hg_tensor_set *set = m->source.parts.sets[part];
    double alpha = task == HG_TASK_COMPREHENSION ? m->source.parts.com_alpha : m->source.parts.gen_alpha;
    int64_t width = w->clip.config.hidden;
    hg_status layers = hg_task_clip_layers(&w->tasks[task].clip_layers, &m->source.parts, task,
                                           w->clip.config.n_layers, err);
    *begun = set == NULL;
    if (layers != HG_STATUS_OK)
        return layers;
    if (set != NULL) {
        hg_status status =
            hg_plugin_load(&w->tasks[task].plugin, set, &w->decoder.config, width, alpha, &w->arena, err);
        return status == HG_STATUS_OK ? check_kind(&w->tasks[task].plugin, s, set, err) : status;
    }
    hg_rng rng;
    hg_rng_init(&rng, (uint64_t)s->seed * HG_TASK_COUNT + (uint64_t)task);
    hg_adapter_kind kind = s->adapter == HG_TRAIN_UNSET ? HG_ADAPTER_HLORA : (hg_adapter_kind)s->adapter;
    hg_new_plugin how = {kind, s->rank, s->experts, s->alpha > 0 ? s->alpha : alpha, width};
    return hg_new_plugin_make(&w->tasks[task].plugin, &how, &w->decoder.config, &rng, &w->arena, err);
}

/* Rows of generation's embedding and head: the tokenizer's tokens, then those of pictures. */
static int64_t picture_rows(const hg_model *m)
{
    return m->source.parts.vqgan.n_embed + HG_PICTURE_EXTRA_TOKENS;
}

/* The fusion file's embedding and head. */
static hg_status take_words(hg_task_parts *task, const hg_model *m, hg_error *err)
{
    const hg_tensor_set *set = m->source.parts.sets[HG_PART_FUSION];
    int64_t shape[2] = {m->n_tokens + picture_rows(m), m->weights.decoder.config.hidden};
    hg_status status = hg_weight_take(set, HG_FUSION_EMBED_NAME, 2, shape, &task->embed, err);
    return status == HG_STATUS_OK ? hg_weight_take(set, HG_FUSION_HEAD_NAME, 2, shape, &task->head, err)
                                  : status;
}

/* Embedding and head of answers: the base model's, or the fusion layer's where the model says so (a stage
 * that trains the fusion layer takes it for both tasks anyway). */
static hg_status make_answer_words(hg_model *m, const hg_train_settings *s, hg_error *err)
{
    hg_task_parts *task = &m->weights.tasks[HG_TASK_COMPREHENSION];
    const hg_model_parts *parts = &m->source.parts;
    task->embed = m->weights.decoder.embed;
    task->head = m->weights.decoder.head;
    if (parts->com_fused && !hg_stage_get(s->stage)->fused) {
        if (parts->sets[HG_PART_FUSION] == NULL || parts->sets[HG_PART_VQGAN] == NULL)
            return hg_error_set(
                err, HG_STATUS_INPUT,
                "%s: healthgpt.json says that comprehension uses the fusion layer, but that or "
                "the picture decoder is missing",
                s->model);
        hg_status status = take_words(task, m, err);
        if (status != HG_STATUS_OK)
            return status;
    }
    task->head = hg_tensor_view_rows(&task->head, 0, m->n_tokens);
    return HG_STATUS_OK;
}

static hg_status make_comprehension(hg_model *m, const hg_train_settings *s, hg_train_begun *begun,
                                    hg_error *err)
{
    hg_status status = make_plugin(m, s, HG_TASK_COMPREHENSION, HG_PART_COM, &begun->com, err);
    if (status == HG_STATUS_OK)
        status = make_answer_words(m, s, err);
    m->weights.tasks[HG_TASK_COMPREHENSION].present = status == HG_STATUS_OK;
    return status;
}

/* Embedding and head of generation: the file's, or the base model's with rows for picture tokens. */
static hg_status make_fusion(hg_model *m, bool *begun, hg_error *err)
{
    hg_healthgpt *w = &m->weights;
    hg_task_parts *task = &w->tasks[HG_TASK_GENERATION];
    *begun = m->source.parts.sets[HG_PART_FUSION] == NULL;
    if (!*begun)
        return take_words(task, m, err);
    const int64_t more = picture_rows(m);
    hg_status status = hg_new_rows_make(&task->embed, &w->decoder.embed, m->n_tokens, more, &w->arena, err);
    return status == HG_STATUS_OK
               ? hg_new_rows_make(&task->head, &w->decoder.head, m->n_tokens, more, &w->arena, err)
               : status;
}

static hg_status make_generation(hg_model *m, const hg_train_settings *s, hg_train_begun *begun,
                                 hg_error *err)
{
    hg_healthgpt *w = &m->weights;
    const hg_tensor_set *vqgan = m->source.parts.sets[HG_PART_VQGAN];
    if (vqgan == NULL)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%s: missing the picture decoder (vqgan/), which says what the picture codes are",
                            s->model);
    hg_status status = make_plugin(m, s, HG_TASK_GENERATION, HG_PART_GEN, &begun->gen, err);
    if (status == HG_STATUS_OK)
        status = make_fusion(m, &begun->fusion, err);
    if (status == HG_STATUS_OK)
        status = hg_vqgan_load(&w->vqgan, &m->source.parts.vqgan, vqgan, &w->arena, err);
    w->tasks[HG_TASK_GENERATION].present = status == HG_STATUS_OK;
    return status;
}

/* The usual way first, without the tasks; then the stage's tasks, with new parts where there are none. */
static hg_status load_weights(hg_model *m, const hg_train_settings *s, hg_train_begun *begun, hg_error *err)
{
    hg_model_parts bare = m->source.parts;
    bare.sets[HG_PART_COM] = bare.sets[HG_PART_GEN] = bare.sets[HG_PART_FUSION] = NULL;
    m->n_tokens = bare.n_tokens;
    hg_status status = hg_healthgpt_load(&m->weights, &bare, err);
    bool draws = hg_stage_get(s->stage)->draws, asks = hg_stage_get(s->stage)->asks;
    if (status == HG_STATUS_OK && asks)
        status = make_comprehension(m, s, begun, err);
    if (status == HG_STATUS_OK && draws)
        status = make_generation(m, s, begun, err);
    if (status == HG_STATUS_OK && draws)
        status = hg_tokenizer_add_picture_tokens(m->source.tokenizer, (size_t)bare.vqgan.n_embed, err);
    return status;
}

hg_status hg_train_open(hg_model **out, hg_train_settings *settings, hg_train_begun *begun, hg_error *err)
{
    *out = NULL;
    *begun = (hg_train_begun){0};
    hg_model *m = hg_mem_array(1, sizeof *m);
    if (m == NULL)
        return hg_error_memory(err, sizeof *m, "a model");
    hg_status status = open_kernels(m, settings, err);
    if (status == HG_STATUS_OK)
        status = open_source(&m->source, settings, err);
    if (status == HG_STATUS_OK)
        status = hg_train_settings_complete(settings, m->source.chat, err);
    if (status == HG_STATUS_OK)
        status = load_weights(m, settings, begun, err);
    if (status == HG_STATUS_OK)
        *out = m;
    else
        hg_model_close(m);
    return status;
}
