/* SPDX-License-Identifier: Apache-2.0
 *
 * test_decoder_fused.c: one more position through decoder_step.c and many through decoder_prompt.c give the
 * bits, and leave the keys and values, of decoder.c's operations one after the other: for weights of each
 * kind, in rows and interleaved, with and without H-LoRA, heads that are whole runs of rounded numbers and
 * heads that are not, a sliding window, and any number of threads, also more than there are processors.
 */
#include "base/cpu.h"
#include "base/memory.h"
#include "base/rng.h"
#include "model/decoder_fused.h"
#include "tensor/interleave.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LAYERS = 3, HIDDEN = 256, FFN = 1056, RANK = 64, EXPERTS = 4, POSITIONS = 128 };

typedef struct fixture {
    hg_arena weights, step;
    hg_rng rng;
    hg_decoder decoder;
    hg_plugin plugin;
    hg_kv_cache caches[2]; /* of the step, of the operations */
} fixture;

static hg_tensor new_matrix(fixture *f, hg_dtype type, int64_t n, int64_t k, bool interleave)
{
    const size_t bytes = hg_dtype_span(type, k), group = HG_INTERLEAVE_ROWS * bytes;
    uint8_t *data = hg_arena_alloc(&f->weights, (size_t)n * bytes), *packed = malloc(group);
    assert_true(data != NULL && packed != NULL);
    float row[FFN];
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < k; j++)
            row[j] = (float)(0.2 * (hg_rng_uniform(&f->rng) - 0.5));
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

static hg_tensor new_vector(fixture *f, int64_t n)
{
    hg_tensor v = new_matrix(f, HG_DTYPE_F32, 1, n, false);
    return hg_tensor_make(HG_DTYPE_F32, 1, &n, v.data);
}

static void new_slot(fixture *f, int64_t layer, hg_slot slot, hg_dtype type, bool interleave)
{
    int64_t k, n;
    hg_slot_shape(&f->decoder.config, slot, &k, &n);
    f->decoder.layers[layer].weight[slot] = new_matrix(f, type, n, k, interleave);
    hg_hlora *h = hg_plugin_get(&f->plugin, layer, slot);
    h->a = new_matrix(f, type, RANK, k, interleave);
    h->b = new_matrix(f, type, n, RANK, interleave);
    h->router = new_matrix(f, HG_DTYPE_F16, EXPERTS, k, false);
    h->scale = 8;
}

typedef struct variant {
    hg_dtype type, cache;
    bool interleave;
    int64_t n_heads, n_kv_heads, head_dim, window;
} variant;

static void fixture_open(fixture *f, const variant *v)
{
    memset(f, 0, sizeof *f);
    hg_arena_init(&f->weights, (size_t)16 << 20, (size_t)1 << 30);
    hg_arena_init(&f->step, (size_t)1 << 20, (size_t)1 << 30);
    hg_rng_init(&f->rng, 7);
    f->decoder.config = (hg_decoder_config){.family = HG_FAMILY_PHI3,
                                            .n_layers = LAYERS,
                                            .hidden = HIDDEN,
                                            .n_heads = v->n_heads,
                                            .n_kv_heads = v->n_kv_heads,
                                            .head_dim = v->head_dim,
                                            .ffn = FFN,
                                            .rope_theta = 10000,
                                            .rms_eps = 1e-5F,
                                            .sliding_window = v->window};
    f->decoder.layers = hg_mem_array(LAYERS, sizeof *f->decoder.layers);
    f->plugin = (hg_plugin){.n_layers = LAYERS, .rank = RANK, .n_experts = EXPERTS};
    f->plugin.slots = hg_mem_array(LAYERS * HG_SLOT_COUNT, sizeof *f->plugin.slots);
    assert_true(f->decoder.layers != NULL && f->plugin.slots != NULL);
    for (int64_t layer = 0; layer < LAYERS; layer++) {
        f->decoder.layers[layer].input_norm = new_vector(f, HIDDEN);
        f->decoder.layers[layer].post_norm = new_vector(f, HIDDEN);
        for (int slot = 0; slot < HG_SLOT_COUNT; slot++) {
            if (hg_slot_exists(&f->decoder.config, (hg_slot)slot))
                new_slot(f, layer, (hg_slot)slot, v->type, v->interleave);
        }
    }
    hg_error err;
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            hg_kv_cache_init(&f->caches[i], v->cache, LAYERS, v->n_kv_heads, v->head_dim, POSITIONS, &err),
            HG_STATUS_OK);
}

static void fixture_close(fixture *f)
{
    for (int i = 0; i < 2; i++)
        hg_kv_cache_deinit(&f->caches[i]);
    hg_mem_free(f->decoder.layers);
    hg_mem_free(f->plugin.slots);
    hg_arena_deinit(&f->weights);
    hg_arena_deinit(&f->step);
}

static void expect_same(const hg_tensor *a, const hg_tensor *b)
{
    assert_true(hg_tensor_same_shape(a, b) && hg_tensor_is_contiguous(a) && hg_tensor_is_contiguous(b));
    assert_memory_equal(a->data, b->data, hg_tensor_bytes(a));
}

