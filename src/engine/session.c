/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c: working memory and the two moves of decoding: prefill (many positions) and step (one).
 *
 * Invariant: `known` lists exactly the positions in the cache, made with the plug-in of `known_task`.
 */
#include "engine/engine.h"

#include "base/memory.h"
#include "base/timing.h"

#include <string.h>

#define SESSION_ARENA_BLOCK ((size_t)16 << 20)
#define SESSION_ARENA_MAX ((size_t)16 << 30)
/* Positions of a prompt that are read at once, at most: weights are unpacked or converted once for all of
 * them, and an image with its question fits. More take memory: 0.3 MB a position of HealthGPT-M3. */
#define PREFILL_MOST 768
/* What parts of a longer prompt are multiples of. */
#define PREFILL_UNIT 32
/* The cache is never larger than this many positions, whatever the model allows. */
#define SESSION_MAX_POSITIONS 16384

int64_t hg_session_max_positions(const hg_model *model)
{
    int64_t positions = model->weights.decoder.config.max_positions;
    return positions < SESSION_MAX_POSITIONS ? positions : SESSION_MAX_POSITIONS;
}

bool hg_session_is_stop(const hg_model *model, int32_t token)
{
    for (int i = 0; i < model->weights.generation.n_stop_ids; i++) {
        if (model->weights.generation.stop_ids[i] == token)
            return true;
    }
    return false;
}

hg_status hg_session_sampler_init(hg_sampler *sampler, const hg_model *model, const hg_sampling *wanted,
                                  int64_t n_tokens, hg_error *err)
{
    hg_sampling how = *wanted;
    if (how.repetition_penalty == 0)
        how.repetition_penalty = (double)model->weights.generation.repetition_penalty;
    return hg_sampler_init(sampler, &how, n_tokens, err);
}

hg_status hg_session_sample(hg_sampler *sampler, float *logits, int32_t *token, hg_error *err)
{
    *token = hg_sampler_next(sampler, logits);
    if (*token >= 0)
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_INPUT,
                        "the model computed logits that are not numbers: its weights are damaged");
}

hg_status hg_session_create(hg_session **out, hg_model *model, hg_error *err)
{
    *out = NULL;
    hg_session *s = hg_mem_array(1, sizeof *s);
    if (s == NULL)
        return hg_error_memory(err, sizeof *s, "a session");
    s->model = model;
    hg_arena_init_apart(&s->arena, SESSION_ARENA_BLOCK, SESSION_ARENA_MAX);
    hg_ctx_init(&s->ctx, &s->arena, model->kernels, model->n_threads);
    const hg_decoder_config *c = &model->weights.decoder.config;
    hg_status status = hg_kv_cache_init(&s->cache, model->cache_type, c->n_layers, c->n_kv_heads, c->head_dim,
                                        hg_session_max_positions(model), err);
    s->cache.prefetch = model->weights.cache_prefetch;
    if (status == HG_STATUS_OK)
        hg_kv_cache_lay(&s->cache, model->n_threads);
    if (status == HG_STATUS_OK)
        status = hg_prompt_reserve(&s->known, s->cache.capacity, err); /* so that a step allocates nothing */
    if (status == HG_STATUS_OK)
        *out = s;
    else
        hg_session_destroy(s);
    return status;
}

void hg_session_destroy(hg_session *session)
{
    if (session == NULL)
        return;
    hg_prompt_deinit(&session->known);
    hg_kv_cache_deinit(&session->cache);
    hg_arena_deinit(&session->arena);
    hg_mem_free(session);
}

void hg_session_begin(hg_session *s)
{
    hg_arena_reset(&s->arena, (hg_arena_mark){0});
    hg_ctx_init(&s->ctx, &s->arena, s->model->kernels, s->model->n_threads);
}

/* Images that are encoded together: their activations, 40 MB each for CLIP ViT-L/14-336, stay small. */
#define IMAGES_TOGETHER 4

/* Embeddings of prompt->images[wanted[..n - 1]], encoded together, to their rows of x; row 0 is item `begin`.
 */
static void embed_images(hg_session *s, hg_task task, const hg_prompt *prompt, int64_t begin,
                         const int64_t *wanted, int64_t n, const hg_tensor *x)
{
    hg_ctx *ctx = &s->ctx;
    int64_t size = s->model->weights.clip.config.image_size, values = 3 * size * size;
    int64_t patches = hg_clip_n_patches(&s->model->weights.clip), h = x->shape[1];
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_tensor *pixels = hg_ctx_tensor(ctx, 4, (int64_t[]){n, 3, size, size}, false);
    for (int64_t j = 0; pixels != NULL && j < n; j++)
        memcpy(hg_tensor_real(pixels) + j * values, prompt->images[wanted[j]].pixels,
               (size_t)values * sizeof(hg_real));
    const hg_tensor *rows = hg_healthgpt_see(ctx, &s->model->weights, task, pixels);
    for (int64_t i = begin; !hg_ctx_failed(ctx) && i < prompt->n_items; i++) {
        const hg_prompt_item *item = &prompt->items[i];
        for (int64_t j = 0; item->id == HG_PROMPT_IMAGE && j < n; j++) {
            if (prompt->images[wanted[j]].content == item->content)
                memcpy(hg_tensor_real(x) + (i - begin) * h,
                       hg_tensor_real(rows) + (j * patches + item->row) * h, (size_t)h * sizeof(hg_real));
        }
    }
    hg_arena_reset(ctx->arena, mark);
}

