/* SPDX-License-Identifier: Apache-2.0
 *
 * test_orient.c: a stored picture of six different pixels and the eight upright ones that EXIF's definition
 * asks for. Real files of each orientation are in test_clip_input.c.
 */
#include "image/orient.h"

#include "image_golden.h"

/* Stored, 3 wide and 2 high:  a b c
 *                             d e f */
static const char *const orient_upright[9] = {"abcdef", "abcdef", "cbafed", "fedcba", "defabc",
                                              "adbecf", "daebfc", "fcebda", "cfbead"};

static void orient_check(int bits, int channels, int orientation)
{
    hg_error err = {0};
    hg_image image;
    hg_image_init(&image);
    assert_int_equal(hg_image_alloc(&image, 3, 2, channels, bits, &err), HG_STATUS_OK);
    size_t pixel = hg_image_pixel_bytes(&image);
    uint8_t *bytes = image.samples;
    for (size_t i = 0; i < hg_image_bytes(&image); i++)
        bytes[i] = (uint8_t)("abcdef"[i / pixel] + 16 * (int)(i % pixel));
    assert_int_equal(hg_image_orient(&image, orientation, &err), HG_STATUS_OK);
    bool turned = orientation >= 5 && orientation <= 8;
    assert_int_equal(image.width, turned ? 2 : 3);
    assert_int_equal(image.height, turned ? 3 : 2);
    const char *want = orient_upright[orientation > 8 ? 0 : orientation];
    bytes = image.samples;
    for (size_t i = 0; i < hg_image_bytes(&image); i++)
        assert_int_equal(bytes[i], want[i / pixel] + 16 * (int)(i % pixel));
    hg_image_deinit(&image);
}

static void test_all(void **state)
{
    (void)state;
    for (int orientation = 0; orientation <= 9; orientation++) {
        for (int channels = 1; channels <= 4; channels++) {
            orient_check(8, channels, orientation);
            orient_check(16, channels, orientation);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests_name("orient", tests, NULL, NULL);
}
