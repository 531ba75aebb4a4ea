/* SPDX-License-Identifier: Apache-2.0
 *
 * test_check.c: every kind of bad number is found wherever it stands, no good number is taken for one, and
 * each bad tensor is named once.
 */
#include "formats/tensor_writer.h"
#include "package_fixture.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct name_list {
    char names[512]; /* each with a space behind it */
} name_list;

static void add_name(void *user, const char *tensor)
{
    name_list *list = user;
    size_t used = strlen(list->names);
    snprintf(list->names + used, sizeof list->names - used, "%s ", tensor);
}

static hg_check_result check(const char *path, int n_threads, hg_status expected, const char *names,
                             const char *text)
{
    name_list bad = {""};
    hg_check_result result;
    hg_error err = {HG_STATUS_OK, ""};
    const hg_check_request request = {
        .path = path, .n_threads = n_threads, .on_bad = add_name, .on_bad_user = &bad};
    hg_status status = hg_model_check(&request, &result, &err);
    if (status != expected || strstr(err.text, text) == NULL)
        fail_msg("status %d: %s", status, err.text);
    assert_string_equal(bad.names, names);
    return result;
}

/* One tensor (rows, columns) of a file in the making. */
typedef struct sample {
    const char *name;
    hg_dtype type;
    int64_t rows, columns;
    const void *data;
} sample;

static package_path write_samples(const char *name, const sample *samples, size_t n)
{
    package_path path = package_path_of(name);
    hg_tensor_spec specs[8];
    hg_tensor_writer *w = NULL;
    hg_gguf_builder metadata;
    hg_gguf_builder_init(&metadata);
    hg_gguf_put_text(&metadata, "general.architecture", "test");
    assert_true(n <= 8);
    for (size_t i = 0; i < n; i++)
        specs[i] =
            (hg_tensor_spec){samples[i].name, samples[i].type, 2, {samples[i].rows, samples[i].columns}};
    assert_int_equal(strstr(name, ".gguf") != NULL
                         ? hg_gguf_writer_create(&w, path.text, &metadata, specs, n, NULL)
                         : hg_safetensors_writer_create(&w, path.text, specs, n, NULL),
                     HG_STATUS_OK);
    for (size_t i = 0; i < n; i++) {
        size_t bytes = hg_dtype_span(samples[i].type, samples[i].rows * samples[i].columns);
        assert_int_equal(hg_tensor_writer_write(w, samples[i].data, bytes, NULL), HG_STATUS_OK);
    }
    assert_int_equal(hg_tensor_writer_finish(w, NULL), HG_STATUS_OK);
    hg_tensor_writer_destroy(w);
    hg_gguf_builder_deinit(&metadata);
    return path;
}

static void test_extreme_numbers_are_fine(void **state)
{
    (void)state;
    static const float f32[] = {FLT_MAX, -FLT_MAX, FLT_MIN, 1e-45F, -0.0F, 0};
    static const uint16_t f16[] = {0x7bff, 0xfbff, 0x0001, 0x8000};  /* +-65504, the least, -0 */
    static const uint16_t bf16[] = {0x7f7f, 0xff7f, 0x0001, 0x8000}; /* +-3.39e38, the least, -0 */
    const sample samples[] = {
        {"a", HG_DTYPE_F32, 2, 3, f32}, {"b", HG_DTYPE_F16, 1, 4, f16}, {"c", HG_DTYPE_BF16, 4, 1, bf16}};
    package_path path = write_samples("good.safetensors", samples, 3);
    hg_check_result result = check(path.text, 2, HG_STATUS_OK, "", "");
    assert_int_equal(result.n_tensors, 3);
    assert_int_equal(result.n_bad, 0);
    assert_int_equal(result.n_skipped, 0);
}

static void test_each_bad_number(void **state)
{
    (void)state;
    static const float nan_last[] = {1, 2, 3, NAN}, infinite_first[] = {-INFINITY, 1, 2, 3},
                       good[] = {1, 2, 3, 4};
    static const uint16_t f16_infinite[] = {0, 0x7c00}, f16_nan[] = {0xfe01, 0},
                          bf16_infinite[] = {0xff80, 0}, bf16_nan[] = {0, 0x7fc0};
    const sample samples[] = {{"nan", HG_DTYPE_F32, 2, 2, nan_last},
                              {"good", HG_DTYPE_F32, 2, 2, good},
                              {"infinite", HG_DTYPE_F32, 1, 4, infinite_first},
                              {"f16i", HG_DTYPE_F16, 1, 2, f16_infinite},
                              {"f16n", HG_DTYPE_F16, 1, 2, f16_nan},
                              {"bf16i", HG_DTYPE_BF16, 1, 2, bf16_infinite},
                              {"bf16n", HG_DTYPE_BF16, 1, 2, bf16_nan}};
    package_path path = write_samples("bad.safetensors", samples, 7);
    for (int threads = 1; threads <= 3; threads++) {
        hg_check_result result =
            check(path.text, threads, HG_STATUS_INPUT, "nan infinite f16i f16n bf16i bf16n ",
                  "6 of 7 tensors have infinities or values that are no numbers; the "
                  "first is 'nan'");
        assert_int_equal(result.n_tensors, 7);
        assert_int_equal(result.n_bad, 6);
    }
}

