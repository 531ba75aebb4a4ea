/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder_texts.c: one row after the other, or neighbours with the same plug-in at once.
 */
#include "model/decoder_texts.h"

#include <string.h>

hg_tensor *hg_decoder_texts_rope(hg_ctx *ctx, const hg_decoder_config *config, const hg_decoder_text *texts,
                                 int64_t n)
{
    const int64_t d = config->head_dim;
    hg_tensor *all = hg_ctx_tensor(ctx, 2, (int64_t[]){n, d}, false);
    for (int64_t i = 0; i < n; i++) {
        const hg_tensor *one = hg_op_rope_table(ctx, 1, d, texts[i].cache->length, config->rope_theta);
        if (hg_ctx_failed(ctx))
            return NULL;
        memcpy(hg_tensor_real(all) + i * d, hg_tensor_real(one), (size_t)d * sizeof(hg_real));
    }
    return all;
}

/* The first text from `begin` on with another plug-in; n when there is none. */
static int64_t texts_end(const hg_decoder_text *texts, int64_t begin, int64_t n)
{
    int64_t end = begin + 1;
    while (end < n && texts[end].plugin == texts[begin].plugin)
        end++;
    return end;
}

bool hg_decoder_texts_mix(const hg_decoder_text *texts, int64_t n)
{
    return texts_end(texts, 0, n) < n;
}

hg_tensor *hg_decoder_texts_adapt(hg_ctx *ctx, const hg_decoder_text *texts, int64_t layer, hg_slot slot,
                                  hg_tensor *x, hg_tensor *y)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    for (int64_t begin = 0, end; begin < x->shape[0]; begin = end) {
        const hg_plugin *plugin = texts[begin].plugin;
        end = texts_end(texts, begin, x->shape[0]);
        if (plugin == NULL)
            continue;
        hg_tensor *rows = hg_ctx_view(ctx, hg_tensor_view_rows(x, begin, end - begin)),
                  *to = hg_ctx_view(ctx, hg_tensor_view_rows(y, begin, end - begin));
        (void)hg_op_adapter(ctx, plugin->kind, to, rows, hg_plugin_get(plugin, layer, slot), NULL);
    }
    return hg_ctx_failed(ctx) ? NULL : y;
}

/* Row i alone. */
static hg_tensor *texts_attend_one(hg_ctx *ctx, hg_kv_cache *cache, int64_t layer, int64_t i,
                                   const hg_tensor *q, const hg_tensor *k, const hg_tensor *v,
                                   const hg_attention *how)
{
    const hg_tensor key = hg_tensor_view_rows(k, i, 1), value = hg_tensor_view_rows(v, i, 1);
    const int64_t n = cache->length + 1;
    if (!hg_kv_cache_put(ctx, cache, layer, &key, &value))
        return NULL;
    return hg_op_attention(ctx, hg_ctx_view(ctx, hg_tensor_view_rows(q, i, 1)),
                           hg_ctx_view(ctx, hg_kv_cache_view_keys(cache, layer, n)),
                           hg_ctx_view(ctx, hg_kv_cache_view_values(cache, layer, n)), how);
}

hg_tensor *hg_decoder_texts_attend(hg_ctx *ctx, const hg_decoder_text *texts, int64_t layer,
                                   const hg_tensor *q, const hg_tensor *k, const hg_tensor *v,
                                   const hg_attention *how)
{
    const int64_t n = q->shape[0], width = q->shape[1] * q->shape[2];
    hg_tensor *all = hg_ctx_tensor(ctx, 2, (int64_t[]){n, width}, false);
    for (int64_t i = 0; i < n && !hg_ctx_failed(ctx); i++) {
        const hg_tensor *one = texts_attend_one(ctx, texts[i].cache, layer, i, q, k, v, how);
        if (!hg_ctx_failed(ctx))
            memcpy(hg_tensor_real(all) + i * width, hg_tensor_real(one), (size_t)width * sizeof(hg_real));
    }
    return hg_ctx_failed(ctx) ? NULL : all;
}
