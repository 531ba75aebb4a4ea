/* SPDX-License-Identifier: Apache-2.0
 *
 * test_prompt.c: positions of tokens and images, and what two prompts share.
 */
#include "engine/prompt.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void push_image(hg_prompt *p, float value)
{
    hg_error err;
    float *pixels = hg_mem_array(4, sizeof *pixels);
    assert_non_null(pixels);
    pixels[3] = value;
    assert_int_equal(hg_prompt_push_image(p, pixels, 4, 3, &err), HG_STATUS_OK);
}

static void fill(hg_prompt *p, float image, int32_t last)
{
    hg_error err;
    assert_int_equal(hg_prompt_push_token(p, 5, &err), HG_STATUS_OK);
    push_image(p, image);
    assert_int_equal(hg_prompt_push_token(p, last, &err), HG_STATUS_OK);
}

static void test_common_prefix(void **state)
{
    (void)state;
    hg_prompt a = {0}, same = {0}, other_token = {0}, other_image = {0};
    fill(&a, 1, 9);
    fill(&same, 1, 9);
    fill(&other_token, 1, 8);
    fill(&other_image, 2, 9);
    assert_int_equal(a.n_items, 5);
    assert_int_equal(hg_prompt_common(&a, &same), 5);
    assert_int_equal(hg_prompt_common(&a, &other_token), 4);
    assert_int_equal(hg_prompt_common(&a, &other_image), 1);
    hg_prompt_truncate(&same, 2);
    assert_int_equal(hg_prompt_common(&a, &same), 2);
    hg_prompt_deinit(&a);
    hg_prompt_deinit(&same);
    hg_prompt_deinit(&other_token);
    hg_prompt_deinit(&other_image);
}

static void test_copy_keeps_positions_only(void **state)
{
    (void)state;
    hg_error err;
    hg_prompt from = {0}, to = {0};
    fill(&from, 1, 9);
    assert_int_equal(hg_prompt_copy_items(&to, &from, &err), HG_STATUS_OK);
    assert_int_equal(hg_prompt_common(&from, &to), 5);
    assert_int_equal(to.n_images, 0);
    hg_prompt_deinit(&from);
    hg_prompt_deinit(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_common_prefix),
                                       cmocka_unit_test(test_copy_keeps_positions_only)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
