/* SPDX-License-Identifier: Apache-2.0
 *
 * test_train_chain.c: all stages one after the other, from a base model without plug-ins: each begins with
 * what those before it left; a chain that is stopped in the middle of a stage and continued gives the same
 * files, bit for bit. The mixed baseline trains every part at once, and its model answers with the fusion
 * layer.
 */
#include "small_model.h"

#include "base/file.h"
#include "formats/tensor_file.h"

#include <healthgpt/image.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const plain[] = {"steps", "2",    "batch",        "2",    "rank",    "8", "experts", "2",
                                    "lr",    "1e-3", "projector-lr", "1e-3", "threads", "1", NULL};

/* They stand beside the model then. */
static void remove_plugins(const small_model *m)
{
    static const char *const names[] = {"com_hlora_weights.bin", "gen_hlora_weights.bin",
                                        "fusion_layer_weights.bin"};
    for (int i = 0; i < 3; i++) {
        char path[256], to[256], name[64];
        snprintf(name, sizeof name, "model/%s", names[i]);
        small_model_path(m, names[i], to);
        assert_int_equal(rename(small_model_path(m, name, path), to), 0);
    }
}

#define RED_QUESTION                                                                                         \
    "{\"image\": \"c0.png\", \"conversations\": [{\"from\": \"human\", \"value\": \"<image>\\nWhich "        \
    "colour?\"}, "                                                                                           \
    "{\"from\": \"gpt\", \"value\": \"red\"}]}\n"

static void write_question(const small_model *m, const char *name)
{
    small_model_write(m, name, RED_QUESTION);
}

static void write_mix(const small_model *m)
{
    small_model_write(
        m, "mix.json",
        RED_QUESTION
        "{\"image\": \"c1.png\", \"target_image\": \"c2.png\", \"conversations\": [{\"from\": \"human\", "
        "\"value\": \"<image>\\nReconstruct the image.\"}, {\"from\": \"gpt\", \"value\": \"\"}]}\n");
}

/* Who hears the notes, and stops the run at a step of the run number `stop_run`, counted from 1. */
typedef struct heard {
    char text[64][160];
    int n, runs, stop_run;
} heard;

static bool on_step(void *user, const hg_train_step *step)
{
    heard *h = user;
    h->runs += step->step == 1;
    return h->runs != h->stop_run;
}

static void on_note(void *user, const char *text)
{
    heard *h = user;
    if (h->n < 64)
        snprintf(h->text[h->n++], sizeof h->text[0], "%s", text);
}

static bool was_heard(const heard *h, const char *text)
{
    for (int i = 0; i < h->n; i++) {
        if (strstr(h->text[i], text) != NULL)
            return true;
    }
    return false;
}

/* `how`: "resume", "finish" or NULL. */
static hg_status run_chain(const small_model *m, const char *out, const char *how, heard *h,
                           hg_train_result results[HG_TRAIN_CHAIN_COUNT], hg_error *err)
{
    static const char *const data[] = {"com.json", "com.json", "mix.json", "com.json", "gen.json"};
    hg_train_settings *settings[HG_TRAIN_CHAIN_COUNT];
    for (int i = 0; i < HG_TRAIN_CHAIN_COUNT; i++) {
        settings[i] = small_model_settings(m, (hg_train_stage)i, data[i], out, plain);
        if (how != NULL)
            assert_int_equal(hg_train_settings_set(settings[i], "resume", "yes", err), HG_STATUS_OK);
        if (how != NULL)
            assert_int_equal(hg_train_settings_set(settings[i], how, "yes", err), HG_STATUS_OK);
        if (i == HG_TRAIN_STAGE_1_GEN)
            assert_int_equal(hg_train_settings_set(settings[i], "vocabulary", "yes", err), HG_STATUS_OK);
    }
    hg_train_listener listener = {.on_step = on_step, .on_note = on_note, .user = h};
    hg_status status = hg_train_run_all(settings, &listener, results, err);
    for (int i = 0; i < HG_TRAIN_CHAIN_COUNT; i++)
        hg_train_settings_destroy(settings[i]);
    return status;
}

static void expect_same(const small_model *m, const char *a, const char *b, bool same)
{
    char path[256];
    hg_buffer first, second;
    hg_error err = {HG_STATUS_OK, ""};
    hg_buffer_init(&first, (size_t)1 << 28);
    hg_buffer_init(&second, (size_t)1 << 28);
    assert_int_equal(hg_file_read(small_model_path(m, a, path), &first, &err), HG_STATUS_OK);
    assert_int_equal(hg_file_read(small_model_path(m, b, path), &second, &err), HG_STATUS_OK);
    bool equal = first.size == second.size && memcmp(first.data, second.data, first.size) == 0;
    if (equal != same)
        fail_msg("%s and %s are %s", a, b, same ? "not equal" : "equal");
    hg_buffer_deinit(&first);
    hg_buffer_deinit(&second);
}

