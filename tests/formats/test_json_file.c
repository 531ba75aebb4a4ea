/* SPDX-License-Identifier: Apache-2.0
 *
 * test_json_file.c: what Python's json module writes and jansson alone would refuse or not bound.
 */
#include "formats/json_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static hg_status parse(json_t **out, const char *text, hg_error *err)
{
    return hg_json_parse(out, "x.json", text, strlen(text), HG_JSON_CONFIG_BYTES, err);
}

/* transformers writes int(1e30) as model_max_length of a tokenizer without a limit. */
static void test_long_integers(void **state)
{
    (void)state;
    hg_error err = {HG_STATUS_OK, ""};
    json_t *json = NULL;
    assert_int_equal(
        parse(&json,
              "{\"model_max_length\": 1000000000000000019884624838656, \"low\": -98765432109876543210,\n"
              " \"ids\": [5, 12345678901234567890], \"text\": \"\\\"12345678901234567890\", \"last\": 7,"
              " \"real\": 0.12345678901234567890, \"power\": 1.5e2}",
              &err),
        HG_STATUS_OK);
    assert_true(json_real_value(json_object_get(json, "model_max_length")) == 1e30);
    assert_true(json_real_value(json_object_get(json, "low")) == -98765432109876543200.0);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(json, "ids"), 0)), 5);
    assert_true(json_is_real(json_array_get(json_object_get(json, "ids"), 1)));
    assert_string_equal(json_string_value(json_object_get(json, "text")), "\"12345678901234567890");
    assert_int_equal(json_integer_value(json_object_get(json, "last")), 7);
    assert_true(json_real_value(json_object_get(json, "real")) == 0.12345678901234567890);
    assert_true(json_real_value(json_object_get(json, "power")) == 150.0);
    int64_t value = 3;
    assert_int_equal(hg_json_get_int(json, "x.json", "low", -9, 9, &value, &err), HG_STATUS_INPUT);
    assert_string_equal(err.text, "x.json: low is not a whole number");
    json_decref(json);
}

static void check_refused(const char *text, const char *reason)
{
    hg_error err = {HG_STATUS_OK, ""};
    json_t *json = NULL;
    assert_int_equal(parse(&json, text, &err), HG_STATUS_INPUT);
    assert_null(json);
    assert_non_null(strstr(err.text, reason));
}

static void test_refused(void **state)
{
    (void)state;
    check_refused("{\"a\": 1, \"a\": 2}", "duplicate object key");
    check_refused("{\"a\": 1000000000000000000000, \"a\": 2}", "duplicate object key");
    check_refused("{\"a\": 1e999}", "line 1 column 11: real number overflow");
    check_refused("{\"a\": 1000000000000000000000", "'}' expected");
    check_refused("{\"a\": 1000000000000000000000x}", "near 'x'");
    check_refused("[1]", "not a JSON object");
    check_refused("", "not valid JSON");
}

static void test_too_long(void **state)
{
    (void)state;
    hg_error err = {HG_STATUS_OK, ""};
    json_t *json = NULL;
    assert_int_equal(hg_json_parse(&json, "x.json", "{}   ", 5, 4, &err), HG_STATUS_INPUT);
    assert_string_equal(err.text, "x.json: 5 bytes, at most 4 are read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_long_integers), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_too_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
