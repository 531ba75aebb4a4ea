/* SPDX-License-Identifier: Apache-2.0
 *
 * test_requests.c: several requests to one model at once get what each gets alone, questions and drawings
 * mixed, whichever ends first, fails or is stopped.
 */
#include "formats/tensor_file.h"

#include <healthgpt/healthgpt.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = HG_REQUESTS_MAX };

typedef struct fixture {
    hg_model *model;
    hg_session *sessions[N];
    hg_image *image;
    hg_ask_request ask[N];
    hg_draw_request draw[N];
    hg_request requests[N + 1]; /* one too many */
} fixture;

static const char *const questions[N] = {"Is the heart enlarged?", "What does the image show?",
                                         "Where is the lesion, and how large is it?", "Why?"};

/* As many questions as there can be requests, without images. */
static void open_fixture(fixture *f, const char *name, int n_threads)
{
    char path[512];
    hg_error err = {HG_STATUS_OK, ""};
    const hg_model_options options = {.n_threads = n_threads, .kv_cache = "f32"};
    memset(f, 0, sizeof *f);
    snprintf(path, sizeof path, HG_TEST_DATA "/tiny/%s", name);
    if (hg_model_open(&f->model, path, &options, &err) != HG_STATUS_OK ||
        hg_image_open(&f->image, HG_TEST_DATA "/tiny/image.png", &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    for (int i = 0; i < N; i++) {
        assert_int_equal(hg_session_create(&f->sessions[i], f->model, &err), HG_STATUS_OK);
        f->ask[i] = (hg_ask_request){.question = questions[i],
                                     .sampling = {.temperature = i, .top_p = 1, .seed = (uint64_t)i},
                                     .max_tokens = 3 + 9 * i};
        f->draw[i] = (hg_draw_request){
            .task = HG_DRAW_TASK_RECONSTRUCT, .image = f->image, .sampling = {.temperature = i, .top_p = 1}};
        f->requests[i] = (hg_request){.session = f->sessions[i], .ask = &f->ask[i]};
    }
}

static void free_results(fixture *f)
{
    for (int i = 0; i < N; i++) {
        hg_ask_result_free(&f->requests[i].answer);
        hg_draw_result_free(&f->requests[i].drawing);
    }
}

static void close_fixture(fixture *f)
{
    free_results(f);
    for (int i = 0; i < N; i++)
        hg_session_destroy(f->sessions[i]);
    hg_image_close(f->image);
    hg_model_close(f->model);
}

static void run(fixture *f, size_t n)
{
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_requests_run(f->requests, n, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

static void expect_alone(const fixture *f, const hg_request *r)
{
    hg_session *session;
    hg_error err = {HG_STATUS_OK, ""};
    if (r->status != HG_STATUS_OK)
        fail_msg("%s", r->error.text);
    assert_int_equal(hg_session_create(&session, f->model, &err), HG_STATUS_OK);
    hg_ask_result answer = {0};
    hg_draw_result drawing = {0};
    if (r->ask != NULL) {
        assert_int_equal(hg_session_ask(session, r->ask, &answer, &err), HG_STATUS_OK);
        assert_string_equal(r->answer.answer, answer.answer);
        assert_int_equal(r->answer.n_tokens, answer.n_tokens);
        assert_int_equal(r->answer.stop, answer.stop);
        assert_memory_equal(r->answer.tokens, answer.tokens, answer.n_tokens * sizeof *answer.tokens);
    } else {
        assert_int_equal(hg_session_draw(session, r->draw, &drawing, &err), HG_STATUS_OK);
        assert_int_equal(r->drawing.n_codes, drawing.n_codes);
        assert_memory_equal(r->drawing.codes, drawing.codes, drawing.n_codes * sizeof *drawing.codes);
        assert_non_null(r->drawing.picture);
    }
    hg_ask_result_free(&answer);
    hg_draw_result_free(&drawing);
    hg_session_destroy(session);
}

/* Questions of different lengths, greedy and not: they end one after the other. */
static void test_questions(void **state)
{
    (void)state;
    static const char *const models[] = {"m3", "xl32"};
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        for (size_t n = 0; n <= N; n++) {
            fixture f;
            open_fixture(&f, models[m], n % 2 == 0 ? 2 : 3);
            run(&f, n);
            for (size_t i = 0; i < n; i++)
                expect_alone(&f, &f.requests[i]);
            close_fixture(&f);
        }
    }
}

/* Both tasks, in turns: each with its own plug-in, embedding and head. */
static void test_both_tasks(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, "m3", 2);
    for (int i = 0; i < N; i += 2) {
        f.requests[i].ask = NULL;
        f.requests[i].draw = &f.draw[i];
    }
    run(&f, N);
    for (int i = 0; i < N; i++)
        expect_alone(&f, &f.requests[i]);
    close_fixture(&f);
}

/* What PyTorch gave for the picture, drawn beside other requests. */
static void test_pytorch(void **state)
{
    (void)state;
    fixture f;
    hg_tensor_file *golden;
    hg_error err = {HG_STATUS_OK, ""};
    open_fixture(&f, "m3", 2);
    assert_int_equal(hg_tensor_file_open(&golden, HG_TEST_DATA "/tiny/m3/golden.safetensors", &err),
                     HG_STATUS_OK);
    const hg_tensor *want = hg_tensor_file_find(golden, "gen.codes");
    assert_non_null(want);
    f.requests[2].ask = NULL;
    f.requests[2].draw = &f.draw[0];
    run(&f, 3);
    const hg_draw_result *got = &f.requests[2].drawing;
    assert_int_equal(got->n_codes, want->shape[0]);
    for (size_t i = 0; i < got->n_codes; i++)
        assert_int_equal(got->codes[i], (int32_t)((const float *)want->data)[i]);
    hg_tensor_file_close(golden);
    close_fixture(&f);
}

/* Questions about one image: it is read once, also when it was read for an earlier request, in another
 * session. */
static void test_shared_image(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, "m3", 2);
    for (int i = 0; i < N; i++) {
        f.ask[i].images = (const hg_image *const *)&f.image;
        f.ask[i].n_images = 1;
    }
    run(&f, 2);
    assert_int_equal(f.requests[0].answer.n_reused_tokens, 0);
    assert_in_range(f.requests[1].answer.n_reused_tokens, 577, f.requests[1].answer.n_prompt_tokens - 1);
    free_results(&f);
    f.requests[0] = (hg_request){.session = f.sessions[2], .ask = &f.ask[2]};
    f.requests[1] = (hg_request){.session = f.sessions[0], .ask = &f.ask[3]};
    run(&f, 2);
    for (int i = 0; i < 2; i++) {
        assert_in_range(f.requests[i].answer.n_reused_tokens, 577, f.requests[i].answer.n_prompt_tokens - 1);
        expect_alone(&f, &f.requests[i]);
    }
    close_fixture(&f);
}

/* A session goes on from where a request together with others left it. */
static void test_conversation(void **state)
{
    (void)state;
    fixture f;
    hg_error err = {HG_STATUS_OK, ""};
    hg_ask_result again, alone;
    open_fixture(&f, "m3", 2);
    run(&f, 3);
    const hg_turn turn = {questions[2], f.requests[2].answer.answer};
    const hg_ask_request next = {
        .question = "And then?", .history = &turn, .n_history = 1, .sampling = {.top_p = 1}, .max_tokens = 4};
    assert_int_equal(hg_session_ask(f.sessions[2], &next, &again, &err), HG_STATUS_OK);
    assert_int_equal(hg_session_ask(f.sessions[3], &next, &alone, &err), HG_STATUS_OK);
    assert_true(again.n_reused_tokens >= f.requests[2].answer.n_prompt_tokens);
    assert_int_equal(again.n_tokens, alone.n_tokens);
    assert_memory_equal(again.tokens, alone.tokens, alone.n_tokens * sizeof *alone.tokens);
    hg_ask_result_free(&again);
    hg_ask_result_free(&alone);
    close_fixture(&f);
}

static bool stop_at_once(void *user, const char *text, size_t n)
{
    (void)user;
    (void)text;
    (void)n;
    return false;
}

static bool cancel_drawing(void *user, const char *stage, int64_t done, int64_t total)
{
    (void)user;
    (void)total;
    return strcmp(stage, "drawing") != 0 || done < 5;
}

/* One has no question, one is stopped, one cancelled while it is drawn; the last does not notice. */
static void test_one_fails(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, "m3", 2);
    f.ask[0].question = " ";
    f.ask[1].on_text = stop_at_once;
    f.requests[2].ask = NULL;
    f.requests[2].draw = &f.draw[2];
    f.draw[2].progress.report = cancel_drawing;
    run(&f, N);
    assert_int_equal(f.requests[0].status, HG_STATUS_USAGE);
    assert_non_null(strstr(f.requests[0].error.text, "empty"));
    assert_null(f.requests[0].answer.answer);
    assert_int_equal(f.requests[1].status, HG_STATUS_OK);
    assert_int_equal(f.requests[1].answer.stop, HG_STOP_CANCELLED);
    assert_int_equal(f.requests[2].status, HG_STATUS_FAILED);
    assert_string_equal(f.requests[2].error.text, "cancelled");
    assert_null(f.requests[2].drawing.codes);
    expect_alone(&f, &f.requests[3]);
    close_fixture(&f);
}

