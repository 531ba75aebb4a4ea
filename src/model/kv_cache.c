/* SPDX-License-Identifier: Apache-2.0
 *
 * kv_cache.c: memory of its own for each layer, keys first, then values. A head's positions lie together, or
 * those of some heads abreast, because attention reads them so, token after token; a position is written
 * once.
 *
 * Reading them from huge pages is faster, but where heads lie as far apart as the whole context needs, a
 * single position would touch all of those pages. So a layer begins small, and moves when it is full.
 */
#include "model/kv_cache.h"

#include "base/checked.h"
#include "base/huge_pages.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "ops/attention_online.h"

#include <assert.h>

/* No model comes near it; it keeps the bytes of a head from overflowing. */
#define CACHE_MAX_DIM 65536

/* At least so many sets of heads for each thread, or some wait for the last one. */
#define CACHE_SETS 4

/* Room is for so many positions more than are there, and a multiple of that. */
#define CACHE_AHEAD 128

struct hg_kv_layer {
    uint8_t *data; /* (keys or values, G / B, room, B, D) */
    int64_t room;  /* positions */
};

static size_t layer_bytes(const hg_kv_cache *c, int64_t room)
{
    return hg_dtype_span(c->dtype, 2 * room * c->n_heads * c->head_dim);
}

size_t hg_kv_cache_bytes(hg_dtype dtype, int64_t n_layers, int64_t n_heads, int64_t head_dim,
                         int64_t capacity)
{
    if (head_dim <= 0 || head_dim > CACHE_MAX_DIM || head_dim % hg_dtype_block(dtype) != 0)
        return 0;
    size_t bytes = 2 * hg_dtype_span(dtype, head_dim);
    const int64_t factors[] = {n_layers, n_heads, capacity};
    for (int i = 0; i < 3; i++) {
        if (factors[i] <= 0 || !hg_checked_mul(bytes, (size_t)factors[i], &bytes))
            return 0;
    }
    return bytes;
}

hg_status hg_kv_cache_init(hg_kv_cache *cache, hg_dtype dtype, int64_t n_layers, int64_t n_heads,
                           int64_t head_dim, int64_t capacity, hg_error *err)
{
    *cache = (hg_kv_cache){.dtype = dtype,
                           .n_layers = n_layers,
                           .n_heads = n_heads,
                           .head_dim = head_dim,
                           .capacity = capacity,
                           .abreast = 1};
    size_t bytes = hg_kv_cache_bytes(dtype, n_layers, n_heads, head_dim, capacity);
    if (bytes == 0)
        return hg_error_set(err, HG_STATUS_USAGE,
                            "a KV cache of %lld positions with %lld elements a head is not possible as %s",
                            (long long)capacity, (long long)head_dim, hg_dtype_name(dtype));
    cache->layers = hg_mem_array((size_t)n_layers, sizeof *cache->layers);
    return cache->layers != NULL ? HG_STATUS_OK : hg_error_memory(err, bytes, "the KV cache");
}

void hg_kv_cache_deinit(hg_kv_cache *cache)
{
    for (int64_t i = 0; cache->layers != NULL && i < cache->n_layers; i++)
        hg_huge_pages_unmap(cache->layers[i].data, layer_bytes(cache, cache->layers[i].room));
    hg_mem_free(cache->layers);
    *cache = (hg_kv_cache){0};
}

/* Whether so many heads abreast leave sets for all threads. */
static bool cache_shares(const hg_kv_cache *c, int64_t abreast, int n_threads)
{
    return c->n_heads % abreast == 0 && c->n_heads / abreast >= (int64_t)CACHE_SETS * n_threads;
}

void hg_kv_cache_lay(hg_kv_cache *cache, int n_threads)
{
    assert(cache->length == 0 && cache->layers[0].data == NULL);
    cache->abreast = hg_dtype_block(cache->dtype) == 1 ? HG_HEADS_ABREAST : 1;
    while (cache->abreast > 1 && !cache_shares(cache, cache->abreast, n_threads))
        cache->abreast /= 2;
}

static hg_tensor layer_view(const hg_kv_cache *c, const struct hg_kv_layer *l, int64_t half, int64_t first,
                            int64_t n)
{
    const int64_t d = c->head_dim, row = c->abreast * d;
    uint8_t *data = l->data + hg_dtype_span(c->dtype, half * l->room * c->n_heads * d + first * row);
    hg_tensor t = hg_tensor_make(c->dtype, 4, (int64_t[]){n, c->n_heads / c->abreast, c->abreast, d}, data);
    t.stride[0] = row;
    t.stride[1] = l->room * row;
    t.prefetch = c->prefetch;
    return t;
}