/* Whether image `index` is wanted: it has positions from `begin` on and is no repetition of one before it. */
static bool embed_wants(const hg_prompt *prompt, int64_t index, int64_t begin)
{
    uint64_t content = prompt->images[index].content;
    for (int64_t i = 0; i < index; i++) {
        if (prompt->images[i].content == content)
            return false;
    }
    for (int64_t i = begin; i < prompt->n_items; i++) {
        if (prompt->items[i].id == HG_PROMPT_IMAGE && prompt->items[i].content == content)
            return true;
    }
    return false;
}

/* Embeddings of the tokens [begin, end). */
static void embed_tokens(hg_session *s, hg_task task, const hg_prompt *prompt, int64_t begin, int64_t end,
                         const hg_tensor *x, int64_t at)
{
    hg_ctx *ctx = &s->ctx;
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    int32_t *ids = hg_arena_array(ctx->arena, (size_t)(end - begin), sizeof *ids);
    for (int64_t i = begin; ids != NULL && i < end; i++)
        ids[i - begin] = prompt->items[i].id;
    if (ids == NULL)
        hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (token ids)");
    const hg_tensor *rows = hg_op_embedding(ctx, &s->model->weights.tasks[task].embed, ids, end - begin);
    if (!hg_ctx_failed(ctx))
        memcpy(hg_tensor_real(x) + at * x->shape[1], rows->data,
               (size_t)((end - begin) * x->shape[1]) * sizeof(hg_real));
    hg_arena_reset(ctx->arena, mark);
}

/* Embeddings (n, H) of the items from `begin` on. */
static hg_tensor *embed_items(hg_session *s, hg_task task, const hg_prompt *prompt, int64_t begin)
{
    int64_t n = prompt->n_items, hidden = s->model->weights.decoder.config.hidden;
    int64_t wanted[IMAGES_TOGETHER], n_wanted = 0;
    hg_tensor *x = hg_ctx_tensor(&s->ctx, 2, (int64_t[]){n - begin, hidden}, false);
    for (int64_t i = 0; i < prompt->n_images && !hg_ctx_failed(&s->ctx); i++) {
        if (embed_wants(prompt, i, begin))
            wanted[n_wanted++] = i;
        if (n_wanted == IMAGES_TOGETHER || (n_wanted > 0 && i + 1 == prompt->n_images)) {
            embed_images(s, task, prompt, begin, wanted, n_wanted, x);
            n_wanted = 0;
        }
    }
    for (int64_t i = begin; i < n && !hg_ctx_failed(&s->ctx);) {
        int64_t end = i;
        while (end < n && prompt->items[end].id != HG_PROMPT_IMAGE)
            end++;
        if (end > i)
            embed_tokens(s, task, prompt, i, end, x, i - begin);
        i = end > i ? end : i + 1;
    }
    return x;
}

static bool report(const hg_progress *progress, const char *stage, int64_t done, int64_t total)
{
    return progress == NULL || progress->report == NULL ||
           progress->report(progress->user, stage, done, total);
}

/* A part of a prompt that is being read. */
typedef struct prefill_part {
    const hg_progress *progress;
    int64_t begin, count, n; /* positions: its own, and all */
    int64_t n_layers;
} prefill_part;

static bool prefill_report(void *user, int64_t n_layers)
{
    const prefill_part *part = user;
    return report(part->progress, "prompt", part->begin + part->count * n_layers / part->n_layers, part->n);
}

/* Parts of n positions are as long as each other, but for the last one's end. */
static int64_t prefill_length(int64_t n)
{
    const int64_t parts = (n + PREFILL_MOST - 1) / PREFILL_MOST, each = (n + parts - 1) / parts;
    return (each + PREFILL_UNIT - 1) / PREFILL_UNIT * PREFILL_UNIT;
}