/* All heads of all positions in both caches. */
static void expect_same_caches(const fixture *f, hg_dtype type)
{
    const int64_t n = f->caches[0].length, d = f->caches[0].head_dim;
    assert_int_equal(n, f->caches[1].length);
    for (int64_t layer = 0; layer < LAYERS; layer++) {
        for (int half = 0; half < 2; half++) {
            hg_tensor of[2];
            for (int i = 0; i < 2; i++)
                of[i] = half == 0 ? hg_kv_cache_view_keys(&f->caches[i], layer, n)
                                  : hg_kv_cache_view_values(&f->caches[i], layer, n);
            for (int64_t h = 0; h < f->caches[0].n_heads; h++)
                assert_memory_equal(hg_tensor_at(&of[0], h * of[0].stride[1]),
                                    hg_tensor_at(&of[1], h * of[1].stride[1]), hg_dtype_span(type, n * d));
        }
    }
}

/* One operation after the other, as many rows go. */
static hg_tensor *run_operations(fixture *f, hg_ctx *ctx, const hg_plugin *plugin, hg_tensor *x)
{
    hg_kv_cache *cache = &f->caches[1];
    const int64_t count = x->shape[0];
    for (int64_t layer = 0; layer < LAYERS; layer++)
        x = hg_decoder_layer_forward(ctx, &f->decoder, plugin, cache, layer, x);
    hg_kv_cache_advance(cache, count);
    return x;
}

static void check(fixture *f, const variant *v, const hg_plugin *plugin, int n_threads)
{
    hg_ctx ctx;
    static const int64_t counts[] = {5, 1, 43, 1, 1, 9, 1, 32};
    f->caches[0].length = f->caches[1].length = 0;
    for (size_t step = 0; step < sizeof counts / sizeof *counts; step++) {
        const int64_t count = counts[step];
        hg_arena_reset(&f->step, (hg_arena_mark){0});
        hg_ctx_init(&ctx, &f->step, hg_kernels_get(hg_cpu_detect()), n_threads);
        hg_tensor *x = hg_ctx_tensor(&ctx, 2, (int64_t[]){count, HIDDEN}, false);
        assert_non_null(x);
        for (int64_t i = 0; i < hg_tensor_count(x); i++)
            hg_tensor_real(x)[i] = (float)(2 * hg_rng_uniform(&f->rng) - 1);
        assert_true(hg_decoder_fuses(&ctx, &f->decoder, plugin, &f->caches[0]));
        hg_tensor *want = run_operations(f, &ctx, plugin, x);
        hg_tensor *got = hg_decoder_forward(&ctx, &f->decoder, plugin, &f->caches[0], x);
        if (hg_ctx_failed(&ctx))
            fail_msg("%s", ctx.error.text);
        expect_same(want, got);
        expect_same_caches(f, v->cache);
    }
}

static const variant variants[] = {
    {HG_DTYPE_F32, HG_DTYPE_F32, false, 8, 4, 32, 0},  {HG_DTYPE_Q8_0, HG_DTYPE_F16, false, 8, 4, 32, 0},
    {HG_DTYPE_Q8_0, HG_DTYPE_F16, true, 8, 2, 32, 3},  {HG_DTYPE_Q8_0, HG_DTYPE_F32, true, 4, 4, 24, 6},
    {HG_DTYPE_Q4_0, HG_DTYPE_Q8_0, true, 8, 8, 32, 0}, {HG_DTYPE_F16, HG_DTYPE_BF16, false, 4, 2, 48, 0},
};

static void test_same_bits(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 8};
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        if (variants[i].interleave && !hg_kernels_get(hg_cpu_detect())->interleaves)
            continue;
        fixture f;
        fixture_open(&f, &variants[i]);
        for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
            check(&f, &variants[i], &f.plugin, threads[t]);
            check(&f, &variants[i], NULL, threads[t]);
        }
        fixture_close(&f);
    }
}

/* What it leaves to the operations. */
static void test_fits(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, &variants[0]);
    hg_ctx ctx;
    hg_ctx_init(&ctx, &f.step, hg_kernels_get(hg_cpu_detect()), 2);
    assert_true(hg_decoder_fuses(&ctx, &f.decoder, &f.plugin, f.caches));
    assert_false(hg_decoder_fuses(&ctx, &f.decoder, &f.plugin, NULL));
    f.plugin.kind = HG_ADAPTER_LORA;
    assert_false(hg_decoder_fuses(&ctx, &f.decoder, &f.plugin, f.caches));
    assert_true(hg_decoder_fuses(&ctx, &f.decoder, NULL, f.caches));
    ctx.compute = HG_COMPUTE_EXACT;
    assert_false(hg_decoder_fuses(&ctx, &f.decoder, NULL, f.caches));
    ctx.compute = HG_COMPUTE_INFER;
    f.decoder.config.family = HG_FAMILY_QWEN2;
    assert_false(hg_decoder_fuses(&ctx, &f.decoder, NULL, f.caches));
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bits), cmocka_unit_test(test_fits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
