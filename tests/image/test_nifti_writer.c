/* SPDX-License-Identifier: Apache-2.0
 *
 * test_nifti_writer.c: files equal nibabel's of the same pictures, byte for byte (reference/make_written.py),
 * and are read back upright.
 */
#include "image/image_writer.h"
#include "image/rgb.h"

#include "image_golden.h"

#define MAX_FILE ((size_t)1 << 24)

static void nifti_picture(hg_image *image, int width, int height, int channels, int bits)
{
    hg_error err = {0};
    hg_image_init(image);
    assert_int_equal(hg_image_alloc(image, width, height, channels, bits, &err), HG_STATUS_OK);
    for (int i = 0; i < width * height * channels; i++) {
        int x = i / channels % width, y = i / channels / width;
        int value = (x * 3 + y * 5 + i % channels * 40) % 256;
        if (bits == 8)
            ((uint8_t *)image->samples)[i] = (uint8_t)value;
        else
            ((uint16_t *)image->samples)[i] = (uint16_t)(value * 256 + 255 - value);
    }
}

static void nifti_encode(hg_buffer *file, const hg_image *image, hg_image_type type,
                         const hg_image_save_options *options)
{
    hg_error err = {0};
    hg_buffer_init(file, MAX_FILE);
    if (hg_image_encode(file, image, type, options, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

static void nifti_compare(const char *name, const hg_image *image, const hg_image_save_options *options)
{
    char path[512];
    hg_buffer want, got;
    hg_error err = {0};
    snprintf(path, sizeof path, HG_TEST_DATA "/image/written/%s", name);
    hg_buffer_init(&want, MAX_FILE);
    if (hg_file_read(path, &want, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    nifti_encode(&got, image, HG_IMAGE_TYPE_NIFTI, options);
    assert_int_equal(got.size, want.size);
    for (size_t i = 0; i < want.size; i++) {
        if (got.data[i] != want.data[i])
            fail_msg("%s: byte %zu is %d, nibabel's %d", name, i, got.data[i], want.data[i]);
    }
    hg_buffer_deinit(&got);
    hg_buffer_deinit(&want);
}

static void test_as_nibabel(void **state)
{
    (void)state;
    hg_image image;
    nifti_picture(&image, 21, 13, 1, 8);
    image.source = (hg_image_source){.scan = true, .spacing = {0.5, 0.75, 3}};
    nifti_compare("grey8.nii", &image, NULL);
    hg_image_deinit(&image);
    nifti_picture(&image, 21, 13, 1, 16);
    nifti_compare("grey16.nii", &image, NULL);
    hg_image_deinit(&image);
    const hg_image_note note = {"Warning", "caf\xc3\xa9"};
    const hg_image_save_options options = {.notes = &note, .n_notes = 1};
    nifti_picture(&image, 8, 9, 3, 8);
    image.synthetic = true;
    nifti_compare("rgb.nii", &image, &options);
    hg_image_deinit(&image);
}

/* Alpha and 16-bit colour go; compressed or not, the picture comes back as it was. */
static void test_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        int channels = 1 + i / 2;
        hg_image image, back, opaque;
        hg_buffer file;
        hg_error err = {0};
        nifti_picture(&image, 21, 13, channels, i % 2 == 0 ? 8 : 16);
        nifti_encode(&file, &image, i % 2 == 0 ? HG_IMAGE_TYPE_NIFTI : HG_IMAGE_TYPE_NIFTI_GZ, NULL);
        hg_image_init(&back);
        if (hg_image_read_memory(&back, file.data, file.size, NULL, &err) != HG_STATUS_OK)
            fail_msg("%s", err.text);
        hg_image_init(&opaque);
        assert_int_equal(hg_image_to_opaque(&opaque, &image, &err), HG_STATUS_OK);
        assert_string_equal(back.format, "nifti");
        assert_int_equal(hg_image_bytes(&back), hg_image_bytes(&opaque));
        for (size_t k = 0; k < hg_image_bytes(&back); k++) {
            /* 16 bits are shown rounded, and cut to 8 by the conversion. */
            int difference = ((uint8_t *)back.samples)[k] - ((uint8_t *)opaque.samples)[k];
            assert_in_range(difference + 1, i == 1 ? 0 : 1, i == 1 ? 2 : 1);
        }
        hg_image_deinit(&back);
        hg_image_deinit(&opaque);
        hg_image_deinit(&image);
        hg_buffer_deinit(&file);
    }
}

static void test_too_large(void **state)
{
    (void)state;
    hg_image image;
    hg_buffer file;
    hg_error err = {0};
    nifti_picture(&image, 32768, 1, 1, 8);
    hg_buffer_init(&file, MAX_FILE);
    assert_int_equal(hg_image_encode(&file, &image, HG_IMAGE_TYPE_NIFTI, NULL, &err), HG_STATUS_USAGE);
    hg_image_deinit(&image);
    hg_buffer_deinit(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_nibabel), cmocka_unit_test(test_read_back),
                                       cmocka_unit_test(test_too_large)};
    return cmocka_run_group_tests_name("nifti_writer", tests, NULL, NULL);
}
