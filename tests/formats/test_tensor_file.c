/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tensor_file.c: files written by torch, safetensors and gguf are read with the values that those
 * libraries read (golden.txt, see reference/make_formats.py).
 */
#include "base/file.h"
#include "format_deltas.h"
#include "formats/tensor_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *data_path(const char *name)
{
    static char path[HG_PATH_BYTES];
    snprintf(path, sizeof path, "%s/formats/%s", HG_TEST_DATA, name);
    return path;
}

static hg_tensor_set *open_any(const char *name)
{
    hg_tensor_set *set;
    hg_error err = {.text = ""};
    const char *path = data_path(name);
    hg_status status = hg_folder_exists(path) ? hg_tensor_set_open_folder(&set, path, &err)
                                              : hg_tensor_set_open_file(&set, path, &err);
    if (status != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return set;
}

static float value_at(const hg_tensor *t, int64_t i)
{
    hg_real values[HG_DTYPE_MAX_BLOCK];
    int64_t block = hg_dtype_block(t->dtype);
    hg_dtype_to_real(t->dtype, block, hg_tensor_at(t, i - i % block), values);
    return (float)values[i % block];
}

/* One line: file, name, type, number of dimensions, dimensions, values. */
static void check_line(hg_tensor_set *set, char *line, const char *name)
{
    char *rest = line;
    const char *type = strtok_r(NULL, " ", &rest);
    const hg_tensor *t = hg_tensor_set_find(set, name);
    if (strcmp(type, "unsupported") == 0) {
        hg_error err;
        assert_null(t);
        assert_int_equal(hg_tensor_set_need(set, name, &t, &err), HG_STATUS_INPUT);
        format_check_text(&err, "is not supported");
        return;
    }
    if (t == NULL)
        fail_msg("tensor '%s' was not found", name);
    assert_string_equal(hg_dtype_name(t->dtype), type);
    assert_true(hg_tensor_is_contiguous(t));
    assert_int_equal((uintptr_t)t->data % hg_dtype_alignment(t->dtype), 0);
    assert_int_equal(t->n_dims, atoi(strtok_r(NULL, " ", &rest)));
    for (int i = 0; i < t->n_dims; i++)
        assert_int_equal(t->shape[i], atoi(strtok_r(NULL, " ", &rest)));
    for (int64_t i = 0; i < hg_tensor_count(t); i++) {
        float expected = strtof(strtok_r(NULL, " ", &rest), NULL);
        if (value_at(t, i) != expected)
            fail_msg("tensor '%s': value %d is %g, expected %g", name, (int)i, (double)value_at(t, i),
                     (double)expected);
    }
    assert_null(strtok_r(NULL, " ", &rest));
}

static void test_golden(void **state)
{
    (void)state;
    FILE *golden = fopen(data_path("golden.txt"), "r");
    assert_non_null(golden);
    char *line = NULL, file[64] = "";
    size_t capacity = 0, n_lines = 0, n_tensors = 0;
    hg_tensor_set *set = NULL;
    while (getline(&line, &capacity, golden) > 0) {
        char *rest = line;
        line[strcspn(line, "\n")] = 0;
        const char *next = strtok_r(line, " ", &rest);
        if (strcmp(next, file) != 0) {
            hg_tensor_set_close(set);
            snprintf(file, sizeof file, "%s", next);
            set = open_any(file);
            n_tensors += hg_tensor_set_n_tensors(set);
        }
        const char *name = strtok_r(NULL, " ", &rest);
        check_line(set, rest, name);
        n_lines++;
    }
    hg_tensor_set_close(set);
    free(line);
    fclose(golden);
    assert_int_equal(n_tensors, n_lines);
    assert_int_equal(n_lines, 101);
}

static void test_zero_copy(void **state)
{
    (void)state;
    hg_tensor_file *f;
    hg_error err;
    assert_int_equal(hg_tensor_file_open(&f, data_path("tiny.bin"), &err), HG_STATUS_OK);
    const hg_tensor *rows = hg_tensor_file_find(f, "rows"), *all = hg_tensor_file_find(f, "transposed");
    const hg_tensor *single = hg_tensor_file_find(f, "single"), *half = hg_tensor_file_find(f, "half");
    /* Contiguous tensors lie in the map, where PyTorch aligns storages to 64; strided ones are copies. */
    assert_int_equal((uintptr_t)single->data % 64, 0);
    assert_true(labs((long)((intptr_t)single->data - (intptr_t)half->data)) < 8192);
    assert_true(labs((long)((intptr_t)single->data - (intptr_t)rows->data)) < 8192);
    assert_true(labs((long)((intptr_t)single->data - (intptr_t)all->data)) >= 8192);
    assert_int_equal(hg_tensor_file_get_kind(f), HG_TENSOR_FILE_TORCH);
    assert_null(hg_tensor_file_get_gguf(f));
    hg_tensor_file_close(f);
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *name, *kind;
    } files[] = {{"tiny.safetensors", "safetensors"}, {"module.pt", "PyTorch"}, {"tiny.gguf", "GGUF"}};
    for (size_t i = 0; i < 3; i++) {
        hg_tensor_file *f;
        hg_error err;
        assert_int_equal(hg_tensor_file_open(&f, data_path(files[i].name), &err), HG_STATUS_OK);
        assert_string_equal(hg_tensor_file_kind_name(hg_tensor_file_get_kind(f)), files[i].kind);
        assert_true((hg_tensor_file_get_gguf(f) != NULL) == (i == 2));
        assert_null(hg_tensor_file_get(f, hg_tensor_file_n_tensors(f)));
        hg_tensor_file_close(f);
    }
}

static void test_need(void **state)
{
    (void)state;
    hg_tensor_file *f;
    hg_error err;
    const hg_tensor *t;
    assert_int_equal(hg_tensor_file_open(&f, data_path("tiny.safetensors"), &err), HG_STATUS_OK);
    assert_int_equal(hg_tensor_file_need(f, "half", &t, &err), HG_STATUS_OK);
    assert_int_equal(t->shape[2], 2);
    assert_int_equal(hg_tensor_file_need(f, "nobody", &t, &err), HG_STATUS_INPUT);
    format_check_text(&err, "tiny.safetensors: tensor 'nobody' is missing");
    assert_int_equal(hg_tensor_file_need(f, "position_ids", &t, &err), HG_STATUS_INPUT);
    format_check_text(&err, "tensor 'position_ids': element type I64 is not supported");
    assert_int_equal(hg_tensor_file_need(f, "wide", &t, &err), HG_STATUS_INPUT);
    format_check_text(&err, "5 dimensions is not supported");
    hg_tensor_file_close(f);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *expected;
    } files[] = {{"legacy.bin", "legacy.bin: written in the format of PyTorch before 1.6"},
                 {"hostile/lfs.bin", "a Git LFS pointer"},
                 {"hostile/text.bin", "text.bin: neither safetensors"},
                 {"hostile", "not a regular file"},
                 {"nothing.bin", "nothing.bin"}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        hg_tensor_file *f;
        hg_error err = {.text = ""};
        assert_int_equal(hg_tensor_file_open(&f, data_path(files[i].name), &err), HG_STATUS_INPUT);
        assert_null(f);
        format_check_text(&err, files[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden), cmocka_unit_test(test_zero_copy),
                                       cmocka_unit_test(test_kinds), cmocka_unit_test(test_need),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
