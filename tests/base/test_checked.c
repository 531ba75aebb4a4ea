/* SPDX-License-Identifier: Apache-2.0
 *
 * test_checked.c: products, sums and ranges at the borders of their types; allocations whose size overflows.
 */
#include "base/checked.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_arithmetic(void **state)
{
    (void)state;
    size_t out = 7;
    assert_true(hg_checked_mul(0, SIZE_MAX, &out) && out == 0);
    assert_true(hg_checked_mul(1, SIZE_MAX, &out) && out == SIZE_MAX);
    assert_false(hg_checked_mul(2, SIZE_MAX, &out));
    assert_true(hg_checked_mul((size_t)1 << 32, ((size_t)1 << 32) - 1, &out));
    assert_false(hg_checked_mul((size_t)1 << 32, (size_t)1 << 32, &out));
    assert_true(hg_checked_add(SIZE_MAX, 0, &out) && out == SIZE_MAX);
    assert_false(hg_checked_add(SIZE_MAX, 1, &out));
}

static void test_range(void **state)
{
    (void)state;
    assert_true(hg_checked_range(0, 0, 0));
    assert_true(hg_checked_range(10, 0, 10));
    assert_true(hg_checked_range(0, 10, 10));
    assert_true(hg_checked_range(3, 7, 10));
    assert_false(hg_checked_range(3, 8, 10));
    assert_false(hg_checked_range(11, 0, 10));
    assert_false(hg_checked_range(UINT64_MAX, 2, 10)); /* the sum would wrap to 1 */
    assert_false(hg_checked_range(2, UINT64_MAX, 10));
}

static void test_memory(void **state)
{
    (void)state;
    assert_null(hg_mem_array(SIZE_MAX / 2, 3));
    assert_null(hg_mem_resize(NULL, SIZE_MAX / 2, 3));
    void *empty = hg_mem_alloc(0);
    assert_non_null(empty);
    hg_mem_free(empty);
    hg_mem_free(NULL);
    void *aligned = hg_mem_aligned(256, 100);
    assert_int_equal((uintptr_t)aligned % 256, 0);
    hg_mem_free(aligned);
    char *text = hg_mem_string_n("abcdef", 3);
    assert_string_equal(text, "abc");
    hg_mem_free(text);
    int *grown = hg_mem_array(2, sizeof *grown);
    assert_true(grown[0] == 0 && grown[1] == 0);
    grown[1] = 5;
    grown = hg_mem_resize(grown, 1000, sizeof *grown);
    assert_int_equal(grown[1], 5);
    hg_mem_free(grown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
