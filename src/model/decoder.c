/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder.c: forward pass. Per layer:
 *   x += O(attention(rope(q), rope(k), v)),  q k v from the projections of rmsnorm(x)
 *   x += Down(up · silu(gate)),              gate up from the projections of rmsnorm(x)
 * where every projection is the frozen linear layer plus the plug-in's H-LoRA on the same input.
 */
#include "model/decoder.h"

#include "model/decoder_prompt.h"
#include "model/decoder_step.h"
#include "model/decoder_texts.h"

#include <math.h>

/* What a layer has to know of its rows. */
typedef struct decoder_rows {
    const hg_plugin *plugin;    /* of all rows; may be NULL */
    hg_kv_cache *cache;         /* may be NULL */
    const hg_decoder_rows *own; /* NULL: all are one text, and wanted */
    const hg_tensor *rope;      /* their rotations */
    hg_tensor *to;              /* where a layer's result goes; NULL: to a tensor of its own */
    /* Rows of several texts, one each, instead of a cache. */
    const hg_decoder_text *texts;
    bool mixed; /* the texts' plug-ins, which then go instead of the one above, are not the same */
} decoder_rows;

/* Frozen linear layer plus the task's adapter. */
static hg_tensor *decoder_project(hg_ctx *ctx, hg_decoder *d, const decoder_rows *rows, int64_t layer,
                                  hg_slot slot, hg_tensor *x)
{
    hg_decoder_layer *l = &d->layers[layer];
    const hg_plugin *plugin = rows->plugin;
    hg_tensor *bias = l->bias[slot].data != NULL ? &l->bias[slot] : NULL;
    if (hg_ctx_failed(ctx))
        return NULL;
    if (rows->mixed)
        return hg_decoder_texts_adapt(ctx, rows->texts, layer, slot, x,
                                      hg_op_linear(ctx, x, &l->weight[slot], bias));
    const hg_real *mask = plugin == NULL || plugin->mask == NULL
                              ? NULL
                              : plugin->mask(plugin->mask_user, ctx, layer, slot, x->shape[0]);
    hg_hlora *plug = plugin == NULL ? NULL : hg_plugin_get(plugin, layer, slot);
    if (plug == NULL || plugin->kind == HG_ADAPTER_HLORA)
        return hg_op_project(ctx, x, &l->weight[slot], bias, plug, mask);
    return hg_op_adapter(ctx, plugin->kind, hg_op_linear(ctx, x, &l->weight[slot], bias), x, plug, mask);
}

/* Those of x that are wanted. */
static hg_tensor *decoder_wanted(hg_ctx *ctx, const decoder_rows *rows, hg_tensor *x)
{
    if (hg_ctx_failed(ctx) || rows->own == NULL || rows->own->wanted == NULL)
        return x;
    return hg_op_embedding(ctx, x, rows->own->wanted, rows->own->n_wanted);
}

/* A part of a fused projection's columns. */
static hg_tensor *decoder_columns(hg_ctx *ctx, hg_tensor *x, int64_t begin, int64_t count)
{
    return hg_ctx_failed(ctx) ? NULL : hg_ctx_view(ctx, hg_tensor_view_columns(x, begin, count));
}

static hg_tensor *decoder_heads(hg_ctx *ctx, hg_tensor *x, int64_t n_heads)
{
    return hg_ctx_failed(ctx) ? NULL : hg_ctx_view(ctx, hg_tensor_view_heads(x, n_heads));
}

hg_attention hg_decoder_attention(const hg_decoder_config *c, const hg_segments *segments)
{
    return (hg_attention){.causal = true,
                          .window = c->sliding_window,
                          .scale = (hg_real)(1 / sqrt((double)c->head_dim)),
                          .segments = segments};
}

/* Attention of rotated queries over the keys and values that are there, those of these rows among them. */
static hg_tensor *decoder_attend(hg_ctx *ctx, const hg_decoder *d, const decoder_rows *rows, int64_t layer,
                                 hg_tensor *q, hg_tensor *k, hg_tensor *v)
{
    hg_kv_cache *cache = rows->cache;
    const hg_attention how =
        hg_decoder_attention(&d->config, rows->own == NULL ? NULL : &rows->own->segments);
    if (hg_ctx_failed(ctx))
        return NULL;
    if (rows->texts != NULL)
        return hg_decoder_texts_attend(ctx, rows->texts, layer, q, k, v, &how);
    if (cache != NULL) {
        const int64_t n = cache->length + q->shape[0];
        if (!hg_kv_cache_put(ctx, cache, layer, k, v))
            return NULL;
        k = hg_ctx_view(ctx, hg_kv_cache_view_keys(cache, layer, n));
        v = hg_ctx_view(ctx, hg_kv_cache_view_values(cache, layer, n));
    }
    return hg_op_attention(ctx, q, k, v, &how);
}

