/* SPDX-License-Identifier: Apache-2.0
 *
 * test_gguf.c: metadata of a file written by the gguf library, changes of it that must be refused, and real
 * vocabulary files. Tensors: test_tensor_file.c.
 */
#include "base/file.h"
#include "format_deltas.h"
#include "formats/gguf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static hg_status read_gguf(const uint8_t *data, size_t size, hg_error *err)
{
    hg_gguf *g;
    hg_status status = hg_gguf_open_memory(&g, data, size, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_tensor_list list;
    hg_tensor_list_init(&list, size);
    status = hg_gguf_list_tensors(g, &list, err);
    hg_tensor_list_deinit(&list);
    hg_gguf_close(g);
    return status;
}

static int open_tiny(void **state)
{
    hg_error err;
    hg_gguf *g;
    if (hg_gguf_open(&g, HG_TEST_DATA "/formats/tiny.gguf", &err) != HG_STATUS_OK)
        return -1;
    *state = g;
    return 0;
}

static int close_tiny(void **state)
{
    hg_gguf_close(*state);
    return 0;
}

static void test_integers(void **state)
{
    const hg_gguf *g = *state;
    hg_error err;
    uint32_t u32 = 7;
    int32_t i32 = 7;
    uint64_t u64 = 7;
    assert_int_equal(hg_gguf_get_u32(g, "k.u8", &u32, &err), HG_STATUS_OK);
    assert_int_equal(u32, 200);
    assert_int_equal(hg_gguf_get_u32(g, "k.u32", &u32, &err), HG_STATUS_OK);
    assert_int_equal(u32, 4000000000U);
    assert_int_equal(hg_gguf_get_i32(g, "k.i8", &i32, &err), HG_STATUS_OK);
    assert_int_equal(i32, -100);
    assert_int_equal(hg_gguf_get_i32(g, "k.i16", &i32, &err), HG_STATUS_OK);
    assert_int_equal(i32, -30000);
    assert_int_equal(hg_gguf_get_i32(g, "k.u16", &i32, &err), HG_STATUS_OK);
    assert_int_equal(i32, 60000);
    assert_int_equal(hg_gguf_get_i32(g, "k.i32", &i32, &err), HG_STATUS_OK);
    assert_int_equal(i32, -2000000000);
    assert_int_equal(hg_gguf_get_u64(g, "k.u64", &u64, &err), HG_STATUS_OK);
    assert_true(u64 == (uint64_t)1 << 63);
    assert_int_equal(hg_gguf_get_u64(g, "k.u16", &u64, &err), HG_STATUS_OK);
    assert_int_equal(u64, 60000);
}

static void test_range(void **state)
{
    const hg_gguf *g = *state;
    hg_error err;
    uint32_t u32 = 7;
    int32_t i32 = 7;
    uint64_t u64 = 7;
    assert_int_equal(hg_gguf_get_u32(g, "k.u64", &u32, &err), HG_STATUS_INPUT);
    format_check_text(&err, "key 'k.u64' is negative or larger than 4294967295");
    assert_int_equal(hg_gguf_get_u32(g, "k.i8", &u32, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_gguf_get_u64(g, "k.i64", &u64, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_gguf_get_i32(g, "k.u32", &i32, &err), HG_STATUS_INPUT);
    format_check_text(&err, "key 'k.u32' does not fit 32 bits");
    assert_int_equal(hg_gguf_get_i32(g, "k.i64", &i32, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_gguf_get_i32(g, "nobody", &i32, &err), HG_STATUS_INPUT);
    format_check_text(&err, "key 'nobody' is missing");
    assert_int_equal(hg_gguf_get_i32(g, "k.f32", &i32, &err), HG_STATUS_INPUT);
    format_check_text(&err, "key 'k.f32' is of type f32, expected an integer");
    assert_int_equal(u32, 7);
    assert_int_equal(i32, 7);
    assert_int_equal(u64, 7);
}

static void test_others(void **state)
{
    const hg_gguf *g = *state;
    hg_error err;
    float f = 0;
    bool b = false;
    hg_gguf_text text;
    assert_int_equal(hg_gguf_get_f32(g, "k.f32", &f, &err), HG_STATUS_OK);
    assert_true(f == 0.1F);
    assert_int_equal(hg_gguf_get_f32(g, "k.f64", &f, &err), HG_STATUS_OK);
    assert_true(f == 0.1F);
    assert_int_equal(hg_gguf_get_f32(g, "k.u8", &f, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_gguf_get_bool(g, "k.bool", &b, &err), HG_STATUS_OK);
    assert_true(b);
    assert_int_equal(hg_gguf_get_bool(g, "k.u8", &b, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_gguf_get_string(g, "k.string", &text, &err), HG_STATUS_OK);
    assert_int_equal(text.size, 6);
    assert_memory_equal(text.data, "h\xc3\xa9llo", 6);
    assert_int_equal(hg_gguf_get_string(g, "k.strings", &text, &err), HG_STATUS_INPUT);
    format_check_text(&err, "key 'k.strings' is of type array, expected string");
    assert_true(hg_gguf_string_is(g, "general.architecture", "test"));
    assert_false(hg_gguf_string_is(g, "general.architecture", "tes"));
    assert_int_equal(hg_gguf_n_values(g), 17);
    assert_string_equal(hg_gguf_value_key(hg_gguf_get_value(g, 1)), "k.u8");
    assert_string_equal(hg_gguf_type_name(hg_gguf_value_type(hg_gguf_get_value(g, 1))), "u8");
    assert_null(hg_gguf_get_value(g, 17));
}

static void test_arrays(void **state)
{
    const hg_gguf *g = *state;
    const hg_gguf_value *a;
    hg_error err;
    assert_int_equal(hg_gguf_get_array(g, "k.strings", HG_GGUF_STRING, &a, &err), HG_STATUS_OK);
    assert_int_equal(hg_gguf_array_count(a), 3);
    assert_int_equal(hg_gguf_array_string(a, 1).size, 0);
    assert_int_equal(hg_gguf_array_string(a, 2).size, 6);
    assert_memory_equal(hg_gguf_array_string(a, 2).data, "\xe2\x96\x81the", 6);
    assert_int_equal(hg_gguf_get_array(g, "k.ints", HG_GGUF_I32, &a, &err), HG_STATUS_OK);
    assert_int_equal(hg_gguf_array_i32(a, 1), -1);
    assert_int_equal(hg_gguf_array_i32(a, 2), 2);
    assert_int_equal(hg_gguf_get_array(g, "k.floats", HG_GGUF_F32, &a, &err), HG_STATUS_OK);
    assert_true(hg_gguf_array_f32(a, 1) == -1.5F);
    assert_int_equal(hg_gguf_get_array(g, "k.bools", HG_GGUF_BOOL, &a, &err), HG_STATUS_OK);
    assert_true(hg_gguf_array_bool(a, 0));
    assert_false(hg_gguf_array_bool(a, 1));
    assert_int_equal(hg_gguf_get_array(g, "k.floats", HG_GGUF_I32, &a, &err), HG_STATUS_INPUT);
    format_check_text(&err, "key 'k.floats' is an array of f32, expected i32");
    assert_int_equal(hg_gguf_get_array(g, "k.u8", HG_GGUF_I32, &a, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_gguf_get_array(g, "k.ints", HG_GGUF_U64, &a, &err), HG_STATUS_USAGE);
}

static void test_deltas(void **state)
{
    (void)state;
    static const format_delta deltas[] = {
        FORMAT_DELTA("GGUF", "GGUX", "not a GGUF file"),
        FORMAT_DELTA("GGUF\3\0\0\0", "GGUF\0\0\0\3", "GGUF: version 50331648"),
        FORMAT_DELTA("GGUF\3\0\0\0\4\0\0\0\0\0\0\0", "GGUF\3\0\0\0\4\0\0\0\0\0\0\x80",
                     "9223372036854775812 tensors but"),
        FORMAT_DELTA("\4\0\0\0\0\0\0\0\x11\0\0\0\0\0\0\0", "\4\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
                     "18446744073709551615 values but"),
        FORMAT_DELTA("k.i8", "k.u8", "key 'k.u8' comes twice"),
        FORMAT_DELTA("k.u8\0\0\0\0", "k.u8\x0d\0\0\0", "key 'k.u8': unknown type 13"),
        FORMAT_DELTA("\4\0\0\0\0\0\0\0k.u8", "\4\0\0\0\0\0\0\xffk.u8", "bytes are needed at"),
        FORMAT_DELTA("k.string\x08\0\0\0\6\0\0\0\0\0\0\0",
                     "k.string\x08\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
                     "18446744073709551615 bytes are needed at"),
        FORMAT_DELTA("k.strings\x09\0\0\0\x08\0\0\0\3", "k.strings\x09\0\0\0\x08\0\0\0\xff",
                     "key 'k.strings' has 255 strings but"),
        FORMAT_DELTA("k.strings\x09\0\0\0\x08\0\0\0\3\0\0\0\0\0\0\0",
                     "k.strings\x09\0\0\0\x08\0\0\0\3\0\0\0\0\0\0\x20",
                     "key 'k.strings' has 2305843009213693955 elements but"),
        FORMAT_DELTA("k.strings\x09\0\0\0\x08", "k.strings\x09\0\0\0\x09", "arrays of type 9 are not read"),
        FORMAT_DELTA("weight\2\0\0\0", "weight\5\0\0\0", "tensor 'weight' has 5 dimensions, at most 4"),
        FORMAT_DELTA("weight\2\0\0\0\3\0\0\0\0\0\0\0", "weight\2\0\0\0\3\0\0\0\0\0\0\x80",
                     "tensor 'weight' has a dimension of 9223372036854775811"),
        FORMAT_DELTA("weight\2\0\0\0\3\0\0\0\0\0\0\0", "weight\2\0\0\0\3\0\0\0\0\0\0\x40",
                     "tensor 'weight': its shape is too large"),
        FORMAT_DELTA("weight\2\0\0\0\3\0\0\0\0", "weight\2\0\0\0\3\0\1\0\0",
                     "tensor 'weight' takes 524312 bytes at 0 but"),
        FORMAT_DELTA("blocks\2\0\0\0\x20", "blocks\2\0\0\0\x21",
                     "tensor 'blocks' of type Q8_0 has rows of 33"),
        FORMAT_DELTA("\6\0\0\0\0\0\0\0blocks", "\6\0\0\0\0\0\0\0weight", "two tensors are named 'weight'"),
        FORMAT_DELTA("brain\1\0\0\0\4\0\0\0\0\0\0\0\x1e\0\0\0", "brain\1\0\0\0\4\0\0\0\0\0\0\0\x1e\0\0\0\1",
                     "no multiple of the alignment 32"),
    };
    format_check_deltas("formats/tiny.gguf", read_gguf, deltas, sizeof deltas / sizeof deltas[0]);
}

static void test_truncated(void **state)
{
    (void)state;
    /* Behind the last tensor's 8 bytes the writer pads to 32. */
    format_check_truncated("formats/tiny.gguf", 24, read_gguf);
}

static void check_vocabulary(const char *name, size_t n_tokens, const char *model, const char *first)
{
    char path[HG_PATH_BYTES];
    snprintf(path, sizeof path, "%s/tokenizers/%s", HG_SHARED_DATA, name);
    if (!hg_file_exists(path)) {
        printf("skipped: no shared data\n");
        skip();
    }
    hg_gguf *g;
    hg_error err = {.text = ""};
    const hg_gguf_value *tokens;
    if (hg_gguf_open(&g, path, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_true(hg_gguf_string_is(g, "tokenizer.ggml.model", model));
    assert_int_equal(hg_gguf_get_array(g, "tokenizer.ggml.tokens", HG_GGUF_STRING, &tokens, &err),
                     HG_STATUS_OK);
    assert_int_equal(hg_gguf_array_count(tokens), n_tokens);
    assert_memory_equal(hg_gguf_array_string(tokens, 0).data, first, strlen(first));
    assert_int_equal(hg_gguf_array_string(tokens, 0).size, strlen(first));
    hg_gguf_close(g);
}

/* The numbers of ggml's type enumeration. */
static void test_tensor_types(void **state)
{
    (void)state;
    static const uint32_t numbers[HG_DTYPE_COUNT] = {0, 28, 1, 30, 8, 2, 12, 14};
    for (int i = 0; i < HG_DTYPE_COUNT; i++)
        assert_int_equal(hg_gguf_tensor_type((hg_dtype)i), numbers[i]);
}

static void test_phi3_vocabulary(void **state)
{
    (void)state;
    check_vocabulary("ggml-vocab-phi-3.gguf", 32064, "llama", "<unk>");
}

static void test_gpt2_vocabulary(void **state)
{
    (void)state;
    check_vocabulary("ggml-vocab-gpt-2.gguf", 50257, "gpt2", "!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_integers, open_tiny, close_tiny),
        cmocka_unit_test_setup_teardown(test_range, open_tiny, close_tiny),
        cmocka_unit_test_setup_teardown(test_others, open_tiny, close_tiny),
        cmocka_unit_test_setup_teardown(test_arrays, open_tiny, close_tiny),
        cmocka_unit_test(test_deltas),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_tensor_types),
        cmocka_unit_test(test_phi3_vocabulary),
        cmocka_unit_test(test_gpt2_vocabulary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
