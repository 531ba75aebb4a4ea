/* SPDX-License-Identifier: Apache-2.0
 *
 * test_gguf_builder.c: wrong uses are told, the first of them, whatever comes after. (The bytes are checked
 * in test_gguf_writer.c.)
 */
#include "format_deltas.h"
#include "formats/gguf_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static hg_gguf_builder b;

static int init(void **state)
{
    (void)state;
    hg_gguf_builder_init(&b);
    return 0;
}

static int deinit(void **state)
{
    (void)state;
    hg_gguf_builder_deinit(&b);
    return 0;
}

static void expect_usage(const char *text)
{
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_gguf_builder_status(&b, &err), HG_STATUS_USAGE);
    assert_int_equal(err.code, HG_STATUS_USAGE);
    format_check_text(&err, text);
    assert_int_equal(hg_gguf_builder_status(&b, NULL), HG_STATUS_USAGE);
}

static void test_empty(void **state)
{
    (void)state;
    assert_int_equal(hg_gguf_builder_status(&b, NULL), HG_STATUS_OK);
    hg_gguf_begin_array(&b, "none", HG_GGUF_STRING, 0);
    hg_gguf_put_u32(&b, "after", 1);
    assert_int_equal(hg_gguf_builder_status(&b, NULL), HG_STATUS_OK);
    assert_int_equal(b.n_values, 2);
}

static void test_repeated_key(void **state)
{
    (void)state;
    hg_gguf_put_u32(&b, "a", 1);
    hg_gguf_put_text(&b, "b", "x");
    hg_gguf_put_bool(&b, "a", true);
    expect_usage("'a' comes twice");
}

static void test_empty_key(void **state)
{
    (void)state;
    hg_gguf_put_u32(&b, "", 1);
    expect_usage("a key of 0 bytes");
}

static void test_array_too_short(void **state)
{
    (void)state;
    hg_gguf_begin_array(&b, "a", HG_GGUF_I32, 3);
    hg_gguf_push_i32(&b, 1);
    expect_usage("still wants 2 elements");
}

static void test_value_inside_an_array(void **state)
{
    (void)state;
    hg_gguf_begin_array(&b, "a", HG_GGUF_I32, 1);
    hg_gguf_put_u32(&b, "b", 1);
    hg_gguf_push_i32(&b, 1); /* too late */
    expect_usage("before 'b' still wants 1 elements");
}

static void test_other_element(void **state)
{
    (void)state;
    hg_gguf_begin_array(&b, "a", HG_GGUF_I32, 1);
    hg_gguf_push_f32(&b, 1);
    expect_usage("an element of type f32 in an array of i32");
}

static void test_one_element_too_many(void **state)
{
    (void)state;
    hg_gguf_begin_array(&b, "a", HG_GGUF_STRING, 1);
    hg_gguf_push_text(&b, "x", 1);
    hg_gguf_push_text(&b, "y", 1);
    expect_usage("with room for 0");
}

/* Values of every type, taken from a file that the gguf library wrote. */
static void test_copied_values(void **state)
{
    (void)state;
    hg_gguf *from, *to;
    hg_buffer file;
    assert_int_equal(hg_gguf_open(&from, HG_TEST_DATA "/formats/written.gguf", NULL), HG_STATUS_OK);
    for (size_t i = 0; i < hg_gguf_n_values(from); i++)
        hg_gguf_put_value(&b, hg_gguf_get_value(from, i));
    assert_int_equal(hg_gguf_builder_status(&b, NULL), HG_STATUS_OK);
    assert_int_equal(b.n_values, 12);
    uint8_t head[24] = {'G', 'G', 'U', 'F', 3, [16] = 12};
    hg_buffer_init(&file, (size_t)1 << 20);
    assert_true(hg_buffer_push(&file, head, sizeof head) &&
                hg_buffer_push(&file, b.bytes.data, b.bytes.size));
    assert_int_equal(hg_gguf_open_memory(&to, file.data, file.size, NULL), HG_STATUS_OK);
    uint64_t whole = 0;
    const hg_gguf_value *texts;
    assert_int_equal(hg_gguf_get_u64(to, "k.u64", &whole, NULL), HG_STATUS_OK);
    assert_true(whole == 1ULL << 60);
    assert_int_equal(hg_gguf_get_array(to, "k.texts", HG_GGUF_STRING, &texts, NULL), HG_STATUS_OK);
    assert_int_equal(hg_gguf_array_count(texts), 3);
    assert_memory_equal(hg_gguf_array_string(texts, 1).data, "bc", 2);
    hg_gguf_close(to);
    hg_gguf_close(from);
    hg_buffer_deinit(&file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, init, deinit)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_empty),
                                       TEST(test_repeated_key),
                                       TEST(test_empty_key),
                                       TEST(test_array_too_short),
                                       TEST(test_value_inside_an_array),
                                       TEST(test_other_element),
                                       TEST(test_one_element_too_many),
                                       TEST(test_copied_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
