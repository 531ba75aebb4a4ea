/* SPDX-License-Identifier: Apache-2.0
 *
 * test_burn_in.c: letters are where and as they should be, and nothing else of the picture changes.
 */
#include "image/burn_in.h"

#include "image_golden.h"

#include <healthgpt/record.h>

static void burn_grey(hg_image *image, int width, int height, int channels, int bits)
{
    hg_error err = {0};
    hg_image_init(image);
    assert_int_equal(hg_image_alloc(image, width, height, channels, bits, &err), HG_STATUS_OK);
    memset(image->samples, 0x80, hg_image_bytes(image));
}

/* The rows of a text of two letters, by hand. */
static void test_letters(void **state)
{
    (void)state;
    static const char *const want[9] = {"............", "#####.#...#.", "..#...#...#.",
                                        "..#...#...#.", "..#...#####.", "..#...#...#.",
                                        "..#...#...#.", "..#...#...#.", "............"};
    hg_image image;
    hg_error err = {0};
    burn_grey(&image, 16, 12, 1, 8);
    assert_int_equal(hg_burn_in(&image, "TH", &err), HG_STATUS_OK);
    for (int y = 0; y < 12; y++) {
        for (int x = 0; x < 16; x++) {
            bool box = y >= 3 && x >= 2 && x < 14;
            int value = !box ? 0x80 : want[y - 3][x - 2] == '#' ? 255 : 0;
            assert_int_equal(((uint8_t *)image.samples)[y * 16 + x], value);
        }
    }
    hg_image_deinit(&image);
}

/* Rows that were written on; in colour all channels, alpha is opaque. */
static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        int width, height, channels, bits, first; /* first row of the box; -1: too small */
    } cases[] = {{256, 256, 3, 8, 247}, {256, 256, 4, 16, 247}, {1024, 1024, 1, 8, 997},
                 {100, 100, 2, 8, 82},  {60, 40, 1, 16, 13},    {53, 400, 1, 8, -1},
                 {256, 8, 1, 8, -1},    {1, 1, 1, 8, -1},       {2048, 20, 3, 8, 11}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hg_image image;
        hg_error err = {0};
        int first = -1;
        burn_grey(&image, cases[i].width, cases[i].height, cases[i].channels, cases[i].bits);
        hg_status status = hg_burn_in(&image, HG_RECORD_MARK, &err);
        assert_int_equal(status, cases[i].first < 0 ? HG_STATUS_USAGE : HG_STATUS_OK);
        size_t row = hg_image_row_bytes(&image);
        for (int y = image.height - 1; y >= 0; y--) {
            for (size_t x = 0; x < row; x++) {
                uint8_t value = ((uint8_t *)image.samples)[(size_t)y * row + x];
                assert_true(value == 0x80 || value == 0 || value == 255);
                first = value != 0x80 ? y : first;
            }
        }
        if (first != cases[i].first)
            fail_msg("%d x %d: row %d", image.width, image.height, first);
        hg_image_deinit(&image);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_letters), cmocka_unit_test(test_sizes)};
    return cmocka_run_group_tests_name("burn_in", tests, NULL, NULL);
}
