/* SPDX-License-Identifier: Apache-2.0
 *
 * test_npy.c: array files byte by byte against NumPy's description of the format (version 1.0).
 */
#include <healthgpt/image.h>

#include "image_golden.h"

#include <stdlib.h>
#include <unistd.h>

static void npy_check(hg_npy_type type, const void *data, int rank, const int64_t *shape,
                      const char *dictionary, const void *want, size_t n_want)
{
    char path[] = "/tmp/hg-npy-XXXXXX";
    hg_error err = {0};
    hg_buffer file;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(hg_npy_write(path, type, data, rank, shape, &err), HG_STATUS_OK);
    hg_buffer_init(&file, 1 << 20);
    assert_int_equal(hg_file_read(path, &file, &err), HG_STATUS_OK);
    unlink(path);
    assert_true(file.size > 10);
    assert_memory_equal(file.data, "\x93NUMPY\1\0", 8);
    size_t n_header = (size_t)(file.data[8] | file.data[9] << 8);
    assert_int_equal((10 + n_header) % 64, 0);
    assert_int_equal(file.size, 10 + n_header + n_want);
    assert_memory_equal(file.data + 10, dictionary, strlen(dictionary));
    for (size_t i = 10 + strlen(dictionary); i < 10 + n_header - 1; i++)
        assert_int_equal(file.data[i], ' ');
    assert_int_equal(file.data[10 + n_header - 1], '\n');
    assert_memory_equal(file.data + 10 + n_header, want, n_want);
    hg_buffer_deinit(&file);
}

static void test_arrays(void **state)
{
    (void)state;
    static const uint8_t bytes[6] = {1, 2, 3, 4, 5, 255};
    static const float floats[2] = {1.0F, -2.5F};
    static const uint8_t floats_little[8] = {0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0};
    npy_check(HG_NPY_TYPE_U8, bytes, 2, (const int64_t[]){2, 3},
              "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }", bytes, 6);
    npy_check(HG_NPY_TYPE_U8, bytes, 1, (const int64_t[]){6},
              "{'descr': '|u1', 'fortran_order': False, 'shape': (6,), }", bytes, 6);
    npy_check(HG_NPY_TYPE_F32, floats, 3, (const int64_t[]){1, 2, 1},
              "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 1), }", floats_little, 8);
    npy_check(HG_NPY_TYPE_F32, floats, 0, NULL, "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
              floats_little, 4);
    npy_check(HG_NPY_TYPE_U8, bytes, 2, (const int64_t[]){0, 3},
              "{'descr': '|u1', 'fortran_order': False, 'shape': (0, 3), }", bytes, 0);
}

static void test_bad_shapes(void **state)
{
    (void)state;
    const int64_t huge[3] = {INT64_MAX, INT64_MAX, 2};
    const int64_t negative[1] = {-1};
    const uint8_t data = 0;
    hg_error err = {0};
    assert_int_equal(hg_npy_write("/tmp/x.npy", HG_NPY_TYPE_U8, &data, 3, huge, &err), HG_STATUS_USAGE);
    assert_int_equal(hg_npy_write("/tmp/x.npy", HG_NPY_TYPE_U8, &data, 1, negative, &err), HG_STATUS_USAGE);
    assert_int_equal(hg_npy_write("/tmp/x.npy", HG_NPY_TYPE_U8, &data, 9, huge, &err), HG_STATUS_USAGE);
    assert_int_equal(hg_npy_write("/tmp/no such folder/x.npy", HG_NPY_TYPE_U8, &data, 0, NULL, &err),
                     HG_STATUS_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_arrays), cmocka_unit_test(test_bad_shapes)};
    return cmocka_run_group_tests_name("npy", tests, NULL, NULL);
}
