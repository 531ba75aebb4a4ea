/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder_fused.c: queries stay where their product wrote them, keys go from there to the cache.
 */
#include "model/decoder_fused.h"

#include "base/parallel.h"

bool hg_decoder_fuses(const hg_ctx *ctx, const hg_decoder *d, const hg_plugin *plugin,
                      const hg_kv_cache *cache)
{
    const hg_decoder_config *c = &d->config;
    if (cache == NULL || ctx->tape != NULL || ctx->compute != HG_COMPUTE_INFER)
        return false;
    if (plugin != NULL && (plugin->kind != HG_ADAPTER_HLORA || plugin->mask != NULL))
        return false;
    for (int slot = 0; slot < HG_SLOT_COUNT; slot++) {
        if (hg_slot_has_bias(c, (hg_slot)slot))
            return false;
    }
    return hg_slot_exists(c, HG_SLOT_QKV) && hg_slot_exists(c, HG_SLOT_GATE_UP) &&
           c->head_dim <= HG_DECODER_FUSED_HEAD && c->head_dim % 2 == 0;
}

bool hg_decoder_heads_begin(hg_decoder_heads *h, hg_ctx *ctx, const hg_decoder_config *config,
                            hg_kv_cache *cache, int64_t layer, const hg_tensor *rope, const hg_tensor *qkv)
{
    const int64_t n = qkv->shape[0], n_keys = cache->length + n;
    if (!hg_kv_cache_reserve(ctx, cache, layer, n))
        return false;
    const hg_tensor q = hg_tensor_view_columns(qkv, 0, (int64_t)config->n_heads * config->head_dim);
    *h = (hg_decoder_heads){.kernels = ctx->kernels,
                            .config = config,
                            .rope = rope,
                            .qkv = qkv,
                            .q = hg_tensor_view_heads(&q, config->n_heads),
                            .k = hg_kv_cache_view_keys(cache, layer, n_keys),
                            .v = hg_kv_cache_view_values(cache, layer, n_keys)};
    return true;
}

void hg_decoder_heads_put(const hg_decoder_heads *h, int64_t t, int64_t group)
{
    const int64_t d = h->config->head_dim, n_heads = h->config->n_heads, n_groups = h->config->n_kv_heads,
                  each = n_heads / n_groups, position = h->k.shape[0] - h->qkv->shape[0] + t;
    hg_real *qkv = hg_tensor_real(h->qkv) + t * h->qkv->stride[0], turned[HG_DECODER_FUSED_HEAD];
    const hg_real *table = hg_tensor_real(h->rope) + t * d;
    for (int64_t i = group * each; i < (group + 1) * each; i++)
        h->kernels->rotate(d / 2, table, qkv + i * d, qkv + i * d);
    h->kernels->rotate(d / 2, table, qkv + (n_heads + group) * d, turned);
    hg_kv_cache_write_head(h->kernels, &h->k, position, group, turned);
    hg_kv_cache_write_head(h->kernels, &h->v, position, group, qkv + (n_heads + n_groups + group) * d);
}

static void heads_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const hg_decoder_heads *h = arg;
    for (int64_t group = 0; group < h->config->n_kv_heads; group++)
        hg_decoder_heads_put(h, t, group);
}

void hg_decoder_heads_put_all(hg_ctx *ctx, const hg_decoder_heads *h)
{
    hg_parallel_for(hg_ctx_threads(ctx, 4 * hg_tensor_count(h->qkv)), h->qkv->shape[0], heads_row,
                    (void *)(uintptr_t)h);
}
