/* SPDX-License-Identifier: Apache-2.0
 *
 * test_decoder_texts.c: several texts that go on together, with the same plug-in, with different ones or
 * with none, get the bits, and leave the keys and values, of each going on alone.
 */
#include "random_decoder.h"

#include "base/cpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { TEXTS = HG_DECODER_TEXTS, POSITIONS = 64, STEPS = 6 };

typedef struct fixture {
    random_decoder model;
    hg_arena step;
    hg_kv_cache alone[TEXTS], together[TEXTS];
} fixture;

static void fixture_open(fixture *f, const variant *v)
{
    random_decoder_open(&f->model, v);
    hg_arena_init(&f->step, (size_t)1 << 20, (size_t)1 << 30);
    for (int i = 0; i < TEXTS; i++) {
        random_decoder_cache(&f->alone[i], v, POSITIONS);
        random_decoder_cache(&f->together[i], v, POSITIONS);
    }
}

static void fixture_close(fixture *f)
{
    for (int i = 0; i < TEXTS; i++) {
        hg_kv_cache_deinit(&f->alone[i]);
        hg_kv_cache_deinit(&f->together[i]);
    }
    hg_arena_deinit(&f->step);
    random_decoder_close(&f->model);
}

static void begin(fixture *f, hg_ctx *ctx, int n_threads)
{
    hg_arena_reset(&f->step, (hg_arena_mark){0});
    hg_ctx_init(ctx, &f->step, hg_kernels_get(hg_cpu_detect()), n_threads);
}

static void expect_fine(const hg_ctx *ctx)
{
    if (hg_ctx_failed(ctx))
        fail_msg("%s", ctx->error.text);
}

/* Prompts of different lengths, the same in both caches of a text. */
static void read_prompts(fixture *f, const hg_plugin *const *plugins, int n, int n_threads)
{
    for (int i = 0; i < n; i++) {
        hg_ctx ctx;
        begin(f, &ctx, n_threads);
        f->alone[i].length = f->together[i].length = 0;
        hg_tensor *x = random_decoder_rows(&f->model, &ctx, 3 + 11 * i);
        (void)hg_decoder_forward(&ctx, &f->model.decoder, plugins[i], &f->alone[i], x);
        (void)hg_decoder_forward(&ctx, &f->model.decoder, plugins[i], &f->together[i], x);
        expect_fine(&ctx);
    }
}

static void step(fixture *f, const hg_plugin *const *plugins, int n, int n_threads)
{
    hg_ctx ctx;
    hg_decoder_text texts[TEXTS];
    begin(f, &ctx, n_threads);
    hg_tensor *x = random_decoder_rows(&f->model, &ctx, n);
    for (int i = 0; i < n; i++)
        texts[i] = (hg_decoder_text){plugins[i], &f->together[i]};
    const hg_tensor *got = hg_decoder_forward_texts(&ctx, &f->model.decoder, texts, x);
    expect_fine(&ctx);
    assert_int_equal(got->shape[0], n);
    for (int i = 0; i < n; i++) {
        const hg_tensor *want = hg_decoder_forward(&ctx, &f->model.decoder, plugins[i], &f->alone[i],
                                                   hg_ctx_view(&ctx, hg_tensor_view_rows(x, i, 1)));
        expect_fine(&ctx);
        assert_memory_equal(hg_tensor_real(got) + i * HIDDEN, hg_tensor_real(want), HIDDEN * sizeof(hg_real));
        expect_same_caches(&f->together[i], &f->alone[i]);
    }
}

static void check(fixture *f, const hg_plugin *const *plugins, int n, int n_threads)
{
    read_prompts(f, plugins, n, n_threads);
    for (int i = 0; i < STEPS; i++)
        step(f, plugins, n, n_threads);
}

static void test_same_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < VARIANTS; i++) {
        if (!variant_runs(&variants[i]))
            continue;
        fixture f;
        fixture_open(&f, &variants[i]);
        const hg_plugin *one = &f.model.plugins[0], *other = &f.model.plugins[1],
                        *const kinds[][TEXTS] = {{one, one, one, one},
                                                 {one, one, other, other},
                                                 {other, one, NULL, other},
                                                 {NULL, NULL, NULL, NULL}};
        for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
            for (int n = 1; n <= TEXTS; n++)
                check(&f, kinds[kind], n, n < 3 ? 2 : 3);
        }
        fixture_close(&f);
    }
}

/* Other adapters and families without fused projections go the same way. */
static void test_other_adapters(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, &variants[0]);
    for (int i = 0; i < 2; i++)
        f.model.plugins[i].kind = HG_ADAPTER_LORA;
    const hg_plugin *const plugins[] = {&f.model.plugins[0], &f.model.plugins[0], &f.model.plugins[1]};
    check(&f, plugins, 3, 2);
    fixture_close(&f);
}

/* Nothing is counted in when one has no room. */
static void test_full(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, &variants[0]);
    hg_ctx ctx;
    begin(&f, &ctx, 2);
    const hg_decoder_text texts[] = {{NULL, &f.together[0]}, {NULL, &f.together[1]}};
    hg_tensor *x = random_decoder_rows(&f.model, &ctx, 2);
    f.together[1].length = POSITIONS;
    assert_null(hg_decoder_forward_texts(&ctx, &f.model.decoder, texts, x));
    assert_int_equal(ctx.error.code, HG_STATUS_INPUT);
    assert_int_equal(f.together[0].length, 0);
    begin(&f, &ctx, 2);
    assert_null(hg_decoder_forward_texts(&ctx, &f.model.decoder, texts,
                                         random_decoder_rows(&f.model, &ctx, TEXTS + 1)));
    assert_int_equal(ctx.error.code, HG_STATUS_INPUT);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bits),
                                       cmocka_unit_test(test_other_adapters), cmocka_unit_test(test_full)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
