/* SPDX-License-Identifier: Apache-2.0
 *
 * test_pickle.c: the stack machine on Python's own pickles, on changes of them, and on byte strings that
 * break its rules one at a time.
 */
#include "format_deltas.h"
#include "formats/pickle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static hg_status read_pickle(const uint8_t *data, size_t size, hg_error *err)
{
    hg_arena arena;
    hg_arena_init(&arena, 4096, (size_t)1 << 24);
    const hg_pickle_value *value;
    hg_status status = hg_pickle_read(&value, &arena, data, size, err);
    hg_arena_deinit(&arena);
    return status;
}

static void test_values(void **state)
{
    (void)state;
    hg_buffer file = format_read("formats/state.pkl");
    hg_arena arena;
    hg_arena_init(&arena, 4096, (size_t)1 << 24);
    const hg_pickle_value *dict;
    hg_error err;
    assert_int_equal(hg_pickle_read(&dict, &arena, file.data, file.size, &err), HG_STATUS_OK);
    assert_int_equal(dict->kind, HG_PICKLE_DICT);
    assert_int_equal(dict->as.list.n_items, 4);
    const hg_pickle_value *weight = hg_pickle_dict_find(dict, "weight");
    assert_int_equal(weight->kind, HG_PICKLE_TENSOR);
    assert_int_equal(weight->as.tensor->n_dims, 2);
    assert_int_equal(weight->as.tensor->shape[1], 2);
    assert_int_equal(weight->as.tensor->stride[0], 2);
    assert_int_equal(weight->as.tensor->storage->count, 4);
    assert_memory_equal(weight->as.tensor->storage->type.data, "FloatStorage", 12);
    assert_memory_equal(weight->as.tensor->storage->key.data, "0", 1);
    assert_int_equal(hg_pickle_dict_find(dict, "step")->as.integer, 300);
    assert_true(hg_pickle_dict_find(dict, "far")->as.integer == (int64_t)1 << 33);
    assert_int_equal(hg_pickle_dict_find(dict, "name")->as.text.bytes, 1);
    assert_null(hg_pickle_dict_find(dict, "nam"));
    hg_arena_deinit(&arena);
    hg_buffer_deinit(&file);
}

static void test_deltas(void **state)
{
    (void)state;
    static const format_delta deltas[] = {
        FORMAT_DELTA("ctorch\nFloatStorage\n", "cposix\nsystem\n", "global 'posix.system' is not allowed"),
        FORMAT_DELTA("ctorch\nFloatStorage\n", "cos\nsystem\n", "global 'os.system' is not allowed"),
        FORMAT_DELTA("ctorch\nFloatStorage\n", "ctorch\nload\n", "global 'torch.load' is not allowed"),
        FORMAT_DELTA("ctorch\nFloatStorage\n", "ctorch.hub\nFloatStorage\n",
                     "global 'torch.hub.FloatStorage' is not"),
        FORMAT_DELTA("_rebuild_tensor_v2", "_rebuild_tensor_v3",
                     "global 'torch._utils._rebuild_tensor_v3' is not"),
        FORMAT_DELTA("ctorch._utils\n_rebuild_tensor_v2\n", "cpytorch_lightning.x\ny\n",
                     "'y' may not be called"),
        FORMAT_DELTA("ctorch._utils\n_rebuild_tensor_v2\n", "ctorch\nFloatStorage\n",
                     "global 'FloatStorage' may not be called"),
        FORMAT_DELTA("storage", "module!", "a persistent id that is not"),
        FORMAT_DELTA("\x80\x02", "\x80\x04", "pickle: byte 0: protocol 4, only 2 is read"),
        FORMAT_DELTA("\x8a\x05", "\x8a\xff", "a number of 255 bytes, at most 8"),
        FORMAT_DELTA("\x8a\x05", "\x8b\xff\xff\xff\xff", "a number of 4294967295 bytes, at most 8"),
        FORMAT_DELTA("X\x04\0\0\0step", "X\xff\xff\xff\xffstep", "4294967295 bytes are needed but"),
        FORMAT_DELTA("q\0", "r\xff\xff\xff\x7f", "memo slot 2147483647 in a pickle of"),
        FORMAT_DELTA("M,\1", "h\xee", "memo slot 238 is empty"),
        FORMAT_DELTA("M,\1", "I300\n", "opcode 0x49 'I' is not allowed"),
        FORMAT_DELTA("M,\1", "i", "opcode 0x69 'i' is not allowed"),
        FORMAT_DELTA("M,\1", "\x93", "opcode 0x93 '?' is not allowed"),
        FORMAT_DELTA("M,\1", "N.", "the pickle ends with"),
        FORMAT_DELTA("M,\1", "NN", "values do not go into this container"),
        FORMAT_DELTA("M,\1", "N)R", "a value that is not callable is called"),
        FORMAT_DELTA("M,\1", "N}b", "only a dict may have attributes"),
        FORMAT_DELTA("M,\1", "NQ", "a persistent id that is not"),
        FORMAT_DELTA("\x89", "K\1K\1\x89", "expected storage, offset, size, stride, flag, hooks"),
    };
    format_check_deltas("formats/state.pkl", read_pickle, deltas, sizeof deltas / sizeof deltas[0]);
    format_check_truncated("formats/state.pkl", 0, read_pickle);
}

