/* SPDX-License-Identifier: Apache-2.0
 *
 * test_session.c: the public path on the tiny models: a picture file and a question in, the ids and the
 * picture of PyTorch out; requests of both tasks in one process; refusals.
 */
#include "formats/tensor_file.h"

#include <healthgpt/healthgpt.h>

#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define IMAGE HG_TEST_DATA "/tiny/image.png"

typedef struct fixture {
    hg_model *model;
    hg_session *session;
    hg_image *image;
    hg_tensor_file *golden;
    json_t *numbers;
} fixture;

static void open_fixture(fixture *f, const char *name, int n_threads)
{
    char path[512];
    hg_error err = {HG_STATUS_OK, ""};
    hg_model_options options = {.n_threads = n_threads, .kv_cache = "f32"};
    snprintf(path, sizeof path, HG_TEST_DATA "/tiny/%s", name);
    if (hg_model_open(&f->model, path, &options, &err) != HG_STATUS_OK ||
        hg_session_create(&f->session, f->model, &err) != HG_STATUS_OK ||
        hg_image_open(&f->image, IMAGE, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    snprintf(path, sizeof path, HG_TEST_DATA "/tiny/%s/golden.safetensors", name);
    assert_int_equal(hg_tensor_file_open(&f->golden, path, &err), HG_STATUS_OK);
    snprintf(path, sizeof path, HG_TEST_DATA "/tiny/%s/golden.json", name);
    f->numbers = json_load_file(path, 0, NULL);
    assert_non_null(f->numbers);
}

static void close_fixture(fixture *f)
{
    hg_image_close(f->image);
    hg_session_destroy(f->session);
    hg_model_close(f->model);
    hg_tensor_file_close(f->golden);
    json_decref(f->numbers);
}

static const char *question_of(const fixture *f, const char *task)
{
    return json_string_value(json_object_get(json_object_get(f->numbers, task), "question"));
}

static hg_ask_request request_of(const fixture *f)
{
    return (hg_ask_request){.images = (const hg_image *const *)&f->image,
                            .n_images = 1,
                            .question = question_of(f, "com"),
                            .sampling = {.top_p = 1},
                            .max_tokens = 64};
}

static void expect_ids(const fixture *f, const char *name, const int32_t *got, size_t n)
{
    const hg_tensor *want = hg_tensor_file_find(f->golden, name);
    assert_non_null(want);
    assert_int_equal(n, want->shape[0]);
    for (size_t i = 0; i < n; i++) {
        if (got[i] != (int32_t)((const float *)want->data)[i])
            fail_msg("%s[%zu] is %d, expected %d", name, i, got[i], (int32_t)((const float *)want->data)[i]);
    }
}

static void check_ask(fixture *f)
{
    hg_error err = {HG_STATUS_OK, ""};
    hg_ask_request request = request_of(f);
    hg_ask_result result;
    if (hg_session_ask(f->session, &request, &result, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    expect_ids(f, "com.text_ids", result.tokens, result.n_tokens);
    const json_t *shape = json_object_get(json_object_get(f->numbers, "com"), "embeddings_shape");
    assert_int_equal(result.n_prompt_tokens, json_integer_value(json_array_get(shape, 0)));
    hg_ask_result_free(&result);
}

static void check_draw(fixture *f, bool reference)
{
    hg_error err = {HG_STATUS_OK, ""};
    hg_draw_request request = {.task = HG_DRAW_TASK_RECONSTRUCT,
                               .image = f->image,
                               .text = question_of(f, "gen"),
                               .sampling = {.top_p = 1},
                               .reference = reference};
    hg_draw_result result;
    hg_status status = hg_session_draw(f->session, &request, &result, &err);
    if (reference) { /* a random model does not end after 1,024 codes by itself */
        assert_int_equal(status, HG_STATUS_FAILED);
        assert_non_null(strstr(err.text, "picture codes"));
        return;
    }
    if (status != HG_STATUS_OK)
        fail_msg("%s", err.text);
    expect_ids(f, "gen.codes", result.codes, result.n_codes);
    hg_image_info info = hg_image_get_info(result.picture);
    assert_int_equal(info.width, 256);
    assert_int_equal(info.height, 256);
    hg_draw_result_free(&result);
}

static void run(const char *name, bool draws, int n_threads)
{
    fixture f;
    open_fixture(&f, name, n_threads);
    check_ask(&f);
    if (draws) { /* the other task in the same session, then back */
        check_draw(&f, false);
        check_ask(&f);
    }
    close_fixture(&f);
}

static void test_m3(void **state)
{
    (void)state;
    run("m3", true, 2);
}

static void test_l14(void **state)
{
    (void)state;
    run("l14", true, 2);
}

static void test_xl32(void **state)
{
    (void)state;
    run("xl32", false, 2);
}

static void test_threads_do_not_change_ids(void **state)
{
    (void)state;
    run("m3", true, 1);
    run("m3", true, 4);
    run("m3", true, 8);
}

static void test_reference_decoding_checks_the_length(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, "m3", 2);
    check_draw(&f, true);
    close_fixture(&f);
}

static void test_conversation_reuses_positions(void **state)
{
    (void)state;
    fixture f;
    hg_error err = {HG_STATUS_OK, ""};
    open_fixture(&f, "m3", 2);
    hg_ask_request request = request_of(&f);
    hg_ask_result first, again, fresh;
    assert_int_equal(hg_session_ask(f.session, &request, &first, &err), HG_STATUS_OK);
    assert_int_equal(first.n_reused_tokens, 0);
    hg_turn history = {request.question, "It is a test."};
    request.history = &history;
    request.n_history = 1;
    request.question = "And what else?";
    assert_int_equal(hg_session_ask(f.session, &request, &again, &err), HG_STATUS_OK);
    assert_in_range(again.n_reused_tokens, 577, again.n_prompt_tokens - 1); /* the image was not read again */
    hg_session *other;
    assert_int_equal(hg_session_create(&other, f.model, &err), HG_STATUS_OK);
    assert_int_equal(hg_session_ask(other, &request, &fresh, &err), HG_STATUS_OK);
    assert_int_equal(fresh.n_reused_tokens, 0);
    assert_int_equal(fresh.n_tokens, again.n_tokens);
    assert_memory_equal(fresh.tokens, again.tokens, fresh.n_tokens * sizeof *fresh.tokens);
    hg_session_destroy(other);
    hg_ask_result_free(&first);
    hg_ask_result_free(&again);
    hg_ask_result_free(&fresh);
    close_fixture(&f);
}

/* Images read together give what they give one after the other: a session that knows the first of them reads
 * only the others. One image comes twice. */
static void test_several_images(void **state)
{
    (void)state;
    fixture f;
    hg_error err = {HG_STATUS_OK, ""};
    open_fixture(&f, "m3", 2);
    hg_image *second;
    assert_int_equal(hg_image_open(&second, HG_TEST_DATA "/tiny/m3/picture.png", &err), HG_STATUS_OK);
    const hg_image *const images[] = {f.image, second, f.image};
    hg_ask_request request = request_of(&f);
    request.images = images;
    request.max_tokens = 16;
    hg_ask_result first, added, together;
    assert_int_equal(hg_session_ask(f.session, &request, &first, &err), HG_STATUS_OK);
    request.n_images = 3;
    if (hg_session_ask(f.session, &request, &added, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_in_range(added.n_reused_tokens, 576, 700); /* the first image */
    hg_session *other;
    assert_int_equal(hg_session_create(&other, f.model, &err), HG_STATUS_OK);
    assert_int_equal(hg_session_ask(other, &request, &together, &err), HG_STATUS_OK);
    assert_int_equal(together.n_reused_tokens, 0);
    assert_int_equal(together.n_prompt_tokens, added.n_prompt_tokens);
    assert_int_equal(together.n_tokens, added.n_tokens);
    assert_memory_equal(together.tokens, added.tokens, added.n_tokens * sizeof *added.tokens);
    hg_session_destroy(other);
    hg_ask_result_free(&first);
    hg_ask_result_free(&added);
    hg_ask_result_free(&together);
    hg_image_close(second);
    close_fixture(&f);
}

/* The types of the vision parts and of prompts are checked. */
static void test_bf16_types(void **state)
{
    (void)state;
    hg_error err = {HG_STATUS_OK, ""};
    hg_model *model;
    hg_model_options options = {.vision = "f16"};
    assert_int_equal(hg_model_open(&model, HG_TEST_DATA "/tiny/m3", &options, &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "f32 or bf16"));
    options = (hg_model_options){.vision = "bf16", .cpu_tier = "reference"};
    assert_int_equal(hg_model_open(&model, HG_TEST_DATA "/tiny/m3", &options, &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "AVX512-BF16"));
    options = (hg_model_options){.prefill = "q8_0"};
    assert_int_equal(hg_model_open(&model, HG_TEST_DATA "/tiny/m3", &options, &err), HG_STATUS_USAGE);
    assert_string_equal(err.text, "no prefill type 'q8_0': f32 or bf16");
    options = (hg_model_options){.prefill = "bf16", .cpu_tier = "reference"};
    assert_int_equal(hg_model_open(&model, HG_TEST_DATA "/tiny/m3", &options, &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "AVX512-BF16"));
}

typedef struct collected {
    char text[4096];
    size_t n;
    int calls;
    int stop_after;
} collected;

static bool collect(void *user, const char *text, size_t n)
{
    collected *c = user;
    assert_true(c->n + n < sizeof c->text);
    memcpy(c->text + c->n, text, n);
    c->n += n;
    c->text[c->n] = 0;
    return ++c->calls != c->stop_after;
}

static void test_stream_is_the_answer(void **state)
{
    (void)state;
    fixture f;
    hg_error err = {HG_STATUS_OK, ""};
    collected all = {.n = 0}, some = {.stop_after = 3};
    open_fixture(&f, "m3", 2);
    hg_ask_request request = request_of(&f);
    hg_ask_result result;
    request.on_text = collect;
    request.on_text_user = &all;
    assert_int_equal(hg_session_ask(f.session, &request, &result, &err), HG_STATUS_OK);
    assert_string_equal(all.text, result.answer);
    assert_int_equal(result.stop, HG_STOP_LENGTH);
    hg_ask_result_free(&result);
    request.on_text_user = &some;
    assert_int_equal(hg_session_ask(f.session, &request, &result, &err), HG_STATUS_OK);
    assert_int_equal(result.stop, HG_STOP_CANCELLED);
    assert_int_equal(some.calls, 3);
    assert_int_equal(strncmp(all.text, some.text, some.n), 0);
    hg_ask_result_free(&result);
    close_fixture(&f);
}

typedef struct worker {
    fixture f; /* shares the model, has a session of its own */
    hg_ask_result result;
    hg_status status;
} worker;

static void *ask_in_thread(void *arg)
{
    worker *w = arg;
    hg_ask_request request = request_of(&w->f);
    request.max_tokens = 16;
    w->status = hg_session_ask(w->f.session, &request, &w->result, NULL);
    return NULL;
}

static void test_sessions_of_one_model_side_by_side(void **state)
{
    (void)state;
    fixture f;
    worker workers[2];
    pthread_t threads[2];
    open_fixture(&f, "m3", 2);
    for (int i = 0; i < 2; i++) {
        workers[i] = (worker){.f = f};
        assert_int_equal(hg_session_create(&workers[i].f.session, f.model, NULL), HG_STATUS_OK);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_in_thread, &workers[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    const float *want = hg_tensor_file_find(f.golden, "com.text_ids")->data;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(workers[i].status, HG_STATUS_OK);
        for (size_t j = 0; j < workers[i].result.n_tokens; j++)
            assert_int_equal(workers[i].result.tokens[j], (int32_t)want[j]);
        hg_ask_result_free(&workers[i].result);
        hg_session_destroy(workers[i].f.session);
    }
    close_fixture(&f);
}

/* Every refusal leaves the session usable. */
static void test_refusals(void **state)
{
    (void)state;
    fixture f;
    hg_error err = {HG_STATUS_OK, ""};
    open_fixture(&f, "m3", 2);
    hg_ask_result answer;
    hg_ask_request ask = request_of(&f);
    ask.question = " \n";
    assert_int_equal(hg_session_ask(f.session, &ask, &answer, &err), HG_STATUS_USAGE);
    static char long_text[200000];
    memset(long_text, 'x', sizeof long_text - 1);
    ask.question = long_text;
    assert_int_equal(hg_session_ask(f.session, &ask, &answer, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "too long"));
    hg_draw_result drawing;
    hg_draw_request draw = {.task = HG_DRAW_TASK_RECONSTRUCT, .sampling = {.top_p = 1}};
    assert_int_equal(hg_session_draw(f.session, &draw, &drawing, &err), HG_STATUS_USAGE);
    draw.image = f.image;
    draw.task = HG_DRAW_TASK_CT_TO_MRI;
    assert_int_equal(hg_session_draw(f.session, &draw, &drawing, &err), HG_STATUS_TASK);
    assert_non_null(strstr(err.text, "reconstruct only"));
    int32_t codes[3] = {0, 1, 2};
    hg_image *picture;
    assert_int_equal(hg_vq_decode(f.session, codes, 3, &picture, &err), HG_STATUS_USAGE);
    check_ask(&f);
    close_fixture(&f);

    open_fixture(&f, "xl32", 2);
    draw.task = HG_DRAW_TASK_RECONSTRUCT;
    draw.image = f.image;
    assert_int_equal(hg_session_draw(f.session, &draw, &drawing, &err), HG_STATUS_TASK);
    assert_non_null(strstr(err.text, "generation plug-in"));
    close_fixture(&f);
}

static void expect_ask(fixture *f, const hg_ask_request *request, hg_status status, const char *text)
{
    hg_error err = {HG_STATUS_OK, ""};
    hg_ask_result result;
    assert_int_equal(hg_session_ask(f->session, request, &result, &err), status);
    assert_null(result.answer);
    assert_null(result.tokens);
    if (strstr(err.text, text) == NULL)
        fail_msg("'%s' is not in: %s", text, err.text);
}

/* Numbers and pointers that no sensible caller sends. */
static void test_hostile_requests(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, "m3", 2);
    const hg_ask_request good = request_of(&f);
    const hg_image *const no_image[1] = {NULL};
    hg_ask_request bad = good;
    bad.question = NULL;
    expect_ask(&f, &bad, HG_STATUS_USAGE, "empty");
    bad = good;
    bad.images = NULL;
    expect_ask(&f, &bad, HG_STATUS_USAGE, "image 1 of 1 is missing");
    bad.images = no_image;
    expect_ask(&f, &bad, HG_STATUS_USAGE, "image 1 of 1 is missing");
    bad.n_images = SIZE_MAX;
    expect_ask(&f, &bad, HG_STATUS_INPUT, "too long");
    bad = good;
    bad.n_history = 1;
    expect_ask(&f, &bad, HG_STATUS_USAGE, "no list of them");
    bad.n_history = SIZE_MAX / 2 + 1; /* twice that many turns overflow */
    expect_ask(&f, &bad, HG_STATUS_INPUT, "too long");
    bad = good;
    bad.max_tokens = -1;
    expect_ask(&f, &bad, HG_STATUS_USAGE, "-1 tokens");
    bad = good;
    bad.sampling.repetition_penalty = -1;
    expect_ask(&f, &bad, HG_STATUS_USAGE, "repetition penalty");
    bad = good;
    bad.sampling.top_p = 0;
    expect_ask(&f, &bad, HG_STATUS_USAGE, "top-p");
    hg_ask_request text_only = {.question = "What?", .sampling = {.top_p = 1}, .max_tokens = 2};
    hg_ask_result result;
    assert_int_equal(hg_session_ask(f.session, &text_only, &result, NULL), HG_STATUS_OK);
    hg_ask_result_free(&result);
    assert_string_equal(hg_draw_task_name((hg_draw_task)99), "unknown");
    hg_model *model;
    hg_model_options options = {.n_threads = 1 << 20};
    assert_int_equal(hg_model_open(&model, HG_TEST_DATA "/tiny/m3", &options, NULL), HG_STATUS_USAGE);
    assert_null(model);
    check_ask(&f);
    close_fixture(&f);
}

typedef struct stopper {
    const char *stage;
    int64_t at; /* stops when so much is done */
} stopper;

static bool stop_there(void *user, const char *stage, int64_t done, int64_t total)
{
    (void)total;
    const stopper *s = user;
    return strcmp(stage, s->stage) != 0 || done < s->at;
}

/* Whatever stage work is stopped in, the next request gets the right answer. */
static void test_cancelled_work_leaves_the_session_usable(void **state)
{
    (void)state;
    fixture f;
    hg_error err = {HG_STATUS_OK, ""};
    open_fixture(&f, "m3", 2);
    stopper image = {"image", 0}, prompt = {"prompt", 256}, drawing = {"drawing", 5},
            picture = {"picture", 1};
    hg_ask_request ask = request_of(&f);
    ask.progress = (hg_progress){stop_there, &image};
    expect_ask(&f, &ask, HG_STATUS_FAILED, "cancelled");
    check_ask(&f);
    hg_draw_request draw = {.task = HG_DRAW_TASK_RECONSTRUCT,
                            .image = f.image,
                            .text = question_of(&f, "gen"),
                            .sampling = {.top_p = 1},
                            .progress = {stop_there, &prompt}};
    hg_draw_result drawn;
    assert_int_equal(hg_session_draw(f.session, &draw, &drawn, &err), HG_STATUS_FAILED);
    assert_string_equal(err.text, "cancelled");
    check_ask(&f);
    draw.progress.user = &drawing;
    assert_int_equal(hg_session_draw(f.session, &draw, &drawn, &err), HG_STATUS_FAILED);
    check_draw(&f, false);
    draw.progress.user = &picture;
    assert_int_equal(hg_session_draw(f.session, &draw, &drawn, &err), HG_STATUS_FAILED);
    assert_null(drawn.picture);
    check_ask(&f);
    close_fixture(&f);
}

static void test_sampling_is_reproducible(void **state)
{
    (void)state;
    fixture f;
    hg_error err = {HG_STATUS_OK, ""};
    open_fixture(&f, "m3", 2);
    hg_ask_request request = request_of(&f);
    request.sampling = (hg_sampling){.temperature = 1.5, .top_p = 0.95, .top_k = 50, .seed = 3};
    hg_ask_result a, b, c;
    assert_int_equal(hg_session_ask(f.session, &request, &a, &err), HG_STATUS_OK);
    assert_int_equal(hg_session_ask(f.session, &request, &b, &err), HG_STATUS_OK);
    assert_int_equal(a.n_tokens, b.n_tokens);
    assert_memory_equal(a.tokens, b.tokens, a.n_tokens * sizeof *a.tokens);
    request.sampling.seed = 4;
    assert_int_equal(hg_session_ask(f.session, &request, &c, &err), HG_STATUS_OK);
    assert_true(c.n_tokens != a.n_tokens || memcmp(a.tokens, c.tokens, a.n_tokens * sizeof *a.tokens) != 0);
    hg_ask_result_free(&a);
    hg_ask_result_free(&b);
    hg_ask_result_free(&c);
    close_fixture(&f);
}

static void test_missing_model(void **state)
{
    (void)state;
    hg_model *model;
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_model_open(&model, HG_TEST_DATA "/no-such-folder", NULL, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_model_open(&model, HG_TEST_DATA "/text", NULL, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "base/"));
    hg_model_options options = {.cpu_tier = "abacus"};
    assert_int_equal(hg_model_open(&model, HG_TEST_DATA "/tiny/m3", &options, &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "reference"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_m3),
                                       cmocka_unit_test(test_l14),
                                       cmocka_unit_test(test_xl32),
                                       cmocka_unit_test(test_threads_do_not_change_ids),
                                       cmocka_unit_test(test_reference_decoding_checks_the_length),
                                       cmocka_unit_test(test_conversation_reuses_positions),
                                       cmocka_unit_test(test_several_images),
                                       cmocka_unit_test(test_bf16_types),
                                       cmocka_unit_test(test_stream_is_the_answer),
                                       cmocka_unit_test(test_sessions_of_one_model_side_by_side),
                                       cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_hostile_requests),
                                       cmocka_unit_test(test_cancelled_work_leaves_the_session_usable),
                                       cmocka_unit_test(test_sampling_is_reproducible),
                                       cmocka_unit_test(test_missing_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
