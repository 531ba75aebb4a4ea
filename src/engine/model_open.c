/* SPDX-License-Identifier: Apache-2.0
 *
 * model_open.c: from a folder to an opened model: manifest, tokenizer, weights, chat template. A task whose
 * parts are incomplete is left out; a part that is there but bad is an error.
 */
#include "engine/engine.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "engine/parts.h"

#include <string.h>

/* The OpenMP runtime ends the process when the system gives it no more threads. */
#define MODEL_MAX_THREADS 1024

/* Tokens that the tokenizer of a base model has before its own specials are counted: the reference adds its
 * picture tokens behind the last one, and only to tokenizers without additional specials of their own, so
 * Qwen2.5 is not extended and cannot draw. */
static hg_status open_tokenizer(hg_model *m, const hg_parts *parts, bool draws, hg_error *err)
{
    hg_status status = hg_tokenizer_open(&m->tokenizer, parts->base, err);
    if (status != HG_STATUS_OK)
        return status;
    m->n_tokens = hg_tokenizer_length(m->tokenizer);
    if (m->manifest.template_name[0] != 0) {
        if (!hg_chat_kind_find(m->manifest.template_name, &m->chat))
            return hg_error_set(err, HG_STATUS_INPUT, "%s/healthgpt.json: no chat template '%s'",
                                parts->folder, m->manifest.template_name);
    } else if (!hg_chat_kind_guess(m->tokenizer, &m->chat)) {
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%s: the tokenizer has the control tokens of none of the known chat templates; "
                            "name one in healthgpt.json",
                            parts->base);
    }
    if (!draws)
        return HG_STATUS_OK;
    hg_vqgan_config vqgan;
    status = hg_vqgan_config_read(&vqgan, parts->vqgan, err);
    return status == HG_STATUS_OK ? hg_tokenizer_add_picture_tokens(m->tokenizer, (size_t)vqgan.n_embed, err)
                                  : status;
}

static hg_status open_cache_type(hg_model *m, const char *wanted, hg_error *err)
{
    static const hg_dtype types[] = {HG_DTYPE_F32, HG_DTYPE_F16, HG_DTYPE_BF16};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(wanted, hg_dtype_name(types[i])) == 0) {
            m->cache_type = types[i];
            return HG_STATUS_OK;
        }
    }
    return hg_error_set(err, HG_STATUS_USAGE, "no KV cache type '%.40s': f32, f16 or bf16", wanted);
}

static hg_status open_weights(hg_model *m, const hg_parts *parts, bool asks, bool draws, hg_error *err)
{
    hg_healthgpt_files files = {.base = parts->base,
                                .clip = parts->clip,
                                .com = asks ? parts->com : NULL,
                                .gen = draws ? parts->gen : NULL,
                                .fusion = parts->fusion,
                                .vqgan_folder = parts->vqgan,
                                .vqgan_file = parts->vqgan_file,
                                .com_alpha = m->manifest.com.hlora_alpha,
                                .gen_alpha = m->manifest.gen.hlora_alpha,
                                .com_experts = m->manifest.com.hlora_experts,
                                .gen_experts = m->manifest.gen.hlora_experts,
                                .n_tokens = m->n_tokens};
    return hg_healthgpt_open(&m->weights, &files, err);
}

static hg_status open_parts(hg_model *m, const char *path, hg_error *err)
{
    hg_parts *parts = hg_mem_array(1, sizeof *parts);
    if (parts == NULL)
        return hg_error_memory(err, sizeof *parts, "opening a model");
    hg_status status = hg_parts_find(parts, path, err);
    if (status == HG_STATUS_OK)
        status = hg_manifest_read(&m->manifest, path, err);
    if (status == HG_STATUS_OK) {
        bool asks = !hg_parts_missing_for_ask(parts, m->missing_for_ask);
        bool draws = !hg_parts_missing_for_draw(parts, m->missing_for_draw);
        if (!asks && !draws)
            status = hg_error_set(err, HG_STATUS_INPUT, "%s: missing %s", path, m->missing_for_ask);
        if (status == HG_STATUS_OK)
            status = open_tokenizer(m, parts, draws, err);
        if (status == HG_STATUS_OK)
            status = open_weights(m, parts, asks, draws, err);
    }
    hg_mem_free(parts);
    return status;
}

static hg_status open_kernels(hg_model *m, const hg_model_options *options, hg_error *err)
{
    hg_cpu_tier tier = hg_cpu_detect();
    const char *wanted = options != NULL ? options->cpu_tier : NULL;
    for (int i = 0; wanted != NULL; i++) {
        if (i == HG_CPU_TIER_COUNT)
            return hg_error_set(err, HG_STATUS_USAGE, "no CPU tier '%.40s': reference, avx2 or avx512",
                                wanted);
        if (strcmp(wanted, hg_cpu_tier_name((hg_cpu_tier)i)) != 0)
            continue;
        if ((hg_cpu_tier)i > tier)
            return hg_error_set(err, HG_STATUS_USAGE, "this processor has no %s, its best tier is %s", wanted,
                                hg_cpu_tier_name(tier));
        tier = (hg_cpu_tier)i;
        break;
    }
    m->kernels = hg_kernels_get(tier);
    int n_threads = options != NULL ? options->n_threads : 0;
    if (n_threads < 0 || n_threads > MODEL_MAX_THREADS)
        return hg_error_set(err, HG_STATUS_USAGE, "%d threads: 0 (all processors) to %d", n_threads,
                            MODEL_MAX_THREADS);
    m->n_threads = n_threads > 0 ? n_threads : hg_parallel_processors();
    return HG_STATUS_OK;
}

hg_status hg_model_open(hg_model **out, const char *path, const hg_model_options *options, hg_error *err)
{
    *out = NULL;
    hg_model *m = hg_mem_array(1, sizeof *m);
    if (m == NULL)
        return hg_error_memory(err, sizeof *m, "a model");
    hg_status status = open_kernels(m, options, err);
    if (status == HG_STATUS_OK)
        status =
            open_cache_type(m, options != NULL && options->kv_cache != NULL ? options->kv_cache : "f32", err);
    if (status == HG_STATUS_OK)
        status = open_parts(m, path, err);
    if (status == HG_STATUS_OK)
        *out = m;
    else
        hg_model_close(m);
    return status;
}

void hg_model_close(hg_model *model)
{
    if (model == NULL)
        return;
    hg_healthgpt_close(&model->weights);
    hg_tokenizer_close(model->tokenizer);
    hg_mem_free(model);
}

bool hg_model_is_random(const hg_model *model)
{
    return model->manifest.random_weights;
}
