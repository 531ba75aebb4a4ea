/* SPDX-License-Identifier: Apache-2.0
 *
 * test_buffer.c: growth, termination, the maximum.
 */
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_text(void **state)
{
    (void)state;
    hg_buffer b;
    hg_buffer_init(&b, 1000);
    assert_string_equal(hg_buffer_text(&b), "");
    assert_null(b.data);
    assert_true(hg_buffer_push_text(&b, "one "));
    assert_true(hg_buffer_push_format(&b, "%d-%s", 22, "three"));
    assert_true(hg_buffer_push(&b, "", 0));
    assert_true(hg_buffer_push(&b, NULL, 0));
    assert_string_equal(hg_buffer_text(&b), "one 22-three");
    assert_int_equal(b.size, 12);
    hg_buffer_deinit(&b);
    assert_string_equal(hg_buffer_text(&b), "");
    assert_int_equal(b.max_bytes, 1000);
}

static void test_reserve(void **state)
{
    (void)state;
    hg_buffer b;
    hg_buffer_init(&b, 1000);
    assert_false(hg_buffer_reserve(&b, 1001));
    assert_null(b.data);
    assert_true(hg_buffer_reserve(&b, 400));
    assert_int_equal(b.size, 0);
    assert_string_equal(hg_buffer_text(&b), "");
    const uint8_t *data = b.data;
    size_t capacity = b.capacity;
    for (int i = 0; i < 100; i++)
        assert_true(hg_buffer_push_text(&b, "four"));
    assert_ptr_equal(b.data, data);
    assert_int_equal(b.capacity, capacity);
    assert_true(hg_buffer_reserve(&b, 600));
    assert_false(hg_buffer_reserve(&b, 601));
    assert_int_equal(b.size, 400);
    assert_int_equal(strspn(hg_buffer_text(&b), "four"), 400);
    hg_buffer_deinit(&b);
}

static void test_growth(void **state)
{
    (void)state;
    hg_buffer b;
    hg_buffer_init(&b, 1 << 20);
    for (int i = 0; i < 100000; i++) {
        uint8_t byte = (uint8_t)(i * 7);
        assert_true(hg_buffer_push(&b, &byte, 1));
        assert_int_equal(b.data[b.size], 0);
    }
    for (int i = 0; i < 100000; i++)
        assert_int_equal(b.data[i], (uint8_t)(i * 7));
    assert_true(b.capacity <= 200000);
    hg_buffer_deinit(&b);
}

static void test_maximum(void **state)
{
    (void)state;
    hg_buffer b;
    hg_buffer_init(&b, 10);
    assert_true(hg_buffer_push_text(&b, "0123456789")); /* exactly the maximum */
    assert_false(hg_buffer_push_text(&b, "x"));
    assert_false(hg_buffer_push_format(&b, "%s", "y"));
    assert_null(hg_buffer_extend(&b, 1));
    assert_null(hg_buffer_extend(&b, SIZE_MAX));
    assert_null(hg_buffer_extend(&b, SIZE_MAX - 10));
    assert_string_equal(hg_buffer_text(&b), "0123456789"); /* as it was */
    hg_buffer_deinit(&b);
    hg_buffer_init(&b, 0);
    assert_false(hg_buffer_push_text(&b, "x"));
    assert_true(hg_buffer_push_text(&b, ""));
    hg_buffer_deinit(&b);
}

static void test_extend(void **state)
{
    (void)state;
    hg_buffer b;
    hg_buffer_init(&b, 100);
    assert_true(hg_buffer_push_text(&b, "ab"));
    uint8_t *p = hg_buffer_extend(&b, 3);
    assert_non_null(p);
    memcpy(p, "cde", 3);
    assert_string_equal(hg_buffer_text(&b), "abcde");
    hg_buffer_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),    cmocka_unit_test(test_reserve), cmocka_unit_test(test_growth),
        cmocka_unit_test(test_maximum), cmocka_unit_test(test_extend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