/* Keys and values of the tiny model take a few megabytes: there is memory for all. */
static void test_advised(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, "m3", 2);
    assert_int_equal(hg_requests_advised(f.model), HG_REQUESTS_MAX);
    close_fixture(&f);
}

static void expect_usage(fixture *f, size_t n, const char *text)
{
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_requests_run(f->requests, n, &err), HG_STATUS_USAGE);
    if (strstr(err.text, text) == NULL)
        fail_msg("'%s' is not in: %s", text, err.text);
}

static void test_refusals(void **state)
{
    (void)state;
    fixture f, other;
    open_fixture(&f, "m3", 2);
    open_fixture(&other, "m3", 2);
    expect_usage(&f, N + 1, "only 4");
    f.requests[1].session = f.sessions[0];
    expect_usage(&f, 2, "requests 1 and 2 share a session");
    f.requests[1].session = other.sessions[1];
    expect_usage(&f, 2, "request 2 is to another model");
    f.requests[0].draw = &f.draw[0];
    expect_usage(&f, 1, "not either");
    f.requests[0].ask = NULL;
    f.requests[0].draw = NULL;
    expect_usage(&f, 1, "not either");
    close_fixture(&f);
    close_fixture(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_questions),    cmocka_unit_test(test_both_tasks),
        cmocka_unit_test(test_pytorch),      cmocka_unit_test(test_shared_image),
        cmocka_unit_test(test_conversation), cmocka_unit_test(test_one_fails),
        cmocka_unit_test(test_advised),      cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