static hg_tensor *decoder_attention(hg_ctx *ctx, hg_decoder *d, const decoder_rows *rows, int64_t layer,
                                    hg_tensor *x)
{
    const hg_decoder_config *c = &d->config;
    int64_t n_q = (int64_t)c->n_heads * c->head_dim, n_kv = (int64_t)c->n_kv_heads * c->head_dim;
    hg_tensor *q, *k, *v;
    if (hg_slot_exists(c, HG_SLOT_QKV)) {
        hg_tensor *qkv = decoder_project(ctx, d, rows, layer, HG_SLOT_QKV, x);
        q = decoder_columns(ctx, qkv, 0, n_q);
        k = decoder_columns(ctx, qkv, n_q, n_kv);
        v = decoder_columns(ctx, qkv, n_q + n_kv, n_kv);
    } else {
        q = decoder_project(ctx, d, rows, layer, HG_SLOT_Q, x);
        k = decoder_project(ctx, d, rows, layer, HG_SLOT_K, x);
        v = decoder_project(ctx, d, rows, layer, HG_SLOT_V, x);
    }
    q = hg_op_rope_by(ctx, decoder_heads(ctx, q, c->n_heads), rows->rope);
    k = hg_op_rope_by(ctx, decoder_heads(ctx, k, c->n_kv_heads), rows->rope);
    v = decoder_heads(ctx, v, c->n_kv_heads);
    x = decoder_wanted(ctx, rows, decoder_attend(ctx, d, rows, layer, q, k, v));
    return decoder_project(ctx, d, rows, layer, HG_SLOT_O, x);
}

static hg_tensor *decoder_feed_forward(hg_ctx *ctx, hg_decoder *d, const decoder_rows *rows, int64_t layer,
                                       hg_tensor *x)
{
    int64_t ffn = d->config.ffn;
    hg_tensor *gate, *up;
    if (hg_slot_exists(&d->config, HG_SLOT_GATE_UP)) {
        hg_tensor *both = decoder_project(ctx, d, rows, layer, HG_SLOT_GATE_UP, x);
        gate = decoder_columns(ctx, both, 0, ffn);
        up = decoder_columns(ctx, both, ffn, ffn);
    } else {
        gate = decoder_project(ctx, d, rows, layer, HG_SLOT_GATE, x);
        up = decoder_project(ctx, d, rows, layer, HG_SLOT_UP, x);
    }
    return decoder_project(ctx, d, rows, layer, HG_SLOT_DOWN, hg_op_swiglu(ctx, gate, up));
}

/* Rotations of the rows that follow those in the cache. */
static hg_tensor *decoder_rope(hg_ctx *ctx, const hg_decoder *d, const hg_kv_cache *cache, const hg_tensor *x)
{
    return hg_op_rope_table(ctx, x->shape[0], d->config.head_dim, cache != NULL ? cache->length : 0,
                            d->config.rope_theta);
}

static hg_tensor *decoder_layer(hg_ctx *ctx, hg_decoder *d, const decoder_rows *rows, int64_t layer,
                                hg_tensor *x)
{
    hg_decoder_layer *l = &d->layers[layer];
    hg_real eps = (hg_real)d->config.rms_eps;
    hg_tensor *attended = decoder_attention(ctx, d, rows, layer, hg_op_rmsnorm(ctx, x, &l->input_norm, eps));
    x = hg_op_add(ctx, decoder_wanted(ctx, rows, x), attended);
    hg_tensor *fed = decoder_feed_forward(ctx, d, rows, layer, hg_op_rmsnorm(ctx, x, &l->post_norm, eps));
    if (hg_ctx_failed(ctx))
        return NULL;
    return rows->to != NULL ? hg_op_add_to(ctx, x, fed, rows->to) : hg_op_add(ctx, x, fed);
}

hg_tensor *hg_decoder_layer_forward(hg_ctx *ctx, hg_decoder *d, const hg_plugin *plugin, hg_kv_cache *cache,
                                    int64_t layer, hg_tensor *x)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    const decoder_rows rows = {.plugin = plugin, .cache = cache, .rope = decoder_rope(ctx, d, cache, x)};
    return decoder_layer(ctx, d, &rows, layer, x);
}

hg_tensor *hg_decoder_layer_forward_rows(hg_ctx *ctx, hg_decoder *d, const hg_plugin *plugin,
                                         const hg_decoder_rows *rows, int64_t layer, hg_tensor *x)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    const hg_tensor *rope =
        hg_op_rope_table_segments(ctx, &rows->segments, d->config.head_dim, d->config.rope_theta);
    const decoder_rows all = {.plugin = plugin, .own = rows, .rope = rope};
    return decoder_layer(ctx, d, &all, layer, x);
}

