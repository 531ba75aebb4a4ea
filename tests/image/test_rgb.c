/* SPDX-License-Identifier: Apache-2.0
 *
 * test_rgb.c: conversion of each kind of image to RGB. Whole files against Pillow are in test_clip_input.c.
 */
#include "image/rgb.h"

#include "image_golden.h"

static void rgb_check(int bits, int channels, const void *samples, const uint8_t want[6],
                      const uint8_t *want_opaque, int n_opaque)
{
    hg_error err = {0};
    hg_image in;
    hg_image out;
    hg_image_init(&in);
    hg_image_init(&out);
    assert_int_equal(hg_image_alloc(&in, 2, 1, channels, bits, &err), HG_STATUS_OK);
    memcpy(in.samples, samples, hg_image_bytes(&in));
    in.orientation = 6;
    assert_int_equal(hg_image_to_rgb(&out, &in, &err), HG_STATUS_OK);
    assert_int_equal(out.channels, 3);
    assert_int_equal(out.bits, 8);
    assert_int_equal(out.orientation, 6);
    assert_memory_equal(out.samples, want, 6);
    hg_image_deinit(&out);
    assert_int_equal(hg_image_to_opaque(&out, &in, &err), HG_STATUS_OK);
    assert_int_equal(hg_image_bytes(&out), n_opaque);
    assert_memory_equal(out.samples, want_opaque, (size_t)n_opaque);
    hg_image_deinit(&out);
    hg_image_deinit(&in);
}

static void test_kinds(void **state)
{
    (void)state;
    static const uint8_t grey[] = {7, 200};
    static const uint8_t grey_alpha[] = {7, 0, 200, 255};
    static const uint8_t rgba[] = {1, 2, 3, 0, 4, 5, 6, 255};
    static const uint16_t grey16[] = {0x07ff, 0xc800};
    static const uint16_t rgb16[] = {0x0100, 0x02ff, 0x0380, 0x0401, 0x0502, 0x06fe};
    static const uint8_t want_grey[] = {7, 7, 7, 200, 200, 200};
    static const uint8_t want_rgb[] = {1, 2, 3, 4, 5, 6};
    rgb_check(8, 1, grey, want_grey, grey, 2);
    rgb_check(8, 2, grey_alpha, want_grey, grey, 2);
    rgb_check(8, 3, want_rgb, want_rgb, want_rgb, 6);
    rgb_check(8, 4, rgba, want_rgb, want_rgb, 6);
    rgb_check(16, 1, grey16, want_grey, grey, 2);
    rgb_check(16, 3, rgb16, want_rgb, want_rgb, 6);
}

/* Pillow 11.1: Image.merge("CMYK", ...).convert("RGB") of these four pixels. */
static void test_cmyk(void **state)
{
    (void)state;
    static const uint8_t cmyk[16] = {0, 0, 0, 0, 255, 128, 1, 0, 10, 20, 30, 40, 200, 100, 50, 255};
    static const uint8_t want[12] = {255, 255, 255, 0, 127, 254, 207, 198, 190, 0, 0, 0};
    uint8_t rgb[12];
    hg_rgb_from_cmyk(rgb, cmyk, 4);
    assert_memory_equal(rgb, want, sizeof want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds), cmocka_unit_test(test_cmyk)};
    return cmocka_run_group_tests_name("rgb", tests, NULL, NULL);
}
