/* SPDX-License-Identifier: Apache-2.0
 *
 * test_decoder_fused.c: one more position through decoder_step.c and many through decoder_prompt.c give the
 * bits, and leave the keys and values, of decoder.c's operations one after the other: for weights of each
 * kind, in rows and interleaved, with and without H-LoRA, heads that are whole runs of rounded numbers and
 * heads that are not, alone or abreast in the cache, a sliding window, and any number of threads, also more
 * than there are processors.
 */
#include "random_decoder.h"

#include "base/cpu.h"
#include "model/decoder_fused.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { POSITIONS = 128 };

typedef struct fixture {
    random_decoder model;
    hg_arena step;
    hg_kv_cache caches[2]; /* of the step, of the operations */
} fixture;

/* The operations' cache has each head alone, the step's so many abreast. */
static void fixture_open(fixture *f, const variant *v, int64_t abreast)
{
    random_decoder_open(&f->model, v);
    hg_arena_init(&f->step, (size_t)1 << 20, (size_t)1 << 30);
    for (int i = 0; i < 2; i++)
        random_decoder_cache(&f->caches[i], v, POSITIONS);
    f->caches[0].abreast = abreast;
}

static void fixture_close(fixture *f)
{
    for (int i = 0; i < 2; i++)
        hg_kv_cache_deinit(&f->caches[i]);
    hg_arena_deinit(&f->step);
    random_decoder_close(&f->model);
}

static void expect_same(const hg_tensor *a, const hg_tensor *b)
{
    assert_true(hg_tensor_same_shape(a, b) && hg_tensor_is_contiguous(a) && hg_tensor_is_contiguous(b));
    assert_memory_equal(a->data, b->data, hg_tensor_bytes(a));
}

/* One operation after the other, as many rows go. */
static hg_tensor *run_operations(fixture *f, hg_ctx *ctx, const hg_plugin *plugin, hg_tensor *x)
{
    hg_kv_cache *cache = &f->caches[1];
    const int64_t count = x->shape[0];
    for (int64_t layer = 0; layer < LAYERS; layer++)
        x = hg_decoder_layer_forward(ctx, &f->model.decoder, plugin, cache, layer, x);
    hg_kv_cache_advance(cache, count);
    return x;
}

static void check(fixture *f, const hg_plugin *plugin, int n_threads)
{
    hg_ctx ctx;
    static const int64_t counts[] = {5, 1, 43, 1, 1, 9, 1, 32};
    f->caches[0].length = f->caches[1].length = 0;
    for (size_t step = 0; step < sizeof counts / sizeof *counts; step++) {
        hg_arena_reset(&f->step, (hg_arena_mark){0});
        hg_ctx_init(&ctx, &f->step, hg_kernels_get(hg_cpu_detect()), n_threads);
        hg_tensor *x = random_decoder_rows(&f->model, &ctx, counts[step]);
        assert_true(hg_decoder_fuses(&ctx, &f->model.decoder, plugin, &f->caches[0]));
        hg_tensor *want = run_operations(f, &ctx, plugin, x);
        hg_tensor *got = hg_decoder_forward(&ctx, &f->model.decoder, plugin, &f->caches[0], x);
        if (hg_ctx_failed(&ctx))
            fail_msg("%s", ctx.error.text);
        expect_same(want, got);
        expect_same_caches(&f->caches[0], &f->caches[1]);
    }
}

static void test_same_bits(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 8};
    for (size_t i = 0; i < VARIANTS * 3; i++) {
        const variant *v = &variants[i / 3];
        const int64_t abreast = (int64_t)1 << (i % 3);
        if (!variant_runs(v) || v->n_kv_heads % abreast != 0)
            continue;
        fixture f;
        fixture_open(&f, v, abreast);
        for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
            check(&f, &f.model.plugins[0], threads[t]);
            check(&f, NULL, threads[t]);
        }
        fixture_close(&f);
    }
}

/* What it leaves to the operations. */
static void test_fits(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, &variants[0], 1);
    hg_decoder *d = &f.model.decoder;
    hg_plugin *plugin = &f.model.plugins[0];
    hg_ctx ctx;
    hg_ctx_init(&ctx, &f.step, hg_kernels_get(hg_cpu_detect()), 2);
    assert_true(hg_decoder_fuses(&ctx, d, plugin, f.caches));
    assert_false(hg_decoder_fuses(&ctx, d, plugin, NULL));
    plugin->kind = HG_ADAPTER_LORA;
    assert_false(hg_decoder_fuses(&ctx, d, plugin, f.caches));
    assert_true(hg_decoder_fuses(&ctx, d, NULL, f.caches));
    ctx.compute = HG_COMPUTE_EXACT;
    assert_false(hg_decoder_fuses(&ctx, d, NULL, f.caches));
    ctx.compute = HG_COMPUTE_INFER;
    d->config.family = HG_FAMILY_QWEN2;
    assert_false(hg_decoder_fuses(&ctx, d, NULL, f.caches));
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bits), cmocka_unit_test(test_fits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
