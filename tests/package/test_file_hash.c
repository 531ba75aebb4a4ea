/* SPDX-License-Identifier: Apache-2.0
 *
 * test_file_hash.c: against the values of Python's hashlib.
 */
#include "package/file_hash.h"
#include "package_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_hash(const void *bytes, size_t n, const char *want)
{
    package_path path = package_path_of("file");
    char got[HG_FILE_HASH_BYTES];
    hg_hash_progress progress = {.total = n};
    package_write(&path, bytes, n);
    assert_int_equal(hg_file_hash(path.text, got, &progress, NULL), HG_STATUS_OK);
    assert_string_equal(got, want);
    assert_int_equal(progress.done, n);
}

static void test_values(void **state)
{
    (void)state;
    enum { LARGE = 5000000 }; /* more than one piece */
    expect_hash("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect_hash("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    uint8_t *bytes = malloc(LARGE);
    assert_non_null(bytes);
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (uint8_t)(i * 7 % 251);
    expect_hash(bytes, LARGE, "d84e6c2e3c7e4d6a74aaec75cb58991e1da28f5d5299eb3455f3099907ad456b");
    free(bytes);
}

static bool stop(void *user, const char *stage, int64_t done, int64_t total)
{
    *(int *)user += 1;
    assert_string_equal(stage, "hashing");
    assert_true(done == 2 && total == 7);
    return false;
}

static void test_failures(void **state)
{
    (void)state;
    package_path path = package_path_of("missing");
    char got[HG_FILE_HASH_BYTES];
    int calls = 0;
    hg_error err = {HG_STATUS_OK, ""};
    const hg_progress stops = {stop, &calls};
    hg_hash_progress progress = {&stops, "hashing", 0, 7900000};
    assert_int_equal(hg_file_hash(path.text, got, &progress, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "missing: No such file"));
    assert_int_equal(hg_file_hash("/tmp", got, &progress, &err), HG_STATUS_INPUT); /* a folder */
    assert_int_equal(calls, 0);
    static const uint8_t zeros[2500000];
    package_write(&path, zeros, sizeof zeros);
    assert_int_equal(hg_file_hash(path.text, got, &progress, &err), HG_STATUS_FAILED);
    assert_string_equal(err.text, "cancelled");
    assert_int_equal(calls, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, package_folder_setup, package_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_values), TEST(test_failures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
