/* SPDX-License-Identifier: Apache-2.0
 *
 * test_public_api.c: a program that knows the public headers and the shared library alone, as users' programs
 * do.
 */
#include <healthgpt/healthgpt.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_ask_through_the_library(void **state)
{
    (void)state;
    hg_error err = {HG_STATUS_OK, ""};
    hg_model *model;
    hg_session *session;
    hg_image *image;
    assert_int_equal(hg_model_open(&model, HG_TEST_DATA "/tiny/m3", NULL, &err), HG_STATUS_OK);
    assert_int_equal(hg_session_create(&session, model, &err), HG_STATUS_OK);
    assert_int_equal(hg_image_open(&image, HG_TEST_DATA "/tiny/image.png", &err), HG_STATUS_OK);
    hg_ask_request request = {.images = (const hg_image *const *)&image,
                              .n_images = 1,
                              .question = "What is it?",
                              .sampling = {.top_p = 1},
                              .max_tokens = 4};
    hg_ask_result result;
    assert_int_equal(hg_session_ask(session, &request, &result, &err), HG_STATUS_OK);
    assert_in_range(result.n_tokens, 1, 4);
    assert_true(strlen(result.answer) > 0);
    hg_ask_result_free(&result);
    hg_image_close(image);
    hg_session_destroy(session);
    hg_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ask_through_the_library)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
