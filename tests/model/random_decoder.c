/* SPDX-License-Identifier: Apache-2.0
 *
 * random_decoder.c: the same numbers each time.
 */
#include "random_decoder.h"

#include "base/cpu.h"
#include "base/memory.h"
#include "ops/attention_online.h"
#include "tensor/interleave.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const variant variants[VARIANTS] = {
    {HG_DTYPE_F32, HG_DTYPE_F32, false, 8, 4, 32, 0},  {HG_DTYPE_Q8_0, HG_DTYPE_F16, false, 8, 4, 32, 0},
    {HG_DTYPE_Q8_0, HG_DTYPE_F16, true, 8, 2, 32, 3},  {HG_DTYPE_Q8_0, HG_DTYPE_F32, true, 4, 4, 24, 6},
    {HG_DTYPE_Q4_0, HG_DTYPE_Q8_0, true, 8, 8, 32, 0}, {HG_DTYPE_F16, HG_DTYPE_BF16, false, 4, 2, 48, 0},
};

bool variant_runs(const variant *v)
{
    return !v->interleave || hg_kernels_get(hg_cpu_detect())->interleaves;
}

static hg_tensor new_matrix(random_decoder *r, hg_dtype type, int64_t n, int64_t k, bool interleave)
{
    const size_t bytes = hg_dtype_span(type, k), group = HG_INTERLEAVE_ROWS * bytes;
    uint8_t *data = hg_arena_alloc(&r->weights, (size_t)n * bytes), *packed = malloc(group);
    assert_true(data != NULL && packed != NULL);
    float row[FFN];
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < k; j++)
            row[j] = (float)(0.2 * (hg_rng_uniform(&r->rng) - 0.5));
        hg_dtype_from_real(type, k, row, data + (size_t)i * bytes);
    }
    hg_tensor w = hg_tensor_make(type, 2, (int64_t[]){n, k}, data);
    w.interleaved = interleave && hg_interleave_holds(type, n, k);
    for (size_t at = 0; w.interleaved && at < (size_t)n * bytes; at += group) {
        hg_interleave_pack(type, k, data + at, packed);
        memcpy(data + at, packed, group);
    }
    free(packed);
    return w;
}

static hg_tensor new_vector(random_decoder *r, int64_t n)
{
    hg_tensor v = new_matrix(r, HG_DTYPE_F32, 1, n, false);
    return hg_tensor_make(HG_DTYPE_F32, 1, &n, v.data);
}

static void new_slot(random_decoder *r, int64_t layer, hg_slot slot, const variant *v)
{
    int64_t k, n;
    hg_slot_shape(&r->decoder.config, slot, &k, &n);
    r->decoder.layers[layer].weight[slot] = new_matrix(r, v->type, n, k, v->interleave);
    for (int i = 0; i < 2; i++) {
        hg_hlora *h = hg_plugin_get(&r->plugins[i], layer, slot);
        h->a = new_matrix(r, v->type, RANK, k, v->interleave);
        h->b = new_matrix(r, v->type, n, RANK, v->interleave);
        h->router = new_matrix(r, HG_DTYPE_F16, EXPERTS, k, false);
        h->scale = 8;
    }
}

static void new_layer(random_decoder *r, int64_t layer, const variant *v)
{
    r->decoder.layers[layer].input_norm = new_vector(r, HIDDEN);
    r->decoder.layers[layer].post_norm = new_vector(r, HIDDEN);
    for (int slot = 0; slot < HG_SLOT_COUNT; slot++) {
        if (hg_slot_exists(&r->decoder.config, (hg_slot)slot))
            new_slot(r, layer, (hg_slot)slot, v);
    }
}

void random_decoder_open(random_decoder *r, const variant *v)
{
    memset(r, 0, sizeof *r);
    hg_arena_init(&r->weights, (size_t)16 << 20, (size_t)1 << 30);
    hg_rng_init(&r->rng, 7);
    r->decoder.config = (hg_decoder_config){.family = HG_FAMILY_PHI3,
                                            .n_layers = LAYERS,
                                            .hidden = HIDDEN,
                                            .n_heads = (int)v->n_heads,
                                            .n_kv_heads = (int)v->n_kv_heads,
                                            .head_dim = (int)v->head_dim,
                                            .ffn = FFN,
                                            .rope_theta = 10000,
                                            .rms_eps = 1e-5F,
                                            .sliding_window = v->window};
    r->decoder.layers = hg_mem_array(LAYERS, sizeof *r->decoder.layers);
    assert_non_null(r->decoder.layers);
    for (int i = 0; i < 2; i++) {
        r->plugins[i] = (hg_plugin){.n_layers = LAYERS, .rank = RANK, .n_experts = EXPERTS};
        r->plugins[i].slots = hg_mem_array(LAYERS * HG_SLOT_COUNT, sizeof *r->plugins[i].slots);
        assert_non_null(r->plugins[i].slots);
    }
    for (int64_t layer = 0; layer < LAYERS; layer++)
        new_layer(r, layer, v);
}

void random_decoder_close(random_decoder *r)
{
    for (int i = 0; i < 2; i++)
        hg_mem_free(r->plugins[i].slots);
    hg_mem_free(r->decoder.layers);
    hg_arena_deinit(&r->weights);
}

void random_decoder_cache(hg_kv_cache *cache, const variant *v, int64_t positions)
{
    hg_error err;
    assert_int_equal(hg_kv_cache_init(cache, v->cache, LAYERS, v->n_kv_heads, v->head_dim, positions, &err),
                     HG_STATUS_OK);
}

hg_tensor *random_decoder_rows(random_decoder *r, hg_ctx *ctx, int64_t count)
{
    hg_tensor *x = hg_ctx_tensor(ctx, 2, (int64_t[]){count, HIDDEN}, false);
    assert_non_null(x);
    for (int64_t i = 0; i < hg_tensor_count(x); i++)
        hg_tensor_real(x)[i] = (float)(2 * hg_rng_uniform(&r->rng) - 1);
    return x;
}

void expect_same_caches(const hg_kv_cache *a, const hg_kv_cache *b)
{
    assert_int_equal(a->length, b->length);
    for (int64_t layer = 0; layer < a->n_layers; layer++) {
        for (int half = 0; half < 2; half++) {
            const hg_tensor of[2] = {half == 0 ? hg_kv_cache_view_keys(a, layer, a->length)
                                               : hg_kv_cache_view_values(a, layer, a->length),
                                     half == 0 ? hg_kv_cache_view_keys(b, layer, a->length)
                                               : hg_kv_cache_view_values(b, layer, a->length)};
            for (int64_t i = 0; i < a->length * a->n_heads; i++)
                assert_memory_equal(hg_attention_head(&of[0], i / a->n_heads, i % a->n_heads),
                                    hg_attention_head(&of[1], i / a->n_heads, i % a->n_heads),
                                    hg_dtype_span(a->dtype, a->head_dim));
        }
    }
}
