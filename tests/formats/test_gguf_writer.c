/* SPDX-License-Identifier: Apache-2.0
 *
 * test_gguf_writer.c: the file is, byte for byte, what the gguf library writes
 * (reference/make_gguf_written.py); and what is refused.
 */
#include "base/file.h"
#include "format_deltas.h"
#include "formats/tensor_file.h"
#include "formats/tensor_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static int make_path(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/hg_gguf_writer_XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static const hg_tensor_spec specs[] = {
    {"a.f32", HG_DTYPE_F32, 2, {2, 3}},        {"a.f16", HG_DTYPE_F16, 1, {5}},
    {"a.bf16", HG_DTYPE_BF16, 1, {3}},         {"a.q8_0", HG_DTYPE_Q8_0, 2, {2, 64}},
    {"a.q4_0", HG_DTYPE_Q4_0, 2, {3, 32}},     {"a.q4_k", HG_DTYPE_Q4_K, 2, {1, 256}},
    {"a.q6_k", HG_DTYPE_Q6_K, 3, {2, 2, 256}},
};
static const size_t spec_bytes[] = {24, 10, 6, 136, 54, 144, 840};
#define N_SPECS (sizeof specs / sizeof *specs)

static void put_values(hg_gguf_builder *b)
{
    static const char *const texts[] = {"a", "bc", "\xc3\xa4"};
    static const bool flags[] = {true, false, true};
    hg_gguf_put_text(b, "general.architecture", "test");
    hg_gguf_put_u32(b, "k.u32", 4000000000);
    hg_gguf_put_i32(b, "k.i32", -7);
    hg_gguf_put_u64(b, "k.u64", 1ULL << 60);
    hg_gguf_put_f32(b, "k.f32", 0.1F);
    hg_gguf_put_f64(b, "k.f64", 0.1);
    hg_gguf_put_bool(b, "k.bool", true);
    hg_gguf_put_text(b, "k.text",
                     "Gr\xc3\xbc\xc3\x9f"
                     "e");
    hg_gguf_begin_array(b, "k.i32s", HG_GGUF_I32, 3);
    for (int32_t i = 1; i <= 3; i++)
        hg_gguf_push_i32(b, i == 2 ? -2 : i);
    hg_gguf_begin_array(b, "k.f32s", HG_GGUF_F32, 2);
    hg_gguf_push_f32(b, 0.5F);
    hg_gguf_push_f32(b, -1.5F);
    hg_gguf_begin_array(b, "k.bools", HG_GGUF_BOOL, 3);
    for (size_t i = 0; i < 3; i++)
        hg_gguf_push_bool(b, flags[i]);
    hg_gguf_begin_array(b, "k.texts", HG_GGUF_STRING, 3);
    for (size_t i = 0; i < 3; i++)
        hg_gguf_push_text(b, texts[i], strlen(texts[i]));
}

/* The data of all tensors in pieces that do not respect their borders. */
static void write_data(hg_tensor_writer *w, size_t piece)
{
    uint8_t all[2048];
    size_t n = 0;
    for (size_t t = 0; t < N_SPECS; t++) {
        for (size_t i = 0; i < spec_bytes[t]; i++)
            all[n++] = (uint8_t)((i * 7 + t) % 251);
    }
    for (size_t at = 0; at < n; at += piece)
        assert_int_equal(hg_tensor_writer_write(w, all + at, at + piece < n ? piece : n - at, NULL),
                         HG_STATUS_OK);
}

static void test_same_bytes(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 7, 100, 4096};
    hg_buffer want = format_read("formats/written.gguf");
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        hg_gguf_builder b;
        hg_tensor_writer *w;
        hg_buffer got;
        hg_gguf_builder_init(&b);
        put_values(&b);
        assert_int_equal(hg_gguf_writer_create(&w, path, &b, specs, N_SPECS, NULL), HG_STATUS_OK);
        hg_gguf_builder_deinit(&b);
        assert_int_equal(hg_tensor_writer_file_bytes(w), want.size);
        write_data(w, pieces[i]);
        assert_int_equal(hg_tensor_writer_finish(w, NULL), HG_STATUS_OK);
        hg_tensor_writer_destroy(w);
        hg_buffer_init(&got, (size_t)1 << 20);
        assert_int_equal(hg_file_read(path, &got, NULL), HG_STATUS_OK);
        assert_int_equal(got.size, want.size);
        assert_memory_equal(got.data, want.data, want.size);
        hg_buffer_deinit(&got);
    }
    hg_buffer_deinit(&want);
}

