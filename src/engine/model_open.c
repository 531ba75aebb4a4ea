/* SPDX-License-Identifier: Apache-2.0
 *
 * model_open.c: from a folder or a package to an opened model. A task whose parts are incomplete is left out;
 * a part that is there but bad is an error.
 */
#include "engine/engine.h"

#include "base/file_map.h"
#include "base/huge_pages.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "model/repack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The OpenMP runtime ends the process when the system gives it no more threads. */
#define MODEL_MAX_THREADS 1024

/* Whether the language model is block-quantised. */
static bool is_quantised(const hg_decoder *d)
{
    for (int slot = 0; slot < HG_SLOT_COUNT; slot++) {
        if (hg_slot_exists(&d->config, (hg_slot)slot) &&
            hg_dtype_is_quantised(d->layers[0].weight[slot].dtype))
            return true;
    }
    return false;
}

/* Left open, keys and values are cached as f16 when the language model is block-quantised, whose own error is
 * far larger (docs/adr/0019-kv-cache.md); otherwise as f32, which is exact. */
static hg_status open_cache_type(hg_model *m, const char *wanted, hg_error *err)
{
    static const hg_dtype types[] = {HG_DTYPE_F32, HG_DTYPE_F16, HG_DTYPE_BF16, HG_DTYPE_Q8_0};
    if (wanted == NULL) {
        m->cache_type = is_quantised(&m->weights.decoder) ? HG_DTYPE_F16 : HG_DTYPE_F32;
        return HG_STATUS_OK;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(wanted, hg_dtype_name(types[i])) == 0) {
            m->cache_type = types[i];
            return HG_STATUS_OK;
        }
    }
    return hg_error_set(err, HG_STATUS_USAGE, "no KV cache type '%.40s': f32, f16, bf16 or q8_0", wanted);
}

/* Whether what is wanted, "f32" or "bf16", is the latter. Left open, it is bf16 where that is faster and the
 * language model is block-quantised, whose own error is larger; otherwise f32, which is exact. `what` is for
 * the text of an error. */
static hg_status open_bf16(const hg_model *m, const char *wanted, const char *what, bool *bf16, hg_error *err)
{
    const bool fast = m->kernels->fast_bf16;
    *bf16 = wanted != NULL ? strcmp(wanted, "bf16") == 0 : fast && is_quantised(&m->weights.decoder);
    if (wanted != NULL && !*bf16 && strcmp(wanted, "f32") != 0)
        return hg_error_set(err, HG_STATUS_USAGE, "no %s '%.40s': f32 or bf16", what, wanted);
    if (*bf16 && !fast)
        return hg_error_set(err, HG_STATUS_USAGE, "%s bf16 needs a processor with AVX512-BF16: use f32",
                            what);
    return HG_STATUS_OK;
}

/* Pictures are decoded in the vision type; codes come from float32, because bf16 would change a few of them.
 */
static hg_status open_maps(hg_model *m, bool bf16, hg_error *err)
{
    hg_healthgpt *w = &m->weights;
    if (!w->tasks[HG_TASK_GENERATION].present || m->kernels == hg_kernels_get(HG_CPU_TIER_REFERENCE))
        return HG_STATUS_OK;
    w->maps[HG_VQGAN_DECODE] =
        hg_vqgan_maps_create(&w->vqgan, HG_VQGAN_DECODE, bf16 ? HG_DTYPE_BF16 : HG_DTYPE_F32);
    w->maps[HG_VQGAN_ENCODE] = hg_vqgan_maps_create(&w->vqgan, HG_VQGAN_ENCODE, HG_DTYPE_F32);
    if (w->maps[HG_VQGAN_DECODE] == NULL || w->maps[HG_VQGAN_ENCODE] == NULL)
        return hg_error_memory(err, 0, "the picture decoder");
    return HG_STATUS_OK;
}

/* The type of the vision parts' products (docs/adr/0015-bf16-vision.md). */
static hg_status open_vision(hg_model *m, const char *wanted, hg_error *err)
{
    bool bf16;
    hg_status status = open_bf16(m, wanted, "vision type", &bf16, err);
    if (status != HG_STATUS_OK)
        return status;
    m->weights.clip.bf16 = bf16;
    return open_maps(m, bf16, err);
}

