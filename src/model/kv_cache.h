/* SPDX-License-Identifier: Apache-2.0
 *
 * kv_cache.h: keys and values of the positions a decoder has already seen. It belongs to a session; the
 * decoder appends to it.
 */
#ifndef HG_MODEL_KV_CACHE_H
#define HG_MODEL_KV_CACHE_H

#include "base/error.h"
#include "ops/context.h"

#include <stdint.h>

typedef struct hg_kv_cache {
    hg_dtype dtype; /* F32, F16, BF16 or Q8_0 */
    int64_t n_layers;
    int64_t n_heads;      /* key heads G */
    int64_t head_dim;     /* D */
    int64_t capacity;     /* positions */
    int64_t length;       /* positions in use, the same in all layers */
    int64_t planned;      /* positions that there will be in the end, set by a caller who knows; or 0 */
    int64_t abreast;      /* heads whose keys, or values, of a position lie together (hg_kv_cache_lay) */
    hg_prefetch prefetch; /* how a query reads it; the caller may change it */
    struct hg_kv_layer *layers;
} hg_kv_cache;

/* Bytes that a full cache of these sizes takes; 0 when that does not fit a size_t, or heads of head_dim are
 * no whole blocks of the type. */
size_t hg_kv_cache_bytes(hg_dtype dtype, int64_t n_layers, int64_t n_heads, int64_t head_dim,
                         int64_t capacity);

/* An empty cache. Memory comes as positions do: for the first ones and some more, or those planned, then for
 * half as many more each time. */
hg_status hg_kv_cache_init(hg_kv_cache *cache, hg_dtype dtype, int64_t n_layers, int64_t n_heads,
                           int64_t head_dim, int64_t capacity, hg_error *err) HG_MUST_CHECK;
void hg_kv_cache_deinit(hg_kv_cache *cache);

/* Lays heads abreast, so that each thread reads few long streams of memory, but as many sets of heads as
 * n_threads can share out. For an empty cache; one that was not laid has each head alone. No result
 * changes. */
void hg_kv_cache_lay(hg_kv_cache *cache, int n_threads);

/* Writes keys and values (T, G, D) of one layer behind the positions in use, without counting them in:
 * hg_kv_cache_advance does, once all layers have written. T must fit the capacity. False, and the context has
 * failed, when memory is short. */
bool hg_kv_cache_put(hg_ctx *ctx, hg_kv_cache *cache, int64_t layer, const hg_tensor *keys,
                     const hg_tensor *values);
void hg_kv_cache_advance(hg_kv_cache *cache, int64_t count);

/* The same in steps, of which threads can share the last: memory for n positions more, which must fit the
 * capacity; views of keys and values with those positions; one head's key or value (D) of one position. */
bool hg_kv_cache_reserve(hg_ctx *ctx, hg_kv_cache *cache, int64_t layer, int64_t n);
void hg_kv_cache_write_head(const hg_kernels *kernels, const hg_tensor *view, int64_t position, int64_t head,
                            const hg_real *from);

/* Makes `to` hold the first n positions of `from`, and no others; both are of one model and type, and laid
 * alike. False, the
 * context has failed and `to` is empty when memory is short. */
bool hg_kv_cache_copy(hg_ctx *ctx, hg_kv_cache *to, const hg_kv_cache *from, int64_t n);

/* The first `n` positions that were put into a layer as (n, G / B, B, D), with B heads abreast: the positions
 * of B heads lie one after the other (ops/attention_online.h). */
hg_tensor hg_kv_cache_view_keys(const hg_kv_cache *cache, int64_t layer, int64_t n);
hg_tensor hg_kv_cache_view_values(const hg_kv_cache *cache, int64_t layer, int64_t n);

#endif