/* A tensor of two files, compared: handed on unchanged or trained further. */
static bool same_tensor(const small_model *m, const char *a, const char *b, const char *name)
{
    char path[256];
    hg_tensor_file *first, *second;
    assert_int_equal(hg_tensor_file_open(&first, small_model_path(m, a, path), NULL), HG_STATUS_OK);
    assert_int_equal(hg_tensor_file_open(&second, small_model_path(m, b, path), NULL), HG_STATUS_OK);
    const hg_tensor *x = hg_tensor_file_find(first, name), *y = hg_tensor_file_find(second, name);
    assert_true(x != NULL && y != NULL && hg_tensor_same_shape(x, y));
    bool same = memcmp(x->data, y->data, hg_tensor_bytes(x)) == 0;
    hg_tensor_file_close(first);
    hg_tensor_file_close(second);
    return same;
}

/* The colour of c0.png, asked of the model in folder/model. */
static void ask(const small_model *m, char answer[256])
{
    char path[256];
    hg_model *model = NULL;
    hg_session *session = NULL;
    hg_image *image = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_model_open(&model, small_model_path(m, "model", path), NULL, &err) != HG_STATUS_OK ||
        hg_session_create(&session, model, &err) != HG_STATUS_OK ||
        hg_image_open(&image, small_model_path(m, "c0.png", path), &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    hg_ask_request request = {.images = (const hg_image *const *)&image,
                              .n_images = 1,
                              .question = "Which colour?",
                              .sampling = {.top_p = 1, .repetition_penalty = 1},
                              .max_tokens = 8};
    hg_ask_result result;
    if (hg_session_ask(session, &request, &result, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    snprintf(answer, 256, "%s", result.answer);
    hg_ask_result_free(&result);
    hg_image_close(image);
    hg_session_destroy(session);
    hg_model_close(model);
}

#define B_NAME "base_model.model.model.layers.1.self_attn.o_proj.lora_B.weight"
#define PROJECTOR_NAME "base_model.model.model.mm_projector.0.weight"

static void test_chain(void **state)
{
    (void)state;
    small_model m;
    heard all = {0}, part = {.stop_run = 3};
    hg_train_result results[HG_TRAIN_CHAIN_COUNT];
    hg_error err = {HG_STATUS_OK, ""};
    char answer[256];
    small_model_make(&m);
    remove_plugins(&m);
    write_mix(&m);
    small_model_write_questions(&m, "com.json", 4);
    small_model_write_drawings(&m, "gen.json", 2);
    if (run_chain(&m, "whole", NULL, &all, results, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    for (int i = 0; i < HG_TRAIN_CHAIN_COUNT; i++)
        assert_int_equal(results[i].n_steps, 2);
    assert_true(was_heard(&all, "stage 3-gen begins"));
    /* 1-com trains the projector alone, 3-com goes on from there with the adapter, too. */
    const char *first = "whole/1-com/com_hlora_weights.bin", *last = "whole/3-com/com_hlora_weights.bin";
    assert_false(same_tensor(&m, first, last, B_NAME));
    assert_false(same_tensor(&m, first, last, PROJECTOR_NAME));
    expect_same(&m, "whole/1-gen/fusion_layer_weights.bin", "whole/2-fusion/fusion_layer_weights.bin", false);

    assert_int_equal(run_chain(&m, "parts", NULL, &part, results, &err), HG_STATUS_FAILED);
    assert_non_null(strstr(err.text, "stage 2-fusion: stopped after step 1 of 2"));
    part.stop_run = 0;
    if (run_chain(&m, "parts", "resume", &part, results, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_true(was_heard(&part, "stage 1-gen was finished before"));
    assert_int_equal(results[HG_TRAIN_STAGE_1_COM].n_steps, 0);
    assert_int_equal(results[HG_TRAIN_STAGE_2_FUSION].n_steps, 1);
    assert_int_equal(results[HG_TRAIN_STAGE_3_GEN].n_steps, 2);
    expect_same(&m, last, "parts/3-com/com_hlora_weights.bin", true);
    expect_same(&m, "whole/3-gen/gen_hlora_weights.bin", "parts/3-gen/gen_hlora_weights.bin", true);
    expect_same(&m, "whole/2-fusion/fusion_layer_weights.bin", "parts/2-fusion/fusion_layer_weights.bin",
                true);

    small_model_install(&m, last);
    small_model_install(&m, "whole/3-gen/gen_hlora_weights.bin");
    small_model_install(&m, "whole/2-fusion/fusion_layer_weights.bin");
    ask(&m, answer);
    small_model_remove(&m);
}

/* A stage that was stopped is finished with what it has; the stages behind it are trained, from there. */
static void test_finish(void **state)
{
    (void)state;
    small_model m;
    heard h = {.stop_run = 3};
    hg_train_result results[HG_TRAIN_CHAIN_COUNT];
    hg_error err = {HG_STATUS_OK, ""};
    char path[256];
    small_model_make(&m);
    remove_plugins(&m);
    write_mix(&m);
    small_model_write_questions(&m, "com.json", 4);
    small_model_write_drawings(&m, "gen.json", 2);
    assert_int_equal(run_chain(&m, "out", NULL, &h, results, &err), HG_STATUS_FAILED);
    assert_false(hg_file_exists(small_model_path(&m, "out/2-fusion/fusion_layer_weights.bin", path)));
    h = (heard){.stop_run = 0};
    if (run_chain(&m, "out", "finish", &h, results, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_true(was_heard(&h, "stage 1-gen was finished before"));
    assert_true(was_heard(&h, "the run ends after step 1 of 2"));
    assert_int_equal(results[HG_TRAIN_STAGE_2_FUSION].n_steps, 0);
    assert_int_equal(results[HG_TRAIN_STAGE_3_COM].n_steps, 2);
    assert_int_equal(results[HG_TRAIN_STAGE_3_GEN].n_steps, 2);
    expect_same(&m, "out/1-gen/fusion_layer_weights.bin", "out/2-fusion/fusion_layer_weights.bin", false);
    assert_true(hg_file_exists(small_model_path(&m, "out/3-gen/gen_hlora_weights.bin", path)));
    small_model_remove(&m);
}

/* A stage without data is left out, all without it is an error. */
static void test_no_data(void **state)
{
    (void)state;
    small_model m;
    heard h = {0};
    hg_train_settings *settings[HG_TRAIN_CHAIN_COUNT];
    hg_train_result results[HG_TRAIN_CHAIN_COUNT];
    hg_error err = {HG_STATUS_OK, ""};
    char path[256];
    small_model_make(&m);
    small_model_write_questions(&m, "com.json", 2);
    hg_train_listener listener = {.on_step = on_step, .on_note = on_note, .user = &h};
    for (int i = 0; i < HG_TRAIN_CHAIN_COUNT; i++) {
        settings[i] = small_model_settings(&m, (hg_train_stage)i, "com.json", "out", plain);
        assert_int_equal(hg_train_settings_set(settings[i], "data", "", &err), HG_STATUS_OK);
    }
    assert_int_equal(hg_train_run_all(settings, &listener, results, &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "'data' is not set for any stage"));
    assert_int_equal(hg_train_settings_set(settings[HG_TRAIN_STAGE_3_COM], "data",
                                           small_model_path(&m, "com.json", path), &err),
                     HG_STATUS_OK);
    if (hg_train_run_all(settings, &listener, results, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_true(was_heard(&h, "stage 1-gen has no data and is left out"));
    assert_int_equal(results[HG_TRAIN_STAGE_3_COM].n_steps, 2);
    for (int i = 0; i < HG_TRAIN_CHAIN_COUNT; i++)
        hg_train_settings_destroy(settings[i]);
    small_model_remove(&m);
}

/* The loss that stage 3-com begins with. */
static double loss_of_3_com(const small_model *m, const char *out)
{
    const char *more[] = {"steps", "1", "batch", "2", "lr", "0", "dropout", "0", NULL};
    hg_train_settings *s = small_model_settings(m, HG_TRAIN_STAGE_3_COM, "com.json", out, more);
    hg_train_result result;
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_train_run(s, NULL, &result, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    hg_train_settings_destroy(s);
    return result.first_loss;
}

static void test_mixed(void **state)
{
    (void)state;
    small_model m;
    hg_train_result result;
    hg_error err = {HG_STATUS_OK, ""};
    char answer[256];
    small_model_make(&m);
    remove_plugins(&m);
    write_mix(&m);
    const char *more[] = {"steps", "60",   "batch",        "2",    "rank",    "8", "experts", "2",
                          "lr",    "5e-3", "projector-lr", "5e-3", "dropout", "0", NULL};
    hg_train_settings *s = small_model_settings(&m, HG_TRAIN_STAGE_MIXED, "mix.json", "out", more);
    if (hg_train_run(s, NULL, &result, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    hg_train_settings_destroy(s);
    small_model_install(&m, "out/com_hlora_weights.bin");
    small_model_install(&m, "out/gen_hlora_weights.bin");
    small_model_install(&m, "out/fusion_layer_weights.bin");
    small_model_write(&m, "model/healthgpt.json", "{\"com\": {\"fused\": true}}");
    ask(&m, answer);
    assert_string_equal(answer, "red");
    small_model_install(&m, "fusion_layer_weights.bin"); /* that of another model: it does count */
    ask(&m, answer);
    assert_string_not_equal(answer, "red");
    write_question(&m, "com.json");
    double fused = loss_of_3_com(&m, "fused"); /* training reads and judges by the words that `ask` does */
    small_model_write(&m, "model/healthgpt.json", "{}");
    double own = loss_of_3_com(&m, "own");
    assert_true(fused > 100 * own);
    /* The image encoder's layers that comprehension reads are the settings', too. */
    small_model_write(&m, "model/healthgpt.json", "{\"com\": {\"vision_layers\": 1}}");
    assert_true(fabs(loss_of_3_com(&m, "shallow") - own) > 1e-6);
    small_model_write(&m, "model/healthgpt.json", "{\"com\": {\"vision_layers\": 1000}}");
    s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "com.json", "refused", more);
    assert_int_equal(hg_train_run(s, NULL, &result, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "1000 layers of the image encoder"));
    hg_train_settings_destroy(s);
    small_model_remove(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_chain), cmocka_unit_test(test_finish),
                                       cmocka_unit_test(test_no_data), cmocka_unit_test(test_mixed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