/* All layers of many rows. */
static hg_tensor *decoder_all(hg_ctx *ctx, hg_decoder *d, const hg_plugin *plugin, hg_kv_cache *cache,
                              hg_tensor *x, const hg_decoder_watch *watch)
{
    /* Without a tape nothing of a layer is needed but its result, which all of them leave in one place. */
    hg_tensor *state = ctx->tape == NULL ? hg_ctx_tensor(ctx, 2, x->shape, false) : NULL;
    const decoder_rows rows = {
        .plugin = plugin, .cache = cache, .rope = decoder_rope(ctx, d, cache, x), .to = state};
    const hg_decoder_prompt fused = {ctx, d, plugin, cache, rows.rope, state};
    const bool fuses = hg_decoder_fuses(ctx, d, plugin, cache) && !hg_ctx_failed(ctx);
    if (fuses) {
        memcpy(hg_tensor_real(state), hg_tensor_real(x), hg_tensor_bytes(x));
        x = state;
    }
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    for (int64_t layer = 0; layer < d->config.n_layers && !hg_ctx_failed(ctx); layer++) {
        if (fuses)
            hg_decoder_prompt_layer(&fused, layer);
        else
            x = decoder_layer(ctx, d, &rows, layer, x);
        if (ctx->tape == NULL)
            hg_arena_reset(ctx->arena, mark);
        if (watch != NULL && !watch->done(watch->user, layer + 1))
            (void)hg_ctx_fail(ctx, HG_STATUS_FAILED, "cancelled");
    }
    return x;
}

hg_tensor *hg_decoder_forward(hg_ctx *ctx, hg_decoder *d, const hg_plugin *plugin, hg_kv_cache *cache,
                              hg_tensor *x)
{
    return hg_decoder_forward_watched(ctx, d, plugin, cache, x, NULL);
}

hg_tensor *hg_decoder_forward_watched(hg_ctx *ctx, hg_decoder *d, const hg_plugin *plugin, hg_kv_cache *cache,
                                      hg_tensor *x, const hg_decoder_watch *watch)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    int64_t count = x->shape[0];
    if (cache != NULL && count > cache->capacity - cache->length)
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "%lld positions do not fit the %lld that are left of %lld",
                           (long long)count, (long long)(cache->capacity - cache->length),
                           (long long)cache->capacity);
    if (count == 1 && hg_decoder_fuses(ctx, d, plugin, cache))
        x = hg_decoder_step(ctx, d, plugin, cache, decoder_rope(ctx, d, cache, x), x);
    else
        x = decoder_all(ctx, d, plugin, cache, x, watch);
    if (hg_ctx_failed(ctx))
        return NULL;
    if (cache != NULL)
        hg_kv_cache_advance(cache, count);
    return x;
}

/* Whether each has a cache of its own with room for a position. */
static bool texts_fit(hg_ctx *ctx, const hg_decoder_text *texts, int64_t n)
{
    if (n > HG_DECODER_TEXTS || ctx->tape != NULL)
        (void)hg_ctx_fail(ctx, HG_STATUS_INPUT, "%lld texts at once are not possible", (long long)n);
    for (int64_t i = 0; i < n && !hg_ctx_failed(ctx); i++) {
        if (texts[i].cache->length == texts[i].cache->capacity)
            (void)hg_ctx_fail(ctx, HG_STATUS_INPUT, "no room for another of %lld positions",
                              (long long)texts[i].cache->capacity);
    }
    return !hg_ctx_failed(ctx);
}

hg_tensor *hg_decoder_forward_texts(hg_ctx *ctx, hg_decoder *d, const hg_decoder_text *texts, hg_tensor *x)
{
    if (hg_ctx_failed(ctx) || !texts_fit(ctx, texts, x->shape[0]))
        return NULL;
    const int64_t n = x->shape[0];
    if (n == 1)
        return hg_decoder_forward(ctx, d, texts[0].plugin, texts[0].cache, x);
    const decoder_rows rows = {.plugin = texts[0].plugin,
                               .rope = hg_decoder_texts_rope(ctx, &d->config, texts, n),
                               .to = hg_ctx_tensor(ctx, 2, x->shape, false),
                               .texts = texts,
                               .mixed = hg_decoder_texts_mix(texts, n)};
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    for (int64_t layer = 0; layer < d->config.n_layers && !hg_ctx_failed(ctx); layer++) {
        x = decoder_layer(ctx, d, &rows, layer, x);
        hg_arena_reset(ctx->arena, mark);
    }
    for (int64_t i = 0; i < n && !hg_ctx_failed(ctx); i++)
        hg_kv_cache_advance(texts[i].cache, 1);
    return hg_ctx_failed(ctx) ? NULL : x;
}

hg_tensor *hg_decoder_logits(hg_ctx *ctx, hg_decoder *d, hg_tensor *head, hg_tensor *x)
{
    return hg_op_linear(ctx, hg_op_rmsnorm(ctx, x, &d->norm, (hg_real)d->config.rms_eps), head, NULL);
}
