/* SPDX-License-Identifier: Apache-2.0
 *
 * test_pretrain_golden.c: the stages that begin from nothing against PyTorch, transformers and tokenizers
 * (reference/make_pretrain.py): ids of a trained tokenizer, losses of steps 2 to 5.
 */
#include "pretrain/pretrain_data.h"

#include "text/tokenizer.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CORPUS HG_TEST_DATA "/pretrain/corpus.txt"
#define STEPS 5

static json_t *golden(void)
{
    json_error_t error;
    json_t *json = json_load_file(HG_TEST_DATA "/pretrain/golden.json", 0, &error);
    if (json == NULL)
        fail_msg("golden.json: %s", error.text);
    return json;
}

static void make_tokenizer(const pretrain_data *d)
{
    hg_pretrain_result result;
    const char *const more[] = {"data", CORPUS, "vocabulary", "400", NULL};
    hg_pretrain_settings *s = pretrain_data_settings(d, HG_PRETRAIN_STAGE_TOKENIZER, "tok", more);
    pretrain_data_run(s, &result);
    hg_pretrain_settings_destroy(s);
}

static void check_ids(const hg_tokenizer *tok, const json_t *row)
{
    const char *text = json_string_value(json_object_get(row, "text"));
    const json_t *want = json_object_get(row, "ids");
    hg_text_segment segment = {text, strlen(text), false};
    hg_error err = {HG_STATUS_OK, ""};
    hg_ids ids;
    hg_ids_init(&ids, 4096);
    assert_int_equal(hg_tokenizer_encode(tok, &segment, 1, true, &ids, &err), HG_STATUS_OK);
    assert_int_equal(ids.n, json_array_size(want));
    for (size_t i = 0; i < ids.n; i++)
        assert_int_equal(ids.data[i], json_integer_value(json_array_get(want, i)));
    hg_ids_deinit(&ids);
}

static void test_tokenizer(void **state)
{
    (void)state;
    pretrain_data d;
    char path[256];
    hg_tokenizer *tok = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    json_t *json = golden();
    const json_t *rows = json_object_get(json, "tokenizer");
    pretrain_data_make(&d);
    make_tokenizer(&d);
    assert_int_equal(hg_tokenizer_open(&tok, pretrain_data_path(&d, "tok/base", path), &err), HG_STATUS_OK);
    assert_true(json_array_size(rows) > 4);
    for (size_t i = 0; i < json_array_size(rows); i++)
        check_ids(tok, json_array_get(rows, i));
    hg_tokenizer_close(tok);
    json_decref(json);
    pretrain_data_remove(&d);
}

/* A run's losses. */
typedef struct seen_losses {
    double losses[STEPS];
    int n;
} seen_losses;

static bool keep_loss(void *user, const hg_train_step *step)
{
    seen_losses *seen = user;
    if (seen->n < STEPS)
        seen->losses[seen->n++] = step->loss;
    return true;
}

/* Of a run with a quantiser: a latent between two codes goes to one or the other by the rounding of the
 * processor, and with it the loss by up to 3.4e-4 (measured on four tiers; 5e-8 where no code differs). */
#define QUANTISED 1e-3
#define SMOOTH 1e-4

static void check_losses(const hg_pretrain_settings *s, const char *name, double limit)
{
    seen_losses seen = {.n = 0};
    hg_pretrain_result result;
    hg_error err = {HG_STATUS_OK, ""};
    hg_train_listener listener = {.on_step = keep_loss, .user = &seen};
    json_t *json = golden();
    const json_t *want = json_object_get(json_object_get(json, name), "losses");
    if (hg_pretrain_run(s, &listener, &result, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(seen.n, STEPS);
    assert_int_equal(json_array_size(want), STEPS - 1);
    double worst = 0;
    for (int i = 1; i < STEPS; i++) {
        double loss = json_real_value(json_array_get(want, (size_t)i - 1));
        worst = fmax(worst, fabs(seen.losses[i] / loss - 1));
    }
    print_message("%s: losses within %.2g of PyTorch's\n", name, worst);
    assert_true(worst < limit);
    json_decref(json);
}

static void test_language_model(void **state)
{
    (void)state;
    pretrain_data d;
    char path[256], batch[16];
    json_t *json = golden();
    pretrain_data_make(&d);
    make_tokenizer(&d);
    snprintf(batch, sizeof batch, "%lld",
             (long long)json_integer_value(json_object_get(json_object_get(json, "lm"), "windows")));
    const char *const more[] = {"data",     CORPUS,     "tokenizer", pretrain_data_path(&d, "tok/base", path),
                                "length",   "24",       "layers",    "2",
                                "hidden",   "32",       "heads",     "4",
                                "kv-heads", "2",        "ffn",       "48",
                                "lr",       "3e-3",     "batch",     batch,
                                "schedule", "constant", "warmup",    "0",
                                "holdout",  "0",        "steps",     "5",
                                NULL};
    hg_pretrain_settings *s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_LM, "out", more);
    check_losses(s, "lm", SMOOTH);
    hg_pretrain_settings_destroy(s);
    json_decref(json);
    pretrain_data_remove(&d);
}

/* The same little autoencoder with one or the other quantiser. */
static void check_autoencoder(const char *quantiser, const char *golden)
{
    pretrain_data d;
    const char *const more[] = {"size",        "32",       "channels",      "32",      "groups",    "32",
                                "multipliers", "1,2",      "blocks",        "1",       "codes",     "16",
                                "batch",       "12",       "flip",          "no",      "precision", "f32",
                                "lr",          "1e-3",     "restart-every", "0",       "attention", "16",
                                "schedule",    "constant", "warmup",        "0",       "holdout",   "0",
                                "steps",       "5",        "quantiser",     quantiser, NULL};
    pretrain_data_make(&d);
    hg_pretrain_settings *s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_VQ, "out", more);
    check_losses(s, golden, QUANTISED);
    hg_pretrain_settings_destroy(s);
    pretrain_data_remove(&d);
}

static void test_autoencoder(void **state)
{
    (void)state;
    check_autoencoder("cosine", "vq");
}

/* The released model's quantiser: its noise is the run's own, made in the reference, too. */
static void test_gumbel(void **state)
{
    (void)state;
    check_autoencoder("gumbel", "gumbel");
}

static void test_image_encoder(void **state)
{
    (void)state;
    pretrain_data d;
    const char *const more[] = {"size",    "32", "patch", "8",    "layers",   "3",        "hidden", "32",
                                "heads",   "4",  "ffn",   "64",   "batch",    "12",       "noise",  "0",
                                "shift",   "0",  "lr",    "1e-3", "schedule", "constant", "warmup", "0",
                                "holdout", "0",  "steps", "5",    NULL};
    pretrain_data_make(&d);
    hg_pretrain_settings *s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_VIT, "out", more);
    check_losses(s, "vit", SMOOTH);
    hg_pretrain_settings_destroy(s);
    pretrain_data_remove(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tokenizer),
                                       cmocka_unit_test(test_language_model),
                                       cmocka_unit_test(test_autoencoder), cmocka_unit_test(test_gumbel),
                                       cmocka_unit_test(test_image_encoder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