static hg_status prefill_parts(hg_session *s, hg_task task, hg_tensor *x, const hg_progress *progress,
                               hg_tensor **hidden, hg_error *err)
{
    hg_ctx *ctx = &s->ctx;
    hg_decoder *decoder = &s->model->weights.decoder;
    const hg_plugin *plugin = &s->model->weights.tasks[task].plugin;
    const int64_t n = x->shape[0], length = prefill_length(n);
    hg_tensor *last = hg_ctx_tensor(ctx, 2, (int64_t[]){1, x->shape[1]}, false);
    if (!report(progress, "prompt", 0, n))
        return hg_error_set(err, HG_STATUS_FAILED, "cancelled");
    for (int64_t i = 0; i < n && !hg_ctx_failed(ctx); i += length) {
        prefill_part p = {progress, i, n - i < length ? n - i : length, n, decoder->config.n_layers};
        hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
        /* Of the language model alone: the vision parts have a type of their own. */
        ctx->bf16 = s->model->bf16;
        hg_tensor part = hg_tensor_view_rows(x, i, p.count);
        hg_tensor *y = hg_decoder_forward_watched(ctx, decoder, plugin, &s->cache, &part,
                                                  &(hg_decoder_watch){prefill_report, &p});
        ctx->bf16 = false;
        if (!hg_ctx_failed(ctx))
            memcpy(last->data, hg_tensor_real(y) + (y->shape[0] - 1) * y->shape[1],
                   (size_t)y->shape[1] * sizeof(hg_real));
        hg_arena_reset(ctx->arena, mark);
    }
    *hidden = last;
    if (!hg_ctx_failed(ctx) && !report(progress, "prompt", n, n))
        return hg_error_set(err, HG_STATUS_FAILED, "cancelled");
    return hg_ctx_status(ctx, err);
}

/* Positions at the prompt's begin that a session knows. */
static int64_t prefill_known(const hg_session *s, hg_task task, const hg_prompt *prompt)
{
    return s->known_task == task ? hg_prompt_common(&s->known, prompt) : 0;
}

/* Takes over from another session what it knows of the prompt, if that is more than this one does. */
static hg_status prefill_copy(hg_session *s, hg_task task, const hg_prompt *prompt, hg_error *err)
{
    const hg_session *best = s;
    for (size_t i = 0; i < s->n_others; i++) {
        if (prefill_known(s->others[i], task, prompt) > prefill_known(best, task, prompt))
            best = s->others[i];
    }
    if (best == s)
        return HG_STATUS_OK;
    const int64_t n = prefill_known(best, task, prompt);
    hg_prompt_truncate(&s->known, 0);
    if (!hg_kv_cache_copy(&s->ctx, &s->cache, &best->cache, n))
        return hg_ctx_status(&s->ctx, err);
    hg_status status = hg_prompt_copy_items(&s->known, &best->known, err);
    hg_prompt_truncate(&s->known, status == HG_STATUS_OK ? n : 0);
    s->known_task = task;
    return status;
}

hg_status hg_session_prefill(hg_session *s, hg_task task, const hg_prompt *prompt,
                             const hg_progress *progress, hg_timings *timings, size_t *reused,
                             hg_tensor **hidden, hg_error *err)
{
    int64_t n = prompt->n_items;
    if (n >= s->cache.capacity)
        return hg_error_set(
            err, HG_STATUS_INPUT,
            "the prompt has %lld positions (%lld image%s among it), the model's context %lld: ask with less",
            (long long)n, (long long)prompt->n_images, prompt->n_images == 1 ? "" : "s",
            (long long)s->cache.capacity);
    hg_status status = prefill_copy(s, task, prompt, err);
    if (status != HG_STATUS_OK)
        return status;
    int64_t keep = prefill_known(s, task, prompt);
    if (keep == n)
        keep = n - 1; /* the last position is read again, for its hidden state */
    hg_prompt_truncate(&s->known, keep);
    s->cache.length = keep;
    s->known_task = task;
    *reused = (size_t)keep;
    double begin = hg_timing_now();
    if (!report(progress, "image", 0, prompt->n_images))
        return hg_error_set(err, HG_STATUS_FAILED, "cancelled");
    hg_tensor *x = embed_items(s, task, prompt, keep);
    double seen = hg_timing_now();
    timings->vision += seen - begin;
    if (hg_ctx_failed(&s->ctx))
        return hg_ctx_status(&s->ctx, err);
    status = prefill_parts(s, task, x, progress, hidden, err);
    timings->prefill += hg_timing_now() - seen;
    if (status == HG_STATUS_OK)
        status = hg_prompt_copy_items(&s->known, prompt, err);
    if (status != HG_STATUS_OK) { /* some positions may be in the cache, some not: forget all */
        s->cache.length = 0;
        hg_prompt_truncate(&s->known, 0);
    }
    return status;
}

hg_status hg_session_step(hg_session *s, hg_task task, int32_t token, hg_tensor **hidden, hg_error *err)
{
    hg_status status = hg_prompt_push_token(&s->known, token, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_arena_reset(&s->arena, (hg_arena_mark){0});
    hg_task_parts *parts = &s->model->weights.tasks[task];
    hg_tensor *x = hg_op_embedding(&s->ctx, &parts->embed, &token, 1);
    *hidden = hg_decoder_forward(&s->ctx, &s->model->weights.decoder, &parts->plugin, &s->cache, x);
    if (hg_ctx_failed(&s->ctx)) {
        s->cache.length = 0;
        hg_prompt_truncate(&s->known, 0);
    }
    return hg_ctx_status(&s->ctx, err);
}
