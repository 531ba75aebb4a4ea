/* SPDX-License-Identifier: Apache-2.0
 *
 * test_error.c: one printable line of bounded length, whatever a file's contents bring into it.
 */
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_set(void **state)
{
    (void)state;
    hg_error err = {0};
    assert_int_equal(
        hg_error_set(&err, HG_STATUS_INPUT, "tensor '%s' has %d bytes", "a\nb\tc\x1b[31m\x7f", 5),
        HG_STATUS_INPUT);
    assert_int_equal(err.code, HG_STATUS_INPUT);
    assert_string_equal(err.text, "tensor 'a?b?c?[31m?' has 5 bytes");
    hg_error_set(&err, HG_STATUS_INPUT, "%s", "caf\xc3\xa9"); /* UTF-8 stays */
    assert_string_equal(err.text, "caf\xc3\xa9");
}

static void test_null(void **state)
{
    (void)state;
    assert_int_equal(hg_error_set(NULL, HG_STATUS_FAILED, "%d", 1), HG_STATUS_FAILED);
    assert_int_equal(hg_error_prefix(NULL, HG_STATUS_INPUT, "%d", 1), HG_STATUS_INPUT);
    assert_int_equal(hg_error_memory(NULL, 1, "x"), HG_STATUS_FAILED);
}

static void test_truncation(void **state)
{
    (void)state;
    char large[4 * HG_ERROR_TEXT_BYTES];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = 0;
    hg_error err = {0};
    hg_error_set(&err, HG_STATUS_INPUT, "%s", large);
    assert_int_equal(strlen(err.text), HG_ERROR_TEXT_BYTES - 1);
    hg_error_prefix(&err, HG_STATUS_INPUT, "%s", large);
    assert_int_equal(strlen(err.text), HG_ERROR_TEXT_BYTES - 1);
    memset(large, 'x', HG_ERROR_TEXT_BYTES - 2); /* a character of two bytes lies across the border */
    memcpy(large + HG_ERROR_TEXT_BYTES - 2, "\xc3\xa9", 2);
    hg_error_set(&err, HG_STATUS_INPUT, "%s", large);
    assert_int_equal(strlen(err.text), HG_ERROR_TEXT_BYTES - 2);
    assert_int_equal(err.text[HG_ERROR_TEXT_BYTES - 3], 'x');
    hg_error_set(&err, HG_STATUS_INPUT, "short");
    hg_error_prefix(&err, HG_STATUS_INPUT, "%s", large);
    assert_int_equal(strlen(err.text), HG_ERROR_TEXT_BYTES - 1);
}

/* The arguments may point into the error itself. */
static void test_aliasing(void **state)
{
    (void)state;
    hg_error err = {0};
    hg_error_set(&err, HG_STATUS_INPUT, "inner");
    hg_error_set(&err, HG_STATUS_FAILED, "outer: %s", err.text);
    assert_string_equal(err.text, "outer: inner");
    hg_error_prefix(&err, HG_STATUS_FAILED, "file %d", 3);
    assert_string_equal(err.text, "file 3: outer: inner");
}

static void test_memory(void **state)
{
    (void)state;
    hg_error err = {0};
    assert_int_equal(hg_error_memory(&err, 123, "codes"), HG_STATUS_FAILED);
    assert_string_equal(err.text, "out of memory (123 bytes for codes)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),      cmocka_unit_test(test_null),   cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_aliasing), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
