/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tensor_list.c: names, counts and the copies of misaligned and strided data.
 */
#include "format_deltas.h"
#include "formats/tensor_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_count(void **state)
{
    (void)state;
    size_t count;
    assert_true(hg_tensor_list_count(0, NULL, &count));
    assert_int_equal(count, 1);
    assert_true(hg_tensor_list_count(3, (int64_t[]){2, 3, 4}, &count));
    assert_int_equal(count, 24);
    assert_true(hg_tensor_list_count(2, (int64_t[]){0, 5}, &count));
    assert_int_equal(count, 0);
    assert_true(hg_tensor_list_count(1, (int64_t[]){INT64_MAX / 8}, &count));
    assert_false(hg_tensor_list_count(1, (int64_t[]){INT64_MAX / 8 + 1}, &count));
    assert_false(hg_tensor_list_count(2, (int64_t[]){INT64_MAX, INT64_MAX}, &count));
    assert_false(hg_tensor_list_count(3, (int64_t[]){0, INT64_MAX, 2}, &count));
    assert_false(hg_tensor_list_count(1, (int64_t[]){-1}, &count));
}

static void test_copies(void **state)
{
    (void)state;
    static const float numbers[6] = {0, 1, 2, 3, 4, 5};
    uint8_t odd[sizeof numbers + 1];
    memcpy(odd + 1, numbers, sizeof numbers);
    hg_tensor_list list;
    hg_error err;
    hg_tensor_list_init(&list, 2 * sizeof numbers);
    static const int64_t shape[2] = {2, 3}, turned[2] = {3, 2}, stride[2] = {1, 3};
    const uint8_t *data = (const uint8_t *)numbers;
    assert_int_equal(hg_tensor_list_push(&list, "straight", 8, HG_DTYPE_F32, 2, shape, data, &err),
                     HG_STATUS_OK);
    assert_int_equal(hg_tensor_list_push(&list, "odd", 3, HG_DTYPE_F32, 2, shape, odd + 1, &err),
                     HG_STATUS_OK);
    assert_int_equal(
        hg_tensor_list_push_strided(&list, "turned", 6, HG_DTYPE_F32, 2, turned, stride, data, &err),
        HG_STATUS_OK);
    assert_ptr_equal(list.items[0].tensor.data, numbers);
    assert_ptr_not_equal(list.items[1].tensor.data, odd + 1);
    assert_memory_equal(list.items[1].tensor.data, numbers, sizeof numbers);
    static const float expected[6] = {0, 3, 1, 4, 2, 5};
    assert_memory_equal(list.items[2].tensor.data, expected, sizeof expected);
    /* Two copies of the data were allowed. */
    assert_int_equal(hg_tensor_list_push(&list, "more", 4, HG_DTYPE_F32, 2, shape, odd + 1, &err),
                     HG_STATUS_INPUT);
    format_check_text(&err, "tensor 'more': copies of tensors would take 24 bytes more than the file's 48");
    hg_tensor_list_deinit(&list);
}

static void test_names(void **state)
{
    (void)state;
    char name[HG_TENSOR_NAME_BYTES + 1];
    hg_tensor_list list;
    hg_error err;
    hg_tensor_list_init(&list, 100);
    assert_null(hg_tensor_list_find(&list, "n1"));
    for (int i = 0; i < 1000; i++) {
        int n = snprintf(name, sizeof name, "n%d", i * 7919 % 1000);
        assert_int_equal(hg_tensor_list_push_unsupported(&list, name, (size_t)n, "why", &err), HG_STATUS_OK);
    }
    assert_int_equal(hg_tensor_list_sort(&list, &err), HG_STATUS_OK);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "n%d", i);
        const hg_named_tensor *t = hg_tensor_list_find(&list, name);
        assert_non_null(t);
        assert_string_equal(t->name, name);
        assert_string_equal(t->unsupported, "why");
    }
    assert_null(hg_tensor_list_find(&list, "n1000"));
    assert_int_equal(hg_tensor_list_push_unsupported(&list, "n5xx", 2, "", &err), HG_STATUS_OK);
    assert_null(hg_tensor_list_find(&list, "n1"));
    assert_int_equal(hg_tensor_list_sort(&list, &err), HG_STATUS_INPUT);
    format_check_text(&err, "two tensors are named 'n5'");
    memset(name, 'x', sizeof name);
    assert_int_equal(hg_tensor_list_push_unsupported(&list, name, sizeof name, "", &err), HG_STATUS_INPUT);
    format_check_text(&err, "has a name of 1025 bytes, at most 1024");
    assert_int_equal(hg_tensor_list_push_unsupported(&list, "a\0b", 3, "", &err), HG_STATUS_INPUT);
    assert_int_equal(hg_tensor_list_push_unsupported(&list, "", 0, "", &err), HG_STATUS_INPUT);
    hg_tensor_list_deinit(&list);
}

/* Blocks are listed where they lie on even addresses, copied elsewhere, and refused in parts. */
static void test_blocks(void **state)
{
    (void)state;
    _Alignas(16) static uint8_t data[1 + 4 * 34];
    hg_tensor_list list;
    hg_error err;
    hg_tensor_list_init(&list, sizeof data);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    assert_int_equal(
        hg_tensor_list_push(&list, "even", 4, HG_DTYPE_Q8_0, 2, (int64_t[]){2, 32}, data + 2, &err),
        HG_STATUS_OK);
    assert_int_equal(
        hg_tensor_list_push(&list, "odd", 3, HG_DTYPE_Q8_0, 2, (int64_t[]){2, 64}, data + 1, &err),
        HG_STATUS_OK);
    assert_ptr_equal(list.items[0].tensor.data, data + 2);
    assert_ptr_not_equal(list.items[1].tensor.data, data + 1);
    assert_int_equal((uintptr_t)list.items[1].tensor.data % 2, 0);
    assert_memory_equal(list.items[1].tensor.data, data + 1, 4 * 34);
    assert_int_equal(hg_tensor_list_push(&list, "part", 4, HG_DTYPE_Q8_0, 2, (int64_t[]){32, 2}, data, &err),
                     HG_STATUS_INPUT);
    format_check_text(&err, "tensor 'part': rows of 2 are no multiple of q8_0's 32");
    hg_tensor_list_deinit(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_count), cmocka_unit_test(test_copies),
                                       cmocka_unit_test(test_names), cmocka_unit_test(test_blocks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
