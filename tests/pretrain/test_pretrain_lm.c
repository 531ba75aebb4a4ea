/* SPDX-License-Identifier: Apache-2.0
 *
 * test_pretrain_lm.c: tokenizer and language model from nothing: texts learnt by heart come out again, runs
 * are repeatable, what cannot be is refused.
 */
#include "pretrain/pretrain_data.h"

#include "base/file.h"
#include "formats/model_config.h"
#include "model/decoder.h"
#include "text/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char tokenizer[256];

static const char *const small[] = {"tokenizer", tokenizer, "layers", "2",  "hidden", "32", "heads", "2",
                                    "ffn",       "64",      "length", "48", "batch",  "4",  NULL};

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

static void make_tokenizer(pretrain_data *d)
{
    hg_pretrain_result result;
    const char *const more[] = {"vocabulary", "320", NULL};
    pretrain_data_make(d);
    hg_pretrain_settings *s = pretrain_data_settings(d, HG_PRETRAIN_STAGE_TOKENIZER, "tok", more);
    pretrain_data_run(s, &result);
    hg_pretrain_settings_destroy(s);
    assert_true(pretrain_data_measure(&result, "vocabulary") <= 320);
    assert_true(pretrain_data_measure(&result, "bytes_per_token") > 2);
    pretrain_data_path(d, "tok/base", tokenizer);
}

/* The token with the largest logit behind `ids`. */
static int32_t next_token(hg_ctx *ctx, hg_decoder *decoder, const hg_ids *ids)
{
    hg_tensor *x = hg_op_embedding(ctx, &decoder->embed, ids->data, (int64_t)ids->n);
    const hg_tensor *logits =
        hg_decoder_logits(ctx, decoder, &decoder->head, hg_decoder_forward(ctx, decoder, NULL, NULL, x));
    assert_non_null(logits);
    const float *row = hg_tensor_real(logits) + ((int64_t)ids->n - 1) * logits->shape[1];
    int32_t best = 0;
    for (int32_t i = 1; i < logits->shape[1]; i++)
        best = row[i] > row[best] ? i : best;
    hg_arena_reset(ctx->arena, (hg_arena_mark){0});
    return best;
}

/* The text that the written model in out/base continues with, up to the end token. */
static void continue_text(const pretrain_data *d, const char *prompt, hg_buffer *out)
{
    char path[256];
    hg_error err = {HG_STATUS_OK, ""};
    hg_tokenizer *tok = NULL;
    hg_decoder_config config;
    hg_decoder decoder;
    hg_tensor_set *set = NULL;
    hg_arena weights, work;
    hg_ctx ctx;
    hg_ids ids;
    hg_arena_init(&weights, 1 << 20, (size_t)1 << 30);
    hg_arena_init(&work, 1 << 20, (size_t)1 << 30);
    hg_ctx_init(&ctx, &work, hg_kernels_get(hg_cpu_detect()), 1);
    pretrain_data_path(d, "out/base", path);
    assert_int_equal(hg_tokenizer_open(&tok, path, &err), HG_STATUS_OK);
    assert_int_equal(hg_decoder_config_read(&config, path, &err), HG_STATUS_OK);
    assert_int_equal(config.vocab, hg_tokenizer_length(tok));
    assert_int_equal(hg_tensor_set_open_folder(&set, path, &err), HG_STATUS_OK);
    assert_int_equal(hg_decoder_load(&decoder, &config, set, &weights, &err), HG_STATUS_OK);
    hg_ids_init(&ids, 4096);
    hg_text_segment segment = {prompt, strlen(prompt), false};
    assert_int_equal(hg_tokenizer_encode(tok, &segment, 1, true, &ids, &err), HG_STATUS_OK);
    size_t begin = ids.n;
    for (int i = 0; i < 20; i++) {
        int32_t next = next_token(&ctx, &decoder, &ids);
        if (next == hg_tokenizer_find_id(tok, "<|end|>"))
            break;
        assert_true(hg_ids_push(&ids, next));
    }
    assert_int_equal(hg_tokenizer_decode(tok, ids.data + begin, ids.n - begin, true, out, &err),
                     HG_STATUS_OK);
    hg_ids_deinit(&ids);
    hg_tensor_set_close(set);
    hg_tokenizer_close(tok);
    hg_arena_deinit(&weights);
    hg_arena_deinit(&work);
}

