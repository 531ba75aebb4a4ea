/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tensor.c: shapes, strides and views, whose data and gradient move together.
 */
#include "tensor/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static hg_real data[24], grad[24];

static hg_tensor make(int n_dims, const int64_t *shape)
{
    hg_tensor t = hg_tensor_make(HG_DTYPE_REAL, n_dims, shape, data);
    t.grad = grad;
    return t;
}

static void test_make(void **state)
{
    (void)state;
    hg_tensor t = make(3, (int64_t[]){2, 3, 4});
    assert_true(t.stride[0] == 12 && t.stride[1] == 4 && t.stride[2] == 1 && t.shape[3] == 1);
    assert_int_equal(hg_tensor_count(&t), 24);
    assert_true(hg_tensor_is_contiguous(&t));
    assert_ptr_equal(hg_tensor_real(&t), data);
    char text[HG_TENSOR_SHAPE_TEXT];
    assert_string_equal(hg_tensor_format_shape(&t, text), "[2, 3, 4]");
    hg_tensor one = make(1, (int64_t[]){24});
    assert_false(hg_tensor_same_shape(&t, &one));
    hg_tensor same = hg_tensor_make(HG_DTYPE_BF16, 3, (int64_t[]){2, 3, 4}, NULL);
    assert_true(hg_tensor_same_shape(&t, &same));
}

static void test_rows_and_columns(void **state)
{
    (void)state;
    hg_tensor t = make(2, (int64_t[]){4, 6});
    hg_tensor rows = hg_tensor_view_rows(&t, 1, 2);
    assert_true(rows.shape[0] == 2 && rows.shape[1] == 6);
    assert_ptr_equal(rows.data, data + 6);
    assert_ptr_equal(rows.grad, grad + 6);
    assert_true(hg_tensor_is_contiguous(&rows));
    hg_tensor columns = hg_tensor_view_columns(&rows, 2, 3);
    assert_true(columns.shape[0] == 2 && columns.shape[1] == 3 && columns.stride[0] == 6);
    assert_ptr_equal(columns.data, data + 8);
    assert_ptr_equal(columns.grad, grad + 8);
    assert_false(hg_tensor_is_contiguous(&columns));
    hg_tensor row = hg_tensor_view_rows(&columns, 1, 1); /* one row is contiguous whatever its stride */
    assert_true(hg_tensor_is_contiguous(&row));
    assert_ptr_equal(row.data, data + 14);
    hg_tensor none = hg_tensor_view_rows(&t, 4, 0);
    assert_int_equal(hg_tensor_count(&none), 0);
    hg_tensor half = hg_tensor_make(HG_DTYPE_F16, 2, (int64_t[]){4, 6}, data);
    hg_tensor half_rows = hg_tensor_view_rows(&half, 1, 1);
    assert_ptr_equal(half_rows.data, (char *)data + 12); /* two bytes an element */
    assert_null(half_rows.grad);
}

static void test_shapes_and_heads(void **state)
{
    (void)state;
    hg_tensor t = make(2, (int64_t[]){4, 6});
    hg_tensor cube = hg_tensor_view_shape(&t, 3, (int64_t[]){2, 3, 4});
    assert_true(cube.stride[0] == 12 && cube.grad == grad && cube.data == data);
    hg_tensor columns = hg_tensor_view_columns(&t, 2, 4);
    hg_tensor heads = hg_tensor_view_heads(&columns, 2);
    assert_true(heads.n_dims == 3 && heads.shape[0] == 4 && heads.shape[1] == 2 && heads.shape[2] == 2);
    assert_true(heads.stride[0] == 6 && heads.stride[1] == 2 && heads.stride[2] == 1);
    assert_ptr_equal(heads.data, data + 2);
}

/* Views of blocks: 32 elements of q8_0 take 34 bytes, 256 of q4_k 144. */
static void test_blocks(void **state)
{
    (void)state;
    static uint8_t bytes[4 * 2 * 144];
    hg_tensor t = hg_tensor_make(HG_DTYPE_Q4_K, 2, (int64_t[]){4, 512}, bytes);
    assert_int_equal(hg_tensor_count(&t), 2048);
    assert_int_equal(hg_tensor_bytes(&t), sizeof bytes);
    hg_tensor rows = hg_tensor_view_rows(&t, 1, 2);
    assert_ptr_equal(rows.data, bytes + 2 * 144);
    assert_true(rows.stride[0] == 512 && hg_tensor_bytes(&rows) == 4 * 144);
    hg_tensor columns = hg_tensor_view_columns(&rows, 256, 256);
    assert_ptr_equal(columns.data, bytes + 3 * 144);
    assert_true(columns.shape[1] == 256 && columns.stride[0] == 512);
    assert_ptr_equal(hg_tensor_at(&columns, columns.stride[0]), bytes + 5 * 144);
    hg_tensor cube = hg_tensor_view_shape(&t, 3, (int64_t[]){2, 4, 256});
    assert_true(cube.stride[0] == 1024 && cube.stride[1] == 256);
    hg_tensor small = hg_tensor_make(HG_DTYPE_Q8_0, 2, (int64_t[]){2, 64}, bytes);
    assert_int_equal(hg_tensor_bytes(&small), 4 * 34);
    hg_tensor last = hg_tensor_view_columns(&small, 32, 32);
    assert_ptr_equal(last.data, bytes + 34);
    assert_ptr_equal(hg_tensor_at(&small, 64), bytes + 68);
    hg_tensor half = hg_tensor_make(HG_DTYPE_F16, 2, (int64_t[]){2, 64}, bytes);
    assert_int_equal(hg_tensor_bytes(&half), 256);
    assert_ptr_equal(hg_tensor_at(&half, 65), bytes + 130);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make),
        cmocka_unit_test(test_rows_and_columns),
        cmocka_unit_test(test_shapes_and_heads),
        cmocka_unit_test(test_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
