/* SPDX-License-Identifier: Apache-2.0
 *
 * test_quant_read.c: blocks of random bytes against the numbers that the Python gguf package reads from them
 * (reference/make_quant.py), bit by bit.
 */
#include "base/file_map.h"
#include "tensor/dtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static hg_file_map open_data(const char *type, const char *what)
{
    char path[512];
    hg_file_map map;
    hg_error err;
    snprintf(path, sizeof path, "%s/tensor/%s.%s", HG_TEST_DATA, type, what);
    if (hg_file_map_open(&map, path, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return map;
}

static void check_type(hg_dtype type)
{
    static hg_real got[48 * HG_DTYPE_MAX_BLOCK];
    hg_file_map blocks = open_data(hg_dtype_name(type), "blocks"),
                values = open_data(hg_dtype_name(type), "values");
    int64_t n = (int64_t)(values.size / sizeof(float));
    assert_true(n >= 8 * hg_dtype_block(type) && n <= (int64_t)(sizeof got / sizeof *got));
    assert_int_equal(hg_dtype_span(type, n), blocks.size);
    hg_dtype_to_real(type, n, blocks.data, got);
    for (int64_t i = 0; i < n; i++) {
        float want, have = (float)got[i];
        memcpy(&want, values.data + (size_t)i * sizeof want, sizeof want);
        if (memcmp(&want, &have, sizeof want) != 0)
            fail_msg("%s, element %lld: %.9g, expected %.9g", hg_dtype_name(type), (long long)i, (double)have,
                     (double)want);
    }
    hg_file_map_close(&blocks);
    hg_file_map_close(&values);
}

static void test_blocks_of_any_bytes(void **state)
{
    (void)state;
    check_type(HG_DTYPE_Q8_0);
    check_type(HG_DTYPE_Q4_0);
    check_type(HG_DTYPE_Q4_K);
    check_type(HG_DTYPE_Q6_K);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_blocks_of_any_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
