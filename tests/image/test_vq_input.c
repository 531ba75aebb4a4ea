/* SPDX-License-Identifier: Apache-2.0
 *
 * test_vq_input.c: the VQGAN's input against Pillow and PyTorch, and its output's way to bytes.
 */
#include "image/vq_input.h"

#include "image_golden.h"

#include <stdlib.h>

#define VQ_SIDE 256

static float vq_values[3 * VQ_SIDE * VQ_SIDE];

static int vq_check_all(const char *want_where)
{
    char where[16];
    char name[256];
    unsigned long long want;
    int n = 0;
    FILE *file = fopen(HG_TEST_DATA "/image/vq.txt", "r");
    assert_non_null(file);
    while (fscanf(file, "%15s %255s %llx", where, name, &want) == 3) {
        if (strcmp(where, want_where) != 0)
            continue;
        char path[HG_PATH_BYTES];
        hg_error err = {0};
        hg_image image;
        golden_path(path, where, name);
        golden_open(&image, path);
        assert_int_equal(hg_vq_input_f32(vq_values, &image, VQ_SIDE, &err), HG_STATUS_OK);
        hg_image_deinit(&image);
        if (golden_fingerprint(vq_values, sizeof vq_values) != want)
            fail_msg("%s: the VQ input differs", name);
        n++;
    }
    fclose(file);
    return n;
}

static void test_committed_files(void **state)
{
    (void)state;
    assert_int_equal(vq_check_all("test"), 3);
}

static void test_real_pictures(void **state)
{
    (void)state;
    if (!golden_have_shared()) {
        print_message("skipped: no shared data\n");
        skip();
    }
    assert_int_equal(vq_check_all("shared"), 3);
}

/* Each value of vq_out.txt as a picture of one pixel, in turn in the three channels. */
static void test_output(void **state)
{
    (void)state;
    unsigned bits;
    int want;
    int n = 0;
    hg_error err = {0};
    FILE *file = fopen(HG_TEST_DATA "/image/vq_out.txt", "r");
    assert_non_null(file);
    while (fscanf(file, "%x %d", &bits, &want) == 2) {
        uint32_t word = bits;
        float value;
        memcpy(&value, &word, sizeof value);
        float planes[3] = {-2.0F, -2.0F, -2.0F};
        planes[n % 3] = value;
        hg_image image;
        hg_image_init(&image);
        assert_int_equal(hg_vq_output_image(&image, planes, 1, 1, &err), HG_STATUS_OK);
        const uint8_t *rgb = image.samples;
        for (int c = 0; c < 3; c++) {
            if (rgb[c] != (c == n % 3 ? want : 0))
                fail_msg("%.9g became %d instead of %d", (double)value, rgb[n % 3], want);
        }
        hg_image_deinit(&image);
        n++;
    }
    fclose(file);
    assert_true(n > 900);
}

/* Channels first to channels last, and a value that is not a number. */
static void test_output_layout(void **state)
{
    (void)state;
    const float nan = strtof("nan", NULL);
    float in[3][2] = {{1.0F, nan}, {-1.0F, 1.0F}, {0.0F, -1.0F}};
    static const uint8_t want[6] = {255, 0, 127, 0, 255, 0};
    hg_error err = {0};
    hg_image image;
    hg_image_init(&image);
    assert_int_equal(hg_vq_output_image(&image, &in[0][0], 2, 1, &err), HG_STATUS_OK);
    assert_int_equal(image.width, 2);
    assert_int_equal(image.height, 1);
    assert_true(image.synthetic);
    assert_memory_equal(image.samples, want, sizeof want);
    hg_image_deinit(&image);
    assert_int_equal(hg_vq_output_image(&image, &in[0][0], 0, 1, &err), HG_STATUS_USAGE);
    assert_int_equal(hg_vq_input_f32(vq_values, &image, 0, &err), HG_STATUS_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_committed_files),
                                       cmocka_unit_test(test_real_pictures), cmocka_unit_test(test_output),
                                       cmocka_unit_test(test_output_layout)};
    return cmocka_run_group_tests_name("vq_input", tests, NULL, NULL);
}