/* The first n positions to another place. */
static void layer_copy(const hg_kv_cache *c, const struct hg_kv_layer *from, const struct hg_kv_layer *to,
                       int64_t n)
{
    const size_t row = hg_dtype_span(c->dtype, c->abreast * c->head_dim);
    for (int64_t i = 0; i < 2 * c->n_heads / c->abreast; i++)
        memcpy(to->data + (size_t)(i * to->room) * row, from->data + (size_t)(i * from->room) * row,
               (size_t)n * row);
}

/* The room that a full layer moves to. */
static int64_t layer_room(const hg_kv_cache *c, const struct hg_kv_layer *l, int64_t positions)
{
    const int64_t wanted[] = {positions + CACHE_AHEAD, c->planned, l->room + l->room / 2};
    int64_t room = 0;
    for (int i = 0; i < 3; i++)
        room = wanted[i] > room ? wanted[i] : room;
    room = (room + CACHE_AHEAD - 1) / CACHE_AHEAD * CACHE_AHEAD;
    return room < c->capacity ? room : c->capacity;
}

/* Makes room for so many positions. */
static bool layer_grow(const hg_kv_cache *c, struct hg_kv_layer *l, int64_t positions)
{
    if (positions <= l->room)
        return true;
    struct hg_kv_layer more = {NULL, layer_room(c, l, positions)};
    more.data = hg_huge_pages_map(layer_bytes(c, more.room));
    if (more.data == NULL)
        return false;
    if (l->data != NULL)
        layer_copy(c, l, &more, c->length);
    hg_huge_pages_unmap(l->data, layer_bytes(c, l->room));
    *l = more;
    return true;
}

bool hg_kv_cache_reserve(hg_ctx *ctx, hg_kv_cache *cache, int64_t layer, int64_t n)
{
    assert(cache->length + n <= cache->capacity);
    if (layer_grow(cache, &cache->layers[layer], cache->length + n))
        return true;
    hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (the KV cache)");
    return false;
}

bool hg_kv_cache_copy(hg_ctx *ctx, hg_kv_cache *to, const hg_kv_cache *from, int64_t n)
{
    assert(to->dtype == from->dtype && to->n_layers == from->n_layers && to->abreast == from->abreast &&
           n <= from->length);
    to->length = 0;
    for (int64_t layer = 0; layer < to->n_layers; layer++) {
        if (!hg_kv_cache_reserve(ctx, to, layer, n))
            return false;
        layer_copy(to, &from->layers[layer], &to->layers[layer], n);
    }
    to->length = n;
    return true;
}

void hg_kv_cache_write_head(const hg_kernels *kernels, const hg_tensor *view, int64_t position, int64_t head,
                            const hg_real *from)
{
    size_t at = hg_dtype_span(view->dtype, hg_attention_offset(view, position, head));
    kernels->from_real(view->dtype, hg_attention_dim(view), from, (uint8_t *)view->data + at);
}

typedef struct cache_job {
    const hg_kernels *kernels;
    const hg_tensor *from[2]; /* keys and values (T, G, D) */
    hg_tensor to[2];
} cache_job;

static void cache_write_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const cache_job *job = arg;
    for (int i = 0; i < 2; i++) {
        const hg_tensor *from = job->from[i], *to = &job->to[i];
        for (int64_t h = 0; h < hg_attention_heads(to); h++)
            hg_kv_cache_write_head(job->kernels, to, t, h,
                                   hg_tensor_real(from) + t * from->stride[0] + h * from->stride[1]);
    }
}

bool hg_kv_cache_put(hg_ctx *ctx, hg_kv_cache *cache, int64_t layer, const hg_tensor *keys,
                     const hg_tensor *values)
{
    int64_t n = keys->shape[0];
    if (!hg_kv_cache_reserve(ctx, cache, layer, n))
        return false;
    const struct hg_kv_layer *l = &cache->layers[layer];
    cache_job job = {ctx->kernels,
                     {keys, values},
                     {layer_view(cache, l, 0, cache->length, n), layer_view(cache, l, 1, cache->length, n)}};
    hg_parallel_for(hg_ctx_threads(ctx, 4 * hg_tensor_count(keys)), n, cache_write_row, &job);
    return true;
}

void hg_kv_cache_advance(hg_kv_cache *cache, int64_t count)
{
    assert(cache->length + count <= cache->capacity);
    cache->length += count;
}

hg_tensor hg_kv_cache_view_keys(const hg_kv_cache *cache, int64_t layer, int64_t n)
{
    return layer_view(cache, &cache->layers[layer], 0, 0, n);
}

hg_tensor hg_kv_cache_view_values(const hg_kv_cache *cache, int64_t layer, int64_t n)
{
    return layer_view(cache, &cache->layers[layer], 1, 0, n);
}