static void check(const char *bytes, size_t n, const char *expected)
{
    hg_error err = {.text = "no error"};
    hg_status status = read_pickle((const uint8_t *)bytes, n, &err);
    format_check_text(&err, expected);
    assert_int_equal(status, expected[0] == 0 ? HG_STATUS_OK : HG_STATUS_INPUT);
}

#define CHECK(bytes, expected) check(bytes, sizeof(bytes) - 1, expected)

static void test_rules(void **state)
{
    (void)state;
    CHECK("N.", "");
    CHECK("]K\1a(K\2K\3e.", "");
    CHECK("(K\1K\2t.", "");
    CHECK("J\xff\xff\xff\xff.", "");
    CHECK("N.N", "1 bytes follow the end");
    CHECK(".", "the pickle ends with 0 values on the stack");
    CHECK("NN.", "the pickle ends with 2 values on the stack");
    CHECK("(N.", "the pickle ends with 1 values on the stack");
    CHECK("N\x85\x86.", "2 values are needed but the stack has 1");
    CHECK("N(\x85.", "1 values are needed but the stack has 0");
    CHECK("N(R.", "2 values are needed but the stack has 0");
    CHECK("Nt.", "no mark on the stack");
    CHECK("Ne.", "no mark on the stack");
    CHECK("(K\1K\2u.", "3 values are needed but the stack has 2");
    CHECK("(u.", "1 values are needed but the stack has 0");
    CHECK("}(K\1u.", "1 values do not go into this container");
    CHECK("}K\1a.", "1 values do not go into this container");
    CHECK("]K\1K\2s.", "2 values do not go into this container");
    CHECK("q\0N.", "1 values are needed but the stack has 0");
    CHECK("ccollections\nOrderedDict\n]R.", "arguments that are not a tuple");
    CHECK("ccollections\nOrderedDict\n]\x85R.", "OrderedDict: no arguments are allowed");
    CHECK("ccollections\nOrderedDict\n)R}b.", "");
    CHECK("ctorch._utils\n_rebuild_parameter\nNNN\x87R.", "_rebuild_parameter: expected tensor");
    CHECK("ctorch._utils\n_rebuild_parameter\n)R.", "_rebuild_parameter: expected tensor");
    CHECK("ccollections", "a global's name does not end within 256 bytes");
    CHECK("", "it ends after 0 bytes without a stop");
}

/* {'best': numpy.float64(3.5), 'n': 7}, as Python's pickle writes it. */
static void test_numpy_scalar(void **state)
{
    (void)state;
    static const char bytes[] =
        "\x80\x02}q\0(X\4\0\0\0bestq\1cnumpy.core.multiarray\nscalar\nq\2cnumpy\ndtype\nq\3X\2\0\0\0f8q\4"
        "\x89\x88\x87q\5Rq\6(K\3X\1\0\0\0<q\7NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tq\x08"
        "b"
        "c_codecs\nencode\nq\tX\x08\0\0\0\0\0\0\0\0\0\x0c@q\nX\6\0\0\0latin1q\x0b\x86q\x0cRq\r\x86q\x0eRq\x0f"
        "X\1\0\0\0nq\x10K\x07u.";
    hg_arena arena;
    hg_arena_init(&arena, 4096, HG_PICKLE_MAX_MEMORY);
    hg_error err = {.text = ""};
    const hg_pickle_value *dict = NULL;
    hg_status status = hg_pickle_read(&dict, &arena, (const uint8_t *)bytes, sizeof bytes - 1, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(status, HG_STATUS_OK);
    assert_int_equal(hg_pickle_dict_find(dict, "best")->kind, HG_PICKLE_NONE);
    assert_int_equal(hg_pickle_dict_find(dict, "n")->as.integer, 7);
    hg_arena_deinit(&arena);
    CHECK("cnumpy._core.multiarray\nscalar\n)R.", "");
    CHECK("cnumpy\nload\n", "global 'numpy.load' is not allowed");
    CHECK("c_codecs\ndecode\n", "global '_codecs.decode' is not allowed");
    CHECK("N}b.", "only a dict may have attributes");
    CHECK("})b.", "only a dict may have attributes");
}

static void test_depth(void **state)
{
    (void)state;
    char marks[400];
    memset(marks, '(', sizeof marks);
    check(marks, sizeof marks, "nested deeper than 256");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_deltas),
                                       cmocka_unit_test(test_rules), cmocka_unit_test(test_numpy_scalar),
                                       cmocka_unit_test(test_depth)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