static void test_reads_the_library_file(void **state)
{
    (void)state;
    hg_tensor_file *file;
    assert_int_equal(hg_tensor_file_open(&file, HG_TEST_DATA "/formats/written.gguf", NULL), HG_STATUS_OK);
    assert_int_equal(hg_tensor_file_n_tensors(file), N_SPECS);
    for (size_t t = 0; t < N_SPECS; t++) {
        const hg_tensor *tensor = hg_tensor_file_find(file, specs[t].name);
        assert_non_null(tensor);
        assert_int_equal(tensor->dtype, specs[t].dtype);
        assert_int_equal(tensor->n_dims, specs[t].n_dims);
        assert_memory_equal(tensor->shape, specs[t].shape, (size_t)tensor->n_dims * sizeof *tensor->shape);
        assert_int_equal(hg_tensor_bytes(tensor), spec_bytes[t]);
        for (size_t i = 0; i < spec_bytes[t]; i++)
            assert_int_equal(((const uint8_t *)tensor->data)[i], (i * 7 + t) % 251);
    }
    hg_tensor_file_close(file);
}

static void expect_usage(const hg_tensor_spec *spec, size_t n, const char *text)
{
    hg_gguf_builder b;
    hg_tensor_writer *w;
    hg_error err = {HG_STATUS_OK, ""};
    hg_gguf_builder_init(&b);
    hg_gguf_put_text(&b, "general.architecture", "test");
    assert_int_equal(hg_gguf_writer_create(&w, path, &b, spec, n, &err), HG_STATUS_USAGE);
    assert_null(w);
    format_check_text(&err, text);
    hg_gguf_builder_deinit(&b);
}

static void test_refused(void **state)
{
    (void)state;
    static const char name_63[] = "a23456789012345678901234567890123456789012345678901234567890123";
    static const char name_64[] = "a234567890123456789012345678901234567890123456789012345678901234";
    assert_int_equal(strlen(name_63), 63);
    expect_usage(&(hg_tensor_spec){name_64, HG_DTYPE_F32, 1, {1}}, 1, "at most 63 bytes");
    expect_usage(&(hg_tensor_spec){"a", HG_DTYPE_Q8_0, 1, {33}}, 1, "no multiple of q8_0's 32");
    expect_usage(&(hg_tensor_spec){"a", HG_DTYPE_Q4_K, 2, {256, 32}}, 1, "no multiple of q4_k's 256");
    expect_usage(&(hg_tensor_spec){"a", HG_DTYPE_F64, 1, {1}}, 1, "type f64 is not written");
    expect_usage(&(hg_tensor_spec){"a", HG_DTYPE_F32, 2, {INT64_MAX, 2}}, 1, "bad shape");
    const hg_tensor_spec twice[] = {{"a", HG_DTYPE_F32, 1, {1}}, {"a", HG_DTYPE_F32, 1, {2}}};
    expect_usage(twice, 2, "'a'");
    hg_gguf_builder b;
    hg_tensor_writer *w;
    hg_gguf_builder_init(&b);
    assert_int_equal(
        hg_gguf_writer_create(&w, path, &b, &(hg_tensor_spec){name_63, HG_DTYPE_F32, 1, {1}}, 1, NULL),
        HG_STATUS_OK);
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_tensor_writer_finish(w, &err), HG_STATUS_USAGE);
    format_check_text(&err, "still wants 4 bytes");
    hg_tensor_writer_destroy(w);
    hg_gguf_builder_deinit(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_path, remove_path)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_same_bytes), TEST(test_reads_the_library_file),
                                       TEST(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
