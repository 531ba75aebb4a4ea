/* SPDX-License-Identifier: Apache-2.0
 *
 * test_pixels.c: sizes that an image may have.
 */
#include "image/pixels.h"

#include "image_golden.h"

#include <limits.h>

static void test_limits(void **state)
{
    (void)state;
    hg_error err = {0};
    const hg_image_limits limits = {.max_pixels = 1000, .max_side = 200};
    assert_int_equal(hg_image_check_size(&limits, 100, 10, &err), HG_STATUS_OK);
    assert_int_equal(hg_image_check_size(&limits, 200, 5, &err), HG_STATUS_OK);
    assert_int_equal(hg_image_check_size(&limits, 201, 1, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_image_check_size(&limits, 1, 201, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_image_check_size(&limits, 143, 7, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "143 x 7"));
    assert_int_equal(hg_image_check_size(&limits, 0, 5, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_image_check_size(&limits, 5, 0, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_image_check_size(&limits, UINT64_MAX, UINT64_MAX, &err), HG_STATUS_INPUT);
}

static void test_alloc(void **state)
{
    (void)state;
    hg_error err = {0};
    hg_image image;
    hg_image_init(&image);
    assert_int_equal(hg_image_alloc(&image, 3, 5, 4, 16, &err), HG_STATUS_OK);
    assert_int_equal(hg_image_pixel_bytes(&image), 8);
    assert_int_equal(hg_image_row_bytes(&image), 24);
    assert_int_equal(hg_image_bytes(&image), 120);
    hg_image_deinit(&image);
    assert_null(image.samples);
    hg_image_deinit(&image);
    assert_int_equal(hg_image_alloc(&image, 0, 1, 1, 8, &err), HG_STATUS_USAGE);
    assert_int_equal(hg_image_alloc(&image, 1, -1, 1, 8, &err), HG_STATUS_USAGE);
    assert_int_equal(hg_image_alloc(&image, 1, 1, 5, 8, &err), HG_STATUS_USAGE);
    assert_int_equal(hg_image_alloc(&image, 1, 1, 3, 12, &err), HG_STATUS_USAGE);
    assert_int_equal(hg_image_alloc(&image, INT_MAX, INT_MAX, 4, 16, &err), HG_STATUS_USAGE);
    assert_null(image.samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_limits), cmocka_unit_test(test_alloc)};
    return cmocka_run_group_tests_name("pixels", tests, NULL, NULL);
}