static void test_overfit(void **state)
{
    (void)state;
    pretrain_data d;
    hg_pretrain_result result;
    hg_buffer text;
    make_tokenizer(&d);
    const char *const more[] = {"steps", "150", "lr", "1e-2", NULL};
    hg_pretrain_settings *s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_LM, "out", with(more));
    pretrain_data_run(s, &result);
    hg_pretrain_settings_destroy(s);
    assert_true(result.first_loss > 5 && result.last_loss < 0.5); /* log of 300 tokens is 5.7 */
    assert_true(pretrain_data_measure(&result, "held_loss") < 0.5);
    hg_buffer_init(&text, 4096);
    continue_text(&d, "<|user|>\nWhich colour is it?<|end|>\n<|assistant|>\n", &text);
    assert_non_null(strstr(hg_buffer_text(&text), "It is "));
    hg_buffer_deinit(&text);
    pretrain_data_remove(&d);
}

static void test_same(void **state)
{
    (void)state;
    pretrain_data d;
    make_tokenizer(&d);
    const char *const more[] = {"steps", "7", "save-every", "3", "kv-heads", "1", NULL};
    pretrain_data_check_same(&d, HG_PRETRAIN_STAGE_LM, with(more), 5, "base/model.safetensors");
    pretrain_data_remove(&d);
}

static bool stop_at_step_3(void *user, const hg_train_step *step)
{
    (void)user;
    return step->step < 3;
}

static void read_model(const pretrain_data *d, const char *out, hg_buffer *bytes)
{
    char path[256], name[64];
    hg_error err = {HG_STATUS_OK, ""};
    snprintf(name, sizeof name, "%s/base/model.safetensors", out);
    hg_buffer_init(bytes, (size_t)1 << 28);
    if (hg_file_read(pretrain_data_path(d, name, path), bytes, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

/* With a rate that does not depend on how many steps there are, a run of seven that is stopped after three
 * and finished is a run of three. */
static void test_finish(void **state)
{
    (void)state;
    pretrain_data d;
    hg_pretrain_result result;
    hg_buffer three, seven;
    hg_error err = {HG_STATUS_OK, ""};
    const char *more[] = {"steps", "3", "schedule", "constant", "warmup", "0", NULL};
    make_tokenizer(&d);
    hg_pretrain_settings *s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_LM, "three", with(more));
    pretrain_data_run(s, &result);
    hg_pretrain_settings_destroy(s);

    more[1] = "7";
    s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_LM, "seven", with(more));
    hg_train_listener listener = {.on_step = stop_at_step_3};
    assert_int_equal(hg_pretrain_run(s, &listener, &result, &err), HG_STATUS_FAILED);
    assert_non_null(strstr(err.text, "stopped after step 3 of 7"));
    assert_int_equal(hg_pretrain_settings_set(s, "resume", "yes", &err), HG_STATUS_OK);
    assert_int_equal(hg_pretrain_settings_set(s, "finish", "yes", &err), HG_STATUS_OK);
    pretrain_data_run(s, &result);
    assert_int_equal(result.n_steps, 3);
    assert_true(pretrain_data_measure(&result, "held_loss") > 0);
    hg_pretrain_settings_destroy(s);
    read_model(&d, "three", &three);
    read_model(&d, "seven", &seven);
    assert_int_equal(three.size, seven.size);
    assert_memory_equal(three.data, seven.data, three.size);
    hg_buffer_deinit(&three);
    hg_buffer_deinit(&seven);

    s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_LM, "none", with(more));
    assert_int_equal(hg_pretrain_settings_set(s, "finish", "yes", &err), HG_STATUS_OK);
    assert_int_equal(hg_pretrain_run(s, NULL, &result, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "nothing to finish with"));
    hg_pretrain_settings_destroy(s);
    pretrain_data_remove(&d);
}

static void test_refused(void **state)
{
    (void)state;
    pretrain_data d;
    hg_pretrain_result result;
    hg_error err = {HG_STATUS_OK, ""};
    make_tokenizer(&d);
    static const char *const bad[][3] = {{"heads", "3", "heads must divide"},
                                         {"length", "100000", "do not fill one sequence"},
                                         {"tokenizer", "/nowhere", "/nowhere"},
                                         {"data", "/nowhere.txt", "/nowhere.txt"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const more[] = {bad[i][0], bad[i][1], NULL};
        hg_pretrain_settings *s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_LM, "out", with(more));
        assert_int_not_equal(hg_pretrain_run(s, NULL, &result, &err), HG_STATUS_OK);
        assert_non_null(strstr(err.text, bad[i][2]));
        hg_pretrain_settings_destroy(s);
    }
    pretrain_data_remove(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_overfit), cmocka_unit_test(test_same),
                                       cmocka_unit_test(test_finish), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
