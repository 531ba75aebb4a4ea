/* SPDX-License-Identifier: Apache-2.0
 *
 * test_image_handle.c: the public functions, used as a program outside the library would.
 */
#include <healthgpt/image.h>

#include "image/clip_input.h"
#include "image_golden.h"

static uint8_t handle_u8[HG_CLIP_VALUES];
static float handle_f32[HG_CLIP_VALUES];

static void test_open(void **state)
{
    (void)state;
    hg_error err = {0};
    hg_image *image;
    assert_int_equal(hg_image_open(&image, HG_TEST_DATA "/image/exif6.jpg", &err), HG_STATUS_OK);
    hg_image_info info = hg_image_get_info(image);
    assert_int_equal(info.width, 14);
    assert_int_equal(info.height, 23);
    assert_int_equal(info.channels, 3);
    assert_int_equal(info.bits, 8);
    assert_int_equal(info.orientation, 6);
    assert_string_equal(info.format, "jpeg");
    hg_image_close(image);
    assert_int_equal(hg_image_open(&image, HG_TEST_DATA "/image/none.jpg", &err), HG_STATUS_INPUT);
    assert_null(image);
    hg_image_close(image);
    assert_int_equal(hg_image_open_memory(&image, "?", 1, &err), HG_STATUS_INPUT);
    assert_null(image);
}

/* The values are those of clip.txt for rgb.png, whose first row lies in the border above the picture. */
static void test_prepare(void **state)
{
    (void)state;
    hg_error err = {0};
    hg_image *image;
    hg_buffer file;
    golden_load(&file, "rgb.png");
    assert_int_equal(hg_image_open_memory(&image, file.data, file.size, &err), HG_STATUS_OK);
    hg_buffer_deinit(&file);
    assert_int_equal(hg_image_prepare_u8(image, handle_u8, &err), HG_STATUS_OK);
    assert_int_equal(hg_image_prepare_f32(image, handle_f32, &err), HG_STATUS_OK);
    hg_image_close(image);
    static const uint8_t border[3] = {122, 116, 104};
    static const double mean[3] = {0.48145466, 0.4578275, 0.40821073};
    static const double deviation[3] = {0.26862954, 0.26130258, 0.27577711};
    assert_memory_equal(handle_u8, border, 3);
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < HG_CLIP_SIDE * HG_CLIP_SIDE; i++) {
            double want = (handle_u8[3 * i + c] / 255.0 - mean[c]) / deviation[c];
            assert_float_equal(handle_f32[c * HG_CLIP_SIDE * HG_CLIP_SIDE + i], (float)want, 1e-6);
        }
    }
}

static void test_create(void **state)
{
    (void)state;
    static const uint8_t samples[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    hg_error err = {0};
    hg_image *image;
    assert_int_equal(hg_image_create(&image, samples, 2, 2, 3, &err), HG_STATUS_OK);
    assert_memory_equal(image->samples, samples, sizeof samples);
    assert_string_equal(hg_image_get_info(image).format, "");
    hg_image_close(image);
    assert_int_equal(hg_image_create(&image, samples, 2, 2, 2, &err), HG_STATUS_USAGE);
    assert_null(image);
    assert_int_equal(hg_image_create(&image, samples, 0, 2, 3, &err), HG_STATUS_USAGE);
    assert_int_equal(hg_image_create(&image, samples, 70000, 1, 3, &err), HG_STATUS_USAGE);
    assert_int_equal(err.code, HG_STATUS_USAGE);
    assert_null(image);
}

static void test_resize(void **state)
{
    (void)state;
    static const uint8_t samples[4] = {10, 10, 10, 10};
    hg_error err = {0};
    hg_image *image, *larger;
    assert_int_equal(hg_image_create(&image, samples, 2, 2, 1, &err), HG_STATUS_OK);
    image->synthetic = true;
    assert_int_equal(hg_image_resize(&larger, image, 3, 5, &err), HG_STATUS_OK);
    hg_image_info info = hg_image_get_info(larger);
    assert_int_equal(info.width, 3);
    assert_int_equal(info.height, 5);
    assert_true(info.synthetic);
    for (int i = 0; i < 15; i++)
        assert_int_equal(((const uint8_t *)larger->samples)[i], 10);
    hg_image_close(larger);
    assert_int_equal(hg_image_resize(&larger, image, 0, 5, &err), HG_STATUS_USAGE);
    assert_int_equal(hg_image_resize(&larger, image, 65536, 5, &err), HG_STATUS_USAGE);
    assert_int_equal(hg_image_resize(&larger, image, 65535, 65535, &err), HG_STATUS_USAGE);
    assert_null(larger);
    hg_image_close(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_open), cmocka_unit_test(test_prepare),
                                       cmocka_unit_test(test_create), cmocka_unit_test(test_resize)};
    return cmocka_run_group_tests_name("image_handle", tests, NULL, NULL);
}