/* More than one piece of work: the last number of the last one counts as well. */
static void test_large_tensor(void **state)
{
    (void)state;
    int64_t n = ((int64_t)1 << 22) + 70001;
    uint16_t *values = calloc((size_t)n, sizeof *values);
    assert_non_null(values);
    const sample samples[] = {{"large", HG_DTYPE_BF16, 1, n, values}};
    package_path path = write_samples("large.safetensors", samples, 1);
    check(path.text, 2, HG_STATUS_OK, "", "");
    values[n - 1] = 0x7f80;
    path = write_samples("large.safetensors", samples, 1);
    check(path.text, 2, HG_STATUS_INPUT, "large ", "1 of 1 tensors");
    free(values);
}

/* A block is bad through its scale even where all its codes are zero: infinity times zero is no number. */
static void test_bad_scales(void **state)
{
    (void)state;
    static uint8_t q8_0[2][34], q4_0[1][18], q4_k[2][144], q6_k[1][210], q4_k_minimum[1][144], good[1][34];
    memcpy(q8_0[1], (const uint8_t[]){0x00, 0x7c}, 2);             /* scale: infinity */
    memcpy(q4_0[0], (const uint8_t[]){0x00, 0x7e}, 2);             /* scale: NaN */
    memcpy(q4_k[1], (const uint8_t[]){0x00, 0xfc}, 2);             /* scale: minus infinity */
    memcpy(q4_k_minimum[0] + 2, (const uint8_t[]){0x01, 0x7c}, 2); /* minimum: NaN */
    memcpy(q6_k[0] + 208, (const uint8_t[]){0x00, 0x7c}, 2);       /* scale: infinity */
    memcpy(good[0], (const uint8_t[]){0xff, 0x7b}, 2);             /* scale: 65504 */
    memset(good[0] + 2, 0x80, 32);                                 /* codes: -128 */
    const sample samples[] = {
        {"q8_0", HG_DTYPE_Q8_0, 2, 32, q8_0},  {"q4_0", HG_DTYPE_Q4_0, 1, 32, q4_0},
        {"q4_k", HG_DTYPE_Q4_K, 1, 512, q4_k}, {"minimum", HG_DTYPE_Q4_K, 1, 256, q4_k_minimum},
        {"q6_k", HG_DTYPE_Q6_K, 1, 256, q6_k}, {"good", HG_DTYPE_Q8_0, 1, 32, good}};
    package_path path = write_samples("scales.gguf", samples, 6);
    check(path.text, 2, HG_STATUS_INPUT, "q8_0 q4_0 q4_k minimum q6_k ", "5 of 6 tensors");
}

/* Counts are PyTorch's: 416 tensors in the files of m3, two of them whole numbers. */
static void test_folder_and_package(void **state)
{
    (void)state;
    package_path package = package_make("m3", "q4_0", "m3.gguf");
    hg_check_result result = check(package_tiny_path("m3").text, 2, HG_STATUS_OK, "", "");
    assert_int_equal(result.n_tensors, 414);
    assert_int_equal(result.n_skipped, 2);
    result = check(package.text, 2, HG_STATUS_OK, "", "");
    assert_int_equal(result.n_tensors, 389);
    assert_int_equal(result.n_skipped, 0);
}

static void test_refusals(void **state)
{
    (void)state;
    package_path cut = package_path_of("cut.gguf"), empty = package_path_of("");
    package_path package = package_make("xl32", "keep", "xl32.gguf");
    hg_buffer bytes = package_read(&package);
    package_write(&cut, bytes.data, bytes.size - 1000); /* extents beyond the end */
    hg_buffer_deinit(&bytes);
    check(cut.text, 1, HG_STATUS_INPUT, "", "cut.gguf");
    check(empty.text, 1, HG_STATUS_INPUT, "", "no part of a model");
    check("/nowhere/at/all", 1, HG_STATUS_INPUT, "", "no such folder");
    check(NULL, 1, HG_STATUS_USAGE, "", "nothing to check");
}

static bool stop_at_once(void *user, const char *stage, int64_t done, int64_t total)
{
    (void)done, (void)total;
    assert_string_equal(stage, "checking");
    ++*(int *)user;
    return false;
}

static void test_cancelled(void **state)
{
    (void)state;
    int calls = 0;
    hg_check_result result;
    hg_error err = {HG_STATUS_OK, ""};
    package_path model = package_tiny_path("m3");
    const hg_check_request request = {.path = model.text, .progress = {stop_at_once, &calls}};
    assert_int_equal(hg_model_check(&request, &result, &err), HG_STATUS_FAILED);
    assert_string_equal(err.text, "cancelled");
    assert_int_equal(calls, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, package_folder_setup, package_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_extreme_numbers_are_fine),
        TEST(test_each_bad_number),
        TEST(test_large_tensor),
        TEST(test_bad_scales),
        TEST(test_folder_and_package),
        TEST(test_refusals),
        TEST(test_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