/* The reference adds its picture tokens behind the tokenizer's last one. */
static hg_status open_source(hg_model *m, const char *path, hg_error *err)
{
    hg_source *s = &m->source;
    hg_status status = hg_source_open(s, &(hg_source_paths){.model = path}, err);
    if (status != HG_STATUS_OK)
        return status;
    if (s->missing_for_ask[0] != 0 && s->missing_for_draw[0] != 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: missing %s", path, s->missing_for_ask);
    m->n_tokens = s->parts.n_tokens;
    if (s->parts.sets[HG_PART_GEN] != NULL)
        status = hg_tokenizer_add_picture_tokens(s->tokenizer, (size_t)s->parts.vqgan.n_embed, err);
    return status == HG_STATUS_OK ? hg_healthgpt_load(&m->weights, &s->parts, err) : status;
}

static hg_status open_kernels(hg_model *m, const hg_model_options *options, hg_error *err)
{
    hg_cpu_tier tier;
    hg_status status = hg_cpu_choose(options != NULL ? options->cpu_tier : NULL, &tier, err);
    if (status != HG_STATUS_OK)
        return status;
    m->kernels = hg_kernels_get(tier);
    int n_threads = options != NULL ? options->n_threads : 0;
    if (n_threads < 0 || n_threads > MODEL_MAX_THREADS)
        return hg_error_set(err, HG_STATUS_USAGE, "%d threads: 0 (all processors) to %d", n_threads,
                            MODEL_MAX_THREADS);
    m->n_threads = n_threads > 0 ? n_threads : hg_parallel_processors();
    return HG_STATUS_OK;
}

/* A model that is not locked answers as well, only perhaps later: no failure. */
static void open_lock(hg_model *m)
{
    const hg_source_locked l = hg_source_lock(&m->source);
    const uint64_t limit = hg_file_map_lock_limit();
    char reason[256];
    if (l.reason == 0)
        return;
    if (limit < l.bytes)
        snprintf(reason, sizeof reason,
                 "the limit on locked memory is %.1f MB; raise it above what the model takes (ulimit -l, "
                 "LimitMEMLOCK= of a service, --ulimit memlock= of a container)",
                 (double)limit * 1e-6);
    else
        snprintf(reason, sizeof reason, "%s", strerror(l.reason));
    snprintf(m->lock_note, sizeof m->lock_note, "%.1f of the model's %.1f MB are locked in memory: %s",
             (double)l.locked * 1e-6, (double)l.bytes * 1e-6, reason);
}

/* Left to others when weights are copied. */
#define REPACK_MARGIN ((uint64_t)256 << 20)

/* A model that is not repacked answers as well, only more slowly: no failure. */
static void open_repack(hg_model *m, hg_repack_choice wanted, bool lock)
{
    const uint64_t bytes = m->kernels->interleaves ? hg_repack_bytes(&m->weights) : 0,
                   left = hg_memory_available();
    char reason[256] = "";
    if (wanted == HG_REPACK_NO || (wanted == HG_REPACK_AUTO && (lock || left / 2 < bytes)))
        return;
    if (bytes == 0)
        snprintf(reason, sizeof reason, "%s",
                 m->kernels->interleaves ? "there is another order only for q8_0, q4_0 and q4_k"
                                         : "this processor's kernels have no other order");
    else if (left < REPACK_MARGIN || left - REPACK_MARGIN < bytes)
        snprintf(reason, sizeof reason, "that takes %.1f MB, and %.1f are free", (double)bytes * 1e-6,
                 (double)left * 1e-6);
    const int code = reason[0] == 0 ? hg_repack(&m->weights, &m->source.parts, m->kernels, m->n_threads) : 0;
    if (code != 0)
        snprintf(reason, sizeof reason, "%s", strerror(code));
    if (reason[0] != 0 && wanted == HG_REPACK_YES)
        snprintf(m->repack_note, sizeof m->repack_note, "weights are not repacked: %s", reason);
}

/* A model in small pages answers as well, only more slowly: no failure. */
static void open_huge(hg_model *m, hg_huge_pages wanted)
{
    /* A copy of the files would hold once more what is repacked, which lies in huge pages already. */
    hg_huge_use use = {.copy = wanted == HG_HUGE_PAGES_YES && m->weights.repacked == NULL,
                       .n_threads = m->n_threads};
    char reason[256];
    if (wanted == HG_HUGE_PAGES_NO)
        return;
    hg_source_use_huge(&m->source, &use);
    if (use.reason == 0)
        return;
    if (use.reason == EOPNOTSUPP)
        snprintf(reason, sizeof reason,
                 "this system has them switched off (/sys/kernel/mm/transparent_hugepage/enabled)");
    else if (use.reason == ENOMEM)
        snprintf(reason, sizeof reason, "they need as much memory again, and %.1f MB are free",
                 (double)hg_memory_available() * 1e-6);
    else
        snprintf(reason, sizeof reason, "%s", strerror(use.reason));
    snprintf(m->huge_note, sizeof m->huge_note, "%.1f of the model's %.1f MB are in huge pages: %s",
             (double)use.copied * 1e-6, (double)use.bytes * 1e-6, reason);
}

hg_status hg_model_open(hg_model **out, const char *path, const hg_model_options *options, hg_error *err)
{
    *out = NULL;
    hg_model *m = hg_mem_array(1, sizeof *m);
    if (m == NULL)
        return hg_error_memory(err, sizeof *m, "a model");
    hg_status status = open_kernels(m, options, err);
    if (status == HG_STATUS_OK)
        status = open_source(m, path, err);
    if (status == HG_STATUS_OK)
        status = open_cache_type(m, options != NULL ? options->kv_cache : NULL, err);
    if (status == HG_STATUS_OK)
        status = open_vision(m, options != NULL ? options->vision : NULL, err);
    if (status == HG_STATUS_OK)
        status = open_bf16(m, options != NULL ? options->prefill : NULL, "prefill type", &m->bf16, err);
    if (status == HG_STATUS_OK)
        open_repack(m, options != NULL ? options->repack : HG_REPACK_AUTO, options != NULL && options->lock);
    if (status == HG_STATUS_OK)
        open_huge(m, options != NULL ? options->huge_pages : HG_HUGE_PAGES_AUTO);
    if (status == HG_STATUS_OK && options != NULL && options->lock)
        open_lock(m);
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
    hg_source_close(&model->source);
    hg_mem_free(model);
}

bool hg_model_is_random(const hg_model *model)
{
    return model->source.manifest.random_weights;
}

const char *hg_model_get_lock_note(const hg_model *model)
{
    return model->lock_note;
}

const char *hg_model_get_huge_note(const hg_model *model)
{
    return model->huge_note;
}

const char *hg_model_get_repack_note(const hg_model *model)
{
    return model->repack_note;
}

const char *hg_model_get_name(const hg_model *model)
{
    return model->source.manifest.name;
}

const char *hg_model_get_plugin_hash(const hg_model *model, bool drawing)
{
    const hg_source *source = &model->source;
    for (size_t i = 0; i < source->n_provenance; i++) {
        if (strcmp(source->provenance[i].part, drawing ? "gen" : "com") == 0)
            return source->provenance[i].sha256;
    }
    return "";
}
