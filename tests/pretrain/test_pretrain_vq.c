/* SPDX-License-Identifier: Apache-2.0
 *
 * test_pretrain_vq.c: the picture autoencoder from nothing: it learns a few pictures by heart, the written
 * files are a model that draws them, runs are repeatable.
 */
#include "pretrain/pretrain_data.h"

#include "model/vqgan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const small[] = {"size",   "32", "channels", "8",  "multipliers", "1,2", "groups", "4",
                                    "blocks", "1",  "codes",    "64", "batch",       "8",   NULL};

/* `small` and more pairs. */
static const char *const *with(const char *const *more)
{
    static const char *all[64];
    size_t n = 0;
    for (size_t i = 0; small[i] != NULL; i++)
        all[n++] = small[i];
    for (size_t i = 0; more[i] != NULL; i++)
        all[n++] = more[i];
    all[n] = NULL;
    return all;
}

static void test_overfit(void **state)
{
    (void)state;
    pretrain_data d;
    hg_pretrain_result result;
    pretrain_data_make(&d);
    const char *const more[] = {"steps", "160", "lr", "3e-3", "flip", "no", NULL};
    hg_pretrain_settings *s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_VQ, "out", with(more));
    pretrain_data_run(s, &result);
    hg_pretrain_settings_destroy(s);
    assert_int_equal(result.n_steps, 160);
    assert_int_equal(result.n_items, PRETRAIN_PICTURES);
    assert_true(result.last_loss < result.first_loss / 4);
    assert_true(pretrain_data_measure(&result, "psnr") > 20); /* of their mean picture: below 16 */
    assert_true(pretrain_data_measure(&result, "codes_used") > 16);
    pretrain_data_remove(&d);
}

static void test_overfit_gumbel(void **state)
{
    (void)state;
    pretrain_data d;
    hg_pretrain_result result;
    pretrain_data_make(&d);
    const char *const more[] = {"steps", "60", "lr", "3e-3", "flip", "no", "quantiser", "gumbel", NULL};
    hg_pretrain_settings *s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_VQ, "out", with(more));
    pretrain_data_run(s, &result);
    hg_pretrain_settings_destroy(s);
    assert_true(result.last_loss < result.first_loss / 2);
    pretrain_data_remove(&d);
}

/* The written quantiser: every code is one long, and its score is the product with itself. */
static void test_files(void **state)
{
    (void)state;
    pretrain_data d;
    char path[256];
    hg_pretrain_result result;
    hg_error err = {HG_STATUS_OK, ""};
    pretrain_data_make(&d);
    const char *const more[] = {"steps", "3", "attention", "16", NULL};
    hg_pretrain_settings *s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_VQ, "out", with(more));
    pretrain_data_run(s, &result);
    hg_pretrain_settings_destroy(s);
    hg_vqgan_config config;
    assert_int_equal(hg_vqgan_config_read(&config, pretrain_data_path(&d, "out/vqgan", path), &err),
                     HG_STATUS_OK);
    assert_int_equal(config.n_embed, 64);
    assert_int_equal(config.n_attn_resolutions, 1);
    hg_tensor_set *set = NULL;
    assert_int_equal(hg_tensor_set_open_file(&set, pretrain_data_path(&d, "out/vqgan/last.ckpt", path), &err),
                     HG_STATUS_OK);
    hg_vqgan vq;
    hg_arena arena;
    hg_arena_init(&arena, 1 << 20, (size_t)1 << 30);
    assert_int_equal(hg_vqgan_load(&vq, &config, set, &arena, &err), HG_STATUS_OK);
    assert_int_equal(hg_tensor_set_n_tensors(set), hg_vqgan_n_tensors(&vq));
    const float *e = hg_tensor_real(&vq.embed);
    assert_memory_equal(e, hg_tensor_real(&vq.proj.weight), 64 * 8 * sizeof *e);
    for (int j = 0; j < 64; j++) {
        float sum = 0;
        for (int i = 0; i < 8; i++)
            sum += e[8 * j + i] * e[8 * j + i];
        assert_true(sum > 0.999F && sum < 1.001F && hg_tensor_real(&vq.proj.bias)[j] == 0);
    }
    hg_arena_deinit(&arena);
    hg_tensor_set_close(set);
    pretrain_data_remove(&d);
}

static void test_same(void **state)
{
    (void)state;
    pretrain_data d;
    pretrain_data_make(&d);
    const char *const more[] = {"steps", "7", "save-every", "3", "restart-every", "2", NULL};
    pretrain_data_check_same(&d, HG_PRETRAIN_STAGE_VQ, with(more), 5, "vqgan/last.ckpt");
    pretrain_data_remove(&d);
}

static void test_refused(void **state)
{
    (void)state;
    pretrain_data d;
    hg_pretrain_result result;
    hg_error err = {HG_STATUS_OK, ""};
    pretrain_data_make(&d);
    static const char *const bad[][3] = {{"multipliers", "1,x", "no lists"},
                                         {"groups", "3", "norm groups"},
                                         {"size", "33", "cannot be halved"},
                                         {"shards", "9", "shards"},
                                         {"data", "/nowhere.json", "/nowhere.json"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const more[] = {bad[i][0], bad[i][1], NULL};
        hg_pretrain_settings *s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_VQ, "out", with(more));
        hg_status status = hg_pretrain_run(s, NULL, &result, &err);
        assert_true(status == HG_STATUS_USAGE || status == HG_STATUS_INPUT);
        assert_non_null(strstr(err.text, bad[i][2]));
        hg_pretrain_settings_destroy(s);
    }
    hg_pretrain_settings *s = NULL;
    assert_int_equal(hg_pretrain_settings_create(&s, HG_PRETRAIN_STAGE_VQ, &err), HG_STATUS_OK);
    assert_int_equal(hg_pretrain_settings_set(s, "hidden", "64", &err), HG_STATUS_USAGE);
    assert_int_equal(hg_pretrain_settings_set(s, "lr", "fast", &err), HG_STATUS_USAGE);
    hg_pretrain_settings_destroy(s);
    pretrain_data_remove(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_overfit), cmocka_unit_test(test_overfit_gumbel),
                                       cmocka_unit_test(test_files), cmocka_unit_test(test_same),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
