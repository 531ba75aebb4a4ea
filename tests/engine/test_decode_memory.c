/* SPDX-License-Identifier: Apache-2.0
 *
 * test_decode_memory.c: once a request is on its way, a token of an answer and a code of a picture take no
 * memory from the system. The linker sends the allocator calls of base/memory.c, the only ones there are,
 * through the counters here; the program itself has no part in it.
 */
#include "engine/engine.h"
#include "engine/random_package.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

#define IMAGE HG_TEST_DATA "/tiny/image.png"

static atomic_llong n_calls;

/* Names that the linker's --wrap wants. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t bytes);
int __real_posix_memalign(void **p, size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t bytes);
int __wrap_posix_memalign(void **p, size_t alignment, size_t bytes);
/* NOLINTEND(bugprone-reserved-identifier) */

void *__wrap_malloc(size_t bytes)
{
    atomic_fetch_add(&n_calls, 1);
    return __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t size)
{
    atomic_fetch_add(&n_calls, 1);
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t bytes)
{
    atomic_fetch_add(&n_calls, 1);
    return __real_realloc(p, bytes);
}

int __wrap_posix_memalign(void **p, size_t alignment, size_t bytes)
{
    atomic_fetch_add(&n_calls, 1);
    return __real_posix_memalign(p, alignment, bytes);
}

/* The part of a stage that is watched; the work is stopped at its end. */
typedef struct window {
    const char *stage;
    int64_t first, last;
    long long at_first, at_last; /* calls so far; -1: not reached */
} window;

static bool watch(void *user, const char *stage, int64_t done, int64_t total)
{
    (void)total;
    window *w = user;
    if (strcmp(stage, w->stage) != 0)
        return true;
    if (done == w->first)
        w->at_first = atomic_load(&n_calls);
    if (done == w->last)
        w->at_last = atomic_load(&n_calls);
    return done < w->last;
}

static void expect_no_calls(const window *w, const char *what)
{
    assert_true(w->at_first > 0); /* opening and reading allocate: the counters are connected */
    assert_true(w->at_last > 0);
    if (w->at_last != w->at_first)
        fail_msg("%s, %s %lld to %lld: %lld allocations", what, w->stage, (long long)w->first,
                 (long long)w->last, w->at_last - w->at_first);
}

static bool take_text(void *user, const char *text, size_t n)
{
    (void)text;
    *(size_t *)user += n;
    return true;
}

/* A short question, whose list of positions would have to grow, and one about an image. */
static void check_ask(hg_session *s, const hg_image *image, const char *what)
{
    hg_error err = {HG_STATUS_OK, ""};
    window w = {.stage = "answer", .first = 8, .last = 32, .at_first = -1, .at_last = -1};
    size_t n_bytes = 0;
    hg_ask_result result;
    const hg_ask_request request = {.images = &image,
                                    .n_images = image != NULL ? 1 : 0,
                                    .question = "What?",
                                    .sampling = {.top_p = 1},
                                    .on_text = take_text,
                                    .on_text_user = &n_bytes,
                                    .progress = {watch, &w}};
    if (hg_session_ask(s, &request, &result, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(result.n_tokens, 32);
    assert_true(n_bytes > 0);
    hg_ask_result_free(&result);
    expect_no_calls(&w, what);
}

static void check_draw(hg_session *s, const hg_image *image, const char *what)
{
    hg_error err = {HG_STATUS_OK, ""};
    window w = {.stage = "drawing", .first = 8, .last = 64, .at_first = -1, .at_last = -1};
    hg_draw_result result;
    const hg_draw_request request = {
        .task = HG_DRAW_TASK_RECONSTRUCT, .image = image, .sampling = {.top_p = 1}, .progress = {watch, &w}};
    assert_int_equal(hg_session_draw(s, &request, &result, &err), HG_STATUS_FAILED);
    assert_string_equal(err.text, "cancelled");
    expect_no_calls(&w, what);
}

static void check(const char *type, int n_threads, const char *kv_cache)
{
    const random_path package = random_package_make(type);
    hg_model *model;
    hg_session *session;
    hg_image *image;
    hg_error err = {HG_STATUS_OK, ""};
    const hg_model_options options = {.n_threads = n_threads, .kv_cache = kv_cache};
    if (hg_model_open(&model, package.text, &options, &err) != HG_STATUS_OK ||
        hg_image_open(&image, IMAGE, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    model->weights.generation.n_stop_ids = 0; /* random answers must not end early */
    for (int i = 0; i < 3; i++) {             /* each in a session of its own: nothing is left from before */
        if (hg_session_create(&session, model, &err) != HG_STATUS_OK)
            fail_msg("%s", err.text);
        if (i < 2)
            check_ask(session, i == 0 ? NULL : image, type);
        else
            check_draw(session, image, type);
        hg_session_destroy(session);
    }
    hg_image_close(image);
    hg_model_close(model);
}

static void test_blocks(void **state)
{
    (void)state;
    check("q4_k", 1, "f32");
    check("q4_0", 3, "q8_0");
}

static void test_dense(void **state)
{
    (void)state;
    check("bf16", 3, "f16");
    check("f32", 1, "f32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_blocks), cmocka_unit_test(test_dense)};
    return cmocka_run_group_tests(tests, random_package_setup, random_package_teardown);
}
