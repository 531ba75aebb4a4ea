/* SPDX-License-Identifier: Apache-2.0
 *
 * test_safetensors.c: headers that must be refused. Good files: test_tensor_file.c.
 */
#include "format_deltas.h"
#include "formats/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static hg_status read_list(const uint8_t *data, size_t size, hg_error *err)
{
    hg_tensor_list list;
    hg_tensor_list_init(&list, size);
    hg_status status = hg_safetensors_read(&list, data, size, err);
    hg_tensor_list_deinit(&list);
    return status;
}

static void test_deltas(void **state)
{
    (void)state;
    static const format_delta deltas[] = {
        FORMAT_DELTA("[1, 13]", "[1, 14]", "tensor 'single' ends at 14 but the file has 13"),
        FORMAT_DELTA("[1, 13]", "[0, 12]", "tensor 'single' begins at 0 but 'byte' ends at 1"),
        FORMAT_DELTA("[1, 13]", "[13, 1]", "tensor 'single': its data_offsets are not [begin, end]"),
        FORMAT_DELTA("[1, 13]", "[-1, 1]", "its data_offsets are not"),
        FORMAT_DELTA("[3], \"d", "[4], \"d", "4 elements of type F32 do not fill its 12 bytes"),
        FORMAT_DELTA("[3], \"d", "[-], \"d", "not valid JSON"),
        FORMAT_DELTA("\"F32\"", "\"F64\"", "3 elements of type F64 do not fill"),
        FORMAT_DELTA("\"F32\"", "  32 ", "tensor 'single': no dtype"),
        FORMAT_DELTA("single", "byte\",\"", "not valid JSON"),
        FORMAT_DELTA("{\"byte\"", "[\"byte\"", "not valid JSON"),
    };
    format_check_deltas("formats/odd.safetensors", read_list, deltas, sizeof deltas / sizeof deltas[0]);
}

/* A file of a header and 8 bytes of data. */
static void check_header(const char *header, const char *expected)
{
    uint8_t file[1024] = {0};
    size_t n = strlen(header);
    assert_true(n + 16 <= sizeof file);
    file[0] = (uint8_t)n;
    file[1] = (uint8_t)(n >> 8);
    memcpy(file + 8, header, n);
    hg_error err = {.text = "no error"};
    hg_status status = read_list(file, n + 16, &err);
    format_check_text(&err, expected);
    assert_int_equal(status, expected[0] == 0 ? HG_STATUS_OK : HG_STATUS_INPUT);
}

static void test_headers(void **state)
{
    (void)state;
    check_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "");
    check_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]}}",
                 "tensor 'a': its shape is too large");
    check_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[0,4294967296,4294967296],\"data_offsets\":[0,0]}}",
                 "tensor 'a': its shape is too large");
    check_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905],\"data_offsets\":[0,4]}}",
                 "tensor 'a': its shape is too large");
    check_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,8]}}",
                 "dimension 0 is not a whole number");
    check_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,8]}}",
                 "dimension 0 is not a whole number");
    check_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}",
                 "dimension 0 is not a whole number");
    check_header("{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}",
                 "its shape is not an array");
    check_header(
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}",
        "17 dimensions");
    check_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4,8]}}",
                 "data_offsets are not");
    check_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", "data_offsets are not");
    check_header("{\"a\":[]}", "tensor 'a': not described by an object");
    check_header("{\"\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "empty name");
    check_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                 "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                 "duplicate");
    check_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                 "\"b\":{\"dtype\":\"NEW\",\"shape\":[1],\"data_offsets\":[4,6]}}",
                 "tensor 'b' begins at 4 but 'a' ends at 8");
}

static void test_length(void **state)
{
    (void)state;
    const uint8_t huge[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, '{', '}'};
    hg_error err;
    assert_int_equal(read_list(huge, sizeof huge, &err), HG_STATUS_INPUT);
    format_check_text(&err, "the header has 9223372036854775807 bytes but the file 16");
    assert_false(hg_safetensors_detect(huge, sizeof huge));
    format_check_truncated("formats/odd.safetensors", 0, read_list);
    format_check_truncated("formats/tiny.safetensors", 0, read_list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_deltas), cmocka_unit_test(test_headers),
                                       cmocka_unit_test(test_length)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
