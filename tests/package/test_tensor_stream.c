/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tensor_stream.c: tensors of awkward sizes arrive whole and in order with any number of threads;
 * numbers that are none are found wherever they are; empty tensors are nothing.
 */
#include "package/tensor_stream.h"
#include "package_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_COUNT 5000000

static float *values;

static int setup(void **state)
{
    values = malloc(MAX_COUNT * sizeof *values);
    for (int i = 0; values != NULL && i < MAX_COUNT; i++)
        values[i] = (float)(i % 251 - 125); /* exact in 16 bits of either kind */
    return values == NULL ? -1 : package_folder_setup(state);
}

static int teardown(void **state)
{
    free(values);
    return package_folder_teardown(state);
}

/* One tensor "t" of f32 in a GGUF file, as `type` in another; what comes out must be what went in. */
static hg_tensor_set *write_source(int64_t rows, int64_t columns)
{
    package_path path = package_path_of("source.gguf");
    hg_gguf_builder b;
    hg_tensor_writer *w;
    hg_tensor_set *set;
    const hg_tensor_spec spec = {"t", HG_DTYPE_F32, 2, {rows, columns}};
    hg_gguf_builder_init(&b);
    hg_gguf_put_text(&b, "general.architecture", "test");
    assert_int_equal(hg_gguf_writer_create(&w, path.text, &b, &spec, 1, NULL), HG_STATUS_OK);
    assert_int_equal(hg_tensor_writer_write(w, values, (size_t)(rows * columns) * sizeof *values, NULL),
                     HG_STATUS_OK);
    assert_int_equal(hg_tensor_writer_finish(w, NULL), HG_STATUS_OK);
    hg_tensor_writer_destroy(w);
    hg_gguf_builder_deinit(&b);
    assert_int_equal(hg_tensor_set_open_file(&set, path.text, NULL), HG_STATUS_OK);
    return set;
}

static hg_status put(const hg_tensor_set *set, hg_dtype type, int n_threads, const package_path *out,
                     bool *bad)
{
    const hg_tensor *t = hg_tensor_set_find(set, "t");
    hg_gguf_builder b;
    hg_tensor_writer *w;
    hg_tensor_stream stream;
    const hg_tensor_spec spec = {"t", type, 2, {t->shape[0], t->shape[1]}};
    hg_gguf_builder_init(&b);
    hg_gguf_put_text(&b, "general.architecture", "test");
    assert_int_equal(hg_gguf_writer_create(&w, out->text, &b, &spec, 1, NULL), HG_STATUS_OK);
    assert_int_equal(hg_tensor_stream_init(&stream, n_threads, NULL, "x", 1, NULL), HG_STATUS_OK);
    hg_status status = hg_tensor_stream_put(&stream, set, t, type, w, bad, NULL);
    hg_tensor_stream_deinit(&stream);
    if (status == HG_STATUS_OK && !*bad)
        status = hg_tensor_writer_finish(w, NULL);
    hg_tensor_writer_destroy(w);
    hg_gguf_builder_deinit(&b);
    return status;
}

static void expect_same(const package_path *path, int64_t count)
{
    hg_tensor_file *file;
    assert_int_equal(hg_tensor_file_open(&file, path->text, NULL), HG_STATUS_OK);
    const hg_tensor *t = hg_tensor_file_find(file, "t");
    float *got = malloc((size_t)count * sizeof *got);
    assert_non_null(got);
    assert_int_equal(hg_tensor_count(t), count);
    hg_dtype_to_real(t->dtype, count, t->data, got);
    assert_memory_equal(got, values, (size_t)count * sizeof *got);
    free(got);
    hg_tensor_file_close(file);
}

static void test_sizes(void **state)
{
    (void)state;
    /* One element; around a task (65536) and a piece (4194304); odd rows; one long row. */
    static const int64_t shapes[][2] = {{1, 1},      {1, 65535},   {3, 65536},   {65537, 1},
                                        {997, 4211}, {1, 4194304}, {2048, 2049}, {1, MAX_COUNT}};
    static const hg_dtype types[] = {HG_DTYPE_F32, HG_DTYPE_F16, HG_DTYPE_BF16};
    package_path out = package_path_of("out.gguf");
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        hg_tensor_set *set = write_source(shapes[s][0], shapes[s][1]);
        bool bad = true;
        assert_int_equal(put(set, types[s % 3], (int)(s % 4) + 1, &out, &bad), HG_STATUS_OK);
        assert_false(bad);
        expect_same(&out, shapes[s][0] * shapes[s][1]);
        hg_tensor_set_close(set);
    }
}

/* Blocks: each 32 numbers with the largest 127 in size are q8_0's own grid, which loses nothing. */
static void test_blocks(void **state)
{
    (void)state;
    static const int64_t shapes[][2] = {{1, 32}, {2049, 2048}, {3, 65568}, {70001, 64}};
    package_path out = package_path_of("out.gguf");
    for (int i = 0; i < MAX_COUNT; i++)
        values[i] = i % 32 == 5 ? 127 : (float)(i % 255 - 127);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        hg_tensor_set *set = write_source(shapes[s][0], shapes[s][1]);
        bool bad = true;
        assert_int_equal(put(set, HG_DTYPE_Q8_0, (int)s + 1, &out, &bad), HG_STATUS_OK);
        assert_false(bad);
        expect_same(&out, shapes[s][0] * shapes[s][1]);
        hg_tensor_set_close(set);
    }
}

static void test_numbers_that_are_none(void **state)
{
    (void)state;
    static const int64_t places[] = {0, 65535, 65536, 4194303, 4194304, MAX_COUNT - 1};
    const float none[] = {NAN, INFINITY, -INFINITY};
    package_path out = package_path_of("out.gguf");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        float kept = values[places[i]];
        bool bad = false;
        values[places[i]] = none[i % 3];
        hg_tensor_set *set = write_source(1, MAX_COUNT);
        values[places[i]] = kept;
        assert_int_equal(put(set, HG_DTYPE_F16, (int)(i % 3) + 1, &out, &bad), HG_STATUS_OK);
        assert_true(bad);
        assert_false(hg_file_exists(out.text));
        hg_tensor_set_close(set);
    }
}

static void test_empty(void **state)
{
    (void)state;
    static const int64_t shapes[][2] = {{0, 32}, {4, 0}, {0, 0}};
    static const hg_dtype types[] = {HG_DTYPE_F32, HG_DTYPE_Q8_0, HG_DTYPE_Q4_K};
    package_path out = package_path_of("out.gguf");
    for (size_t s = 0; s < 9; s++) {
        hg_tensor_set *set = write_source(shapes[s % 3][0], shapes[s % 3][1]);
        const hg_tensor *t = hg_tensor_set_find(set, "t");
        if (t->shape[1] % hg_dtype_block(types[s / 3]) == 0) {
            bool bad = true;
            assert_int_equal(put(set, types[s / 3], 2, &out, &bad), HG_STATUS_OK);
            assert_false(bad);
        }
        hg_tensor_set_close(set);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_sizes), TEST(test_blocks), TEST(test_numbers_that_are_none),
                                       TEST(test_empty)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
