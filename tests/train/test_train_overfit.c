/* SPDX-License-Identifier: Apache-2.0
 *
 * test_train_overfit.c: a plug-in that is trained on a few pairs knows them by heart: asked and drawn through
 * the public path, from the files that training wrote.
 */
#include "small_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void train(const small_model *m, hg_train_stage stage, const char *data, const char *const *more)
{
    hg_train_settings *s = small_model_settings(m, stage, data, "out", more);
    hg_train_result result;
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_train_run(s, NULL, &result, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    print_message("%s: %lld steps, loss %g to %g\n", hg_train_stage_name(stage), (long long)result.n_steps,
                  result.first_loss, result.last_loss);
    hg_train_settings_destroy(s);
}

static void open_model(const small_model *m, hg_model **model, hg_session **session)
{
    char path[256];
    hg_error err = {HG_STATUS_OK, ""};
    hg_model_options options = {.n_threads = 1};
    if (hg_model_open(model, small_model_path(m, "model", path), &options, &err) != HG_STATUS_OK ||
        hg_session_create(session, *model, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

static hg_image *open_colour(const small_model *m, int index)
{
    char path[256], name[16];
    hg_image *image = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    snprintf(name, sizeof name, "c%d.png", index);
    if (hg_image_open(&image, small_model_path(m, name, path), &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return image;
}

/* How many of the colours the model names. */
static int count_right_answers(const small_model *m)
{
    hg_model *model;
    hg_session *session;
    int right = 0;
    open_model(m, &model, &session);
    for (int i = 0; i < SMALL_MODEL_COLOURS; i++) {
        hg_image *image = open_colour(m, i);
        hg_ask_request request = {.images = (const hg_image *const *)&image,
                                  .n_images = 1,
                                  .question = "Which colour?",
                                  .sampling = {.top_p = 1, .repetition_penalty = 1},
                                  .max_tokens = 24};
        hg_ask_result result;
        hg_error err = {HG_STATUS_OK, ""};
        if (hg_session_ask(session, &request, &result, &err) != HG_STATUS_OK)
            fail_msg("%s", err.text);
        right += result.stop == HG_STOP_END && strcmp(result.answer, small_model_colour(i)) == 0;
        hg_ask_result_free(&result);
        hg_image_close(image);
    }
    hg_session_destroy(session);
    hg_model_close(model);
    return right;
}

static void test_answers(void **state)
{
    (void)state;
    small_model m;
    small_model_make(&m);
    small_model_write_questions(&m, "com.json", SMALL_MODEL_COLOURS);
    int before = count_right_answers(&m);
    train(&m, HG_TRAIN_STAGE_3_COM, "com.json",
          (const char *const[]){"steps", "120", "batch", "8", "lr", "5e-3", "projector-lr", "5e-3", "dropout",
                                "0", "threads", "1", NULL});
    small_model_install(&m, "out/com_hlora_weights.bin");
    int after = count_right_answers(&m);
    print_message("answers right: %d before, %d after, of %d\n", before, after, SMALL_MODEL_COLOURS);
    assert_int_equal(after, SMALL_MODEL_COLOURS);
    assert_true(before < SMALL_MODEL_COLOURS);
    small_model_remove(&m);
}

#define N_PAIRS 4

/* The part of the codes that drawings have in common with the pictures they should be. */
static double count_right_codes(const small_model *m)
{
    hg_model *model;
    hg_session *session;
    int right = 0;
    open_model(m, &model, &session);
    for (int i = 0; i < N_PAIRS; i++) {
        hg_image *image = open_colour(m, i), *target = open_colour(m, (i + 1) % N_PAIRS);
        hg_draw_request request = {.task = HG_DRAW_TASK_RECONSTRUCT,
                                   .image = image,
                                   .sampling = {.top_p = 1, .repetition_penalty = 1}};
        hg_draw_result result;
        int32_t *wanted = NULL;
        size_t n_wanted = 0;
        hg_error err = {HG_STATUS_OK, ""};
        if (hg_session_draw(session, &request, &result, &err) != HG_STATUS_OK ||
            hg_vq_encode(session, target, &wanted, &n_wanted, &err) != HG_STATUS_OK)
            fail_msg("%s", err.text);
        assert_int_equal(n_wanted, SMALL_MODEL_CODES);
        assert_int_equal(result.n_codes, n_wanted);
        for (size_t k = 0; k < n_wanted; k++)
            right += wanted[k] == result.codes[k];
        hg_codes_free(wanted);
        hg_draw_result_free(&result);
        hg_image_close(image);
        hg_image_close(target);
    }
    hg_session_destroy(session);
    hg_model_close(model);
    return (double)right / (N_PAIRS * SMALL_MODEL_CODES);
}

static void test_drawings(void **state)
{
    (void)state;
    small_model m;
    small_model_make(&m);
    small_model_write_drawings(&m, "gen.json", N_PAIRS);
    double before = count_right_codes(&m);
    train(&m, HG_TRAIN_STAGE_3_GEN, "gen.json",
          (const char *const[]){"steps", "250", "batch", "4", "lr", "5e-3", "projector-lr", "5e-3", "dropout",
                                "0", "threads", "1", NULL});
    small_model_install(&m, "out/gen_hlora_weights.bin");
    double after = count_right_codes(&m);
    print_message("codes right: %g before, %g after\n", before, after);
    assert_true(after >= 0.99);
    assert_true(before < 0.5);
    small_model_remove(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_drawings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
