/* SPDX-License-Identifier: Apache-2.0
 *
 * test_quantised_threads.c: the number of threads shows in no bit of what a block-quantised model computes:
 * logits after a prompt of two parts and after each step that follows, for both tasks; and the ids of an
 * answer about an image. Nor does it show in a prompt's whether weights are repacked; a step's are close.
 */
#include "engine/engine.h"
#include "engine/random_package.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define IMAGE HG_TEST_DATA "/tiny/image.png"
#define N_PROMPT 300 /* more than are read together, and no multiple of a tile */
#define N_STEPS 12
#define MAX_LOGITS 4096
#define N_ANSWER 12

/* What one task gives: a row of logits after the prompt and after each step but the last, whose best ids are
 * the steps. */
typedef struct trace {
    int64_t n_logits;
    float logits[N_STEPS][MAX_LOGITS];
} trace;

typedef struct outcome {
    trace tasks[HG_TASK_COUNT];
    int32_t answer[N_ANSWER];
    size_t n_answer;
} outcome;

static int32_t best_of(const float *logits, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        best = logits[i] > logits[best] ? i : best;
    return (int32_t)best;
}

static void read_prompt(hg_session *s, hg_task task, hg_tensor **hidden)
{
    hg_error err = {HG_STATUS_OK, ""};
    hg_prompt prompt = {0};
    hg_timings timings = {0};
    size_t reused;
    for (int32_t i = 0; i < N_PROMPT; i++)
        assert_int_equal(hg_prompt_push_token(&prompt, 300 + i * 37 % 600, &err), HG_STATUS_OK);
    hg_session_begin(s);
    if (hg_session_prefill(s, task, &prompt, NULL, &timings, &reused, hidden, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(reused, 0);
    hg_prompt_deinit(&prompt);
}

/* Picture codes alone, for drawing; the whole head, for answers. */
static void run_task(hg_session *s, hg_task task, trace *t)
{
    hg_error err = {HG_STATUS_OK, ""};
    hg_tensor *hidden, head = s->model->weights.tasks[task].head;
    int64_t first = 0;
    if (task == HG_TASK_GENERATION) {
        first = s->model->n_tokens + 1;
        head = hg_tensor_view_rows(&head, first, s->model->weights.vqgan.config.n_embed);
    }
    t->n_logits = head.shape[0];
    assert_in_range(t->n_logits, 1, MAX_LOGITS);
    read_prompt(s, task, &hidden);
    for (int i = 0; i < N_STEPS; i++) {
        const hg_tensor *logits = hg_decoder_logits(&s->ctx, &s->model->weights.decoder, &head, hidden);
        assert_non_null(logits);
        memcpy(t->logits[i], logits->data, (size_t)t->n_logits * sizeof(float));
        int32_t id = (int32_t)first + best_of(t->logits[i], t->n_logits);
        if (hg_session_step(s, task, id, &hidden, &err) != HG_STATUS_OK)
            fail_msg("%s", err.text);
    }
}

static void run_answer(hg_session *s, outcome *o)
{
    hg_error err = {HG_STATUS_OK, ""};
    hg_image *image;
    hg_ask_result result;
    assert_int_equal(hg_image_open(&image, IMAGE, &err), HG_STATUS_OK);
    const hg_image *const images[] = {image};
    const hg_ask_request request = {.images = images,
                                    .n_images = 1,
                                    .question = "What?",
                                    .sampling = {.top_p = 1},
                                    .max_tokens = N_ANSWER};
    if (hg_session_ask(s, &request, &result, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    o->n_answer = result.n_tokens;
    memcpy(o->answer, result.tokens, result.n_tokens * sizeof *o->answer);
    hg_ask_result_free(&result);
    hg_image_close(image);
}

/* The test is about blocks: no layer may have fallen back to another type. */
static void expect_type(const hg_model *model, const char *type)
{
    const hg_decoder *d = &model->weights.decoder;
    for (int64_t i = 0; i < d->config.n_layers; i++) {
        for (int slot = 0; slot < HG_SLOT_COUNT; slot++) {
            if (hg_slot_exists(&d->config, (hg_slot)slot))
                assert_string_equal(hg_dtype_name(d->layers[i].weight[slot].dtype), type);
        }
    }
}

/* Where the kernels have another order for anything of the model (plug-ins are q8_0 in all of these), all of
 * it that decoding reads lies elsewhere. */
static void expect_repacked(const hg_model *model, hg_repack_choice wanted)
{
    const hg_tensor *w = &model->weights.decoder.layers[0].weight[HG_SLOT_O];
    const bool expected = model->kernels->interleaves && wanted == HG_REPACK_YES;
    assert_int_equal(model->weights.repacked != NULL, expected);
    assert_int_equal(w->interleaved, expected && w->dtype != HG_DTYPE_Q6_K);
    assert_int_equal(model->repack_note[0] != 0, wanted == HG_REPACK_YES && !expected);
}

static outcome *run(const random_path *package, const char *type, int n_threads, hg_repack_choice repack)
{
    hg_model *model;
    hg_session *session;
    hg_error err = {HG_STATUS_OK, ""};
    const hg_model_options options = {.n_threads = n_threads, .repack = repack};
    outcome *o = calloc(1, sizeof *o);
    assert_non_null(o);
    if (hg_model_open(&model, package->text, &options, &err) != HG_STATUS_OK ||
        hg_session_create(&session, model, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    expect_type(model, type);
    expect_repacked(model, repack);
    assert_int_equal(model->cache_type, HG_DTYPE_F16); /* left open, and the model quantised */
    for (int task = 0; task < HG_TASK_COUNT; task++)
        run_task(session, (hg_task)task, &o->tasks[task]);
    run_answer(session, o);
    hg_session_destroy(session);
    hg_model_close(model);
    return o;
}

static void expect_same(const outcome *got, const outcome *want, const char *type, int n_threads)
{
    for (int task = 0; task < HG_TASK_COUNT; task++) {
        const trace *a = &got->tasks[task], *b = &want->tasks[task];
        assert_int_equal(a->n_logits, b->n_logits);
        for (int i = 0; i < N_STEPS; i++) {
            if (memcmp(a->logits[i], b->logits[i], (size_t)a->n_logits * sizeof(float)) != 0)
                fail_msg("%s, task %d, step %d: %d threads give other logits than one", type, task, i,
                         n_threads);
        }
    }
    assert_in_range(want->n_answer, 1, N_ANSWER);
    assert_int_equal(got->n_answer, want->n_answer);
    assert_memory_equal(got->answer, want->answer, want->n_answer * sizeof *want->answer);
}

/* A step's sums are made in another order, and codes of activations may come out one apart. */
#define CLOSE 0.02

static void expect_close(const outcome *got, const outcome *want)
{
    for (int task = 0; task < HG_TASK_COUNT; task++) {
        const trace *a = &got->tasks[task], *b = &want->tasks[task];
        assert_memory_equal(a->logits[0], b->logits[0], (size_t)a->n_logits * sizeof(float));
        double square = 0, error = 0;
        for (int64_t j = 0; j < a->n_logits; j++) {
            double x = (double)b->logits[1][j], d = (double)a->logits[1][j] - x;
            square += x * x;
            error += d * d;
        }
        if (!(error <= CLOSE * CLOSE * square))
            fail_msg("task %d: repacked logits differ by %g of their size", task, sqrt(error / square));
    }
}

static void check_type(const char *type)
{
    static const int threads[] = {2, 3, 8};
    const random_path package = random_package_make(type);
    outcome *alone = run(&package, type, 1, HG_REPACK_YES), *plain = run(&package, type, 2, HG_REPACK_NO);
    expect_close(alone, plain);
    free(plain);
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        outcome *many = run(&package, type, threads[i], HG_REPACK_YES);
        expect_same(many, alone, type, threads[i]);
        free(many);
    }
    free(alone);
}

static void test_q8_0(void **state)
{
    (void)state;
    check_type("q8_0");
}

static void test_q4_0(void **state)
{
    (void)state;
    check_type("q4_0");
}

static void test_q4_k(void **state)
{
    (void)state;
    check_type("q4_k");
}

static void test_q6_k(void **state)
{
    (void)state;
    check_type("q6_k");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_q8_0), cmocka_unit_test(test_q4_0),
                                       cmocka_unit_test(test_q4_k), cmocka_unit_test(test_q6_k)};
    return cmocka_run_group_tests(tests, random_package_setup, random_package_teardown);
}
