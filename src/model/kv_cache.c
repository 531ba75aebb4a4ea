/* SPDX-License-Identifier: Apache-2.0
 *
 * kv_cache.c: one block of memory; per layer the keys of all positions, then the values. A position's heads
 * lie together, as the decoder computes them, so appending is one conversion per row.
 */
#include "model/kv_cache.h"

#include "base/checked.h"
#include "base/memory.h"

#include <assert.h>

/* Elements of one layer's keys (or values). */
static int64_t cache_half(const hg_kv_cache *c)
{
    return c->capacity * c->n_heads * c->head_dim;
}

size_t hg_kv_cache_bytes(hg_dtype dtype, int64_t n_layers, int64_t n_heads, int64_t head_dim,
                         int64_t capacity)
{
    size_t bytes = 2 * hg_dtype_bytes(dtype);
    const int64_t factors[] = {n_layers, n_heads, head_dim, capacity};
    for (int i = 0; i < 4; i++) {
        if (factors[i] <= 0 || !hg_checked_mul(bytes, (size_t)factors[i], &bytes))
            return 0;
    }
    return bytes;
}

hg_status hg_kv_cache_init(hg_kv_cache *cache, hg_dtype dtype, int64_t n_layers, int64_t n_heads,
                           int64_t head_dim, int64_t capacity, hg_error *err)
{
    *cache = (hg_kv_cache){
        .dtype = dtype, .n_layers = n_layers, .n_heads = n_heads, .head_dim = head_dim, .capacity = capacity};
    size_t bytes = hg_kv_cache_bytes(dtype, n_layers, n_heads, head_dim, capacity);
    if (bytes == 0)
        return hg_error_set(err, HG_STATUS_USAGE, "a KV cache of %lld positions is not possible",
                            (long long)capacity);
    cache->data = hg_mem_aligned(64, bytes);
    return cache->data != NULL ? HG_STATUS_OK : hg_error_memory(err, bytes, "the KV cache");
}

void hg_kv_cache_deinit(hg_kv_cache *cache)
{
    hg_mem_free(cache->data);
    *cache = (hg_kv_cache){0};
}

static hg_tensor cache_view(const hg_kv_cache *c, int64_t layer, int64_t half, int64_t first, int64_t n)
{
    int64_t row = c->n_heads * c->head_dim;
    int64_t at = (2 * layer + half) * cache_half(c) + first * row;
    return hg_tensor_make(c->dtype, 3, (int64_t[]){n, c->n_heads, c->head_dim},
                          c->data + at * (int64_t)hg_dtype_bytes(c->dtype));
}

static void cache_write(const hg_kv_cache *c, int64_t layer, int64_t half, const hg_tensor *rows)
{
    hg_tensor to = cache_view(c, layer, half, c->length, rows->shape[0]);
    size_t head_bytes = (size_t)c->head_dim * hg_dtype_bytes(c->dtype);
    uint8_t *at = to.data;
    for (int64_t t = 0; t < rows->shape[0]; t++) {
        for (int64_t h = 0; h < c->n_heads; h++, at += head_bytes)
            hg_dtype_from_real(c->dtype, c->head_dim,
                               hg_tensor_real(rows) + t * rows->stride[0] + h * rows->stride[1], at);
    }
}

void hg_kv_cache_put(hg_kv_cache *cache, int64_t layer, const hg_tensor *keys, const hg_tensor *values)
{
    assert(cache->length + keys->shape[0] <= cache->capacity);
    cache_write(cache, layer, 0, keys);
    cache_write(cache, layer, 1, values);
}

void hg_kv_cache_advance(hg_kv_cache *cache, int64_t count)
{
    assert(cache->length + count <= cache->capacity);
    cache->length += count;
}

hg_tensor hg_kv_cache_view_keys(const hg_kv_cache *cache, int64_t layer, int64_t n)
{
    return cache_view(cache, layer, 0, 0, n);
}

hg_tensor hg_kv_cache_view_values(const hg_kv_cache *cache, int64_t layer, int64_t n)
{
    return cache_view(cache, layer, 1, 0, n);
}
