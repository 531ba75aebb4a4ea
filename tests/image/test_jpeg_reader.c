/* SPDX-License-Identifier: Apache-2.0
 *
 * test_jpeg_reader.c: damaged and hostile JPEG files, made here from good ones. Pixel values against Pillow
 * are in test_clip_input.c.
 */
#include "image/jpeg_reader.h"

#include "image_golden.h"

#include <sys/resource.h>

static hg_status jpeg_try(const uint8_t *bytes, size_t n, hg_error *err)
{
    hg_image image;
    hg_image_init(&image);
    hg_status status = golden_decode(&image, bytes, n, err);
    if (status != HG_STATUS_OK)
        assert_null(image.samples);
    hg_image_deinit(&image);
    return status;
}

static void test_cut_short(void **state)
{
    (void)state;
    static const char *const names[] = {"rgb420.jpg", "rgb420_progressive.jpg", "grey.jpg", "cmyk.jpg",
                                        "exif6.jpg"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        hg_buffer file;
        hg_error err = {0};
        golden_load(&file, names[i]);
        for (size_t n = 0; n < file.size; n++) {
            if (jpeg_try(file.data, n, &err) != HG_STATUS_INPUT)
                fail_msg("%s was read although cut to %zu of %zu bytes", names[i], n, file.size);
        }
        assert_int_equal(jpeg_try(file.data, file.size, &err), HG_STATUS_OK);
        hg_buffer_deinit(&file);
    }
}

/* Where the frame header (SOF0 or SOF2) begins. */
static size_t jpeg_find_frame(const hg_buffer *file)
{
    size_t at = 2;
    while (at + 4 < file->size && file->data[at + 1] != 0xc0 && file->data[at + 1] != 0xc2)
        at += 2 + (size_t)(file->data[at + 2] << 8 | file->data[at + 3]);
    assert_true(at + 20 < file->size);
    return at;
}

/* A changed byte of the frame header. */
static hg_status jpeg_try_frame(const char *name, size_t offset, const uint8_t *bytes, size_t n,
                                hg_error *err)
{
    hg_buffer file;
    golden_load(&file, name);
    memcpy(file.data + jpeg_find_frame(&file) + offset, bytes, n);
    hg_status status = jpeg_try(file.data, file.size, err);
    hg_buffer_deinit(&file);
    return status;
}

static void test_claimed_sizes(void **state)
{
    (void)state;
    static const uint8_t huge[4] = {0xff, 0xff, 0xff, 0xff};
    static const uint8_t large[4] = {0x17, 0x70, 0x4e, 0x20};
    static const uint8_t none[4] = {0};
    struct rusage before;
    struct rusage after;
    hg_error err = {0};
    getrusage(RUSAGE_SELF, &before);
    assert_int_equal(jpeg_try_frame("rgb420.jpg", 5, huge, 4, &err), HG_STATUS_INPUT);
    assert_int_equal(jpeg_try_frame("rgb420_progressive.jpg", 5, large, 4, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "cannot hold 20000 x 6000"));
    assert_int_equal(jpeg_try_frame("rgb420.jpg", 5, none, 4, &err), HG_STATUS_INPUT);
    assert_int_equal(jpeg_try_frame("rgb420.jpg", 7, none, 2, &err), HG_STATUS_INPUT);
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 16 * 1024);
}

static void test_unknown_kinds(void **state)
{
    (void)state;
    static const uint8_t twelve = 12;
    static const uint8_t lossless = 0xc3;
    static const uint8_t five = 5;
    hg_error err = {0};
    assert_int_equal(jpeg_try_frame("rgb420.jpg", 4, &twelve, 1, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "12"));
    assert_int_equal(jpeg_try_frame("rgb420.jpg", 1, &lossless, 1, &err), HG_STATUS_INPUT);
    assert_int_equal(jpeg_try_frame("rgb420.jpg", 9, &five, 1, &err), HG_STATUS_INPUT);
}

/* A progressive file whose scans repeat without end is given up, not followed: the last scan of a small file,
 * copied often. */
static void test_many_scans(void **state)
{
    (void)state;
    hg_buffer file;
    hg_buffer long_file;
    hg_error err = {0};
    golden_load(&file, "rgb420_progressive.jpg");
    size_t scan = 0;
    for (size_t i = 0; i + 1 < file.size; i++) {
        if (file.data[i] == 0xff && file.data[i + 1] == 0xda)
            scan = i;
    }
    assert_true(scan > 0);
    hg_buffer_init(&long_file, (size_t)1 << 24);
    assert_true(hg_buffer_push(&long_file, file.data, scan));
    for (int i = 0; i < 1000; i++)
        assert_true(hg_buffer_push(&long_file, file.data + scan, file.size - 2 - scan));
    assert_true(hg_buffer_push(&long_file, "\xff\xd9", 2));
    assert_int_equal(jpeg_try(long_file.data, long_file.size, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "scans"));
    hg_buffer_deinit(&long_file);
    hg_buffer_deinit(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cut_short), cmocka_unit_test(test_claimed_sizes),
                                       cmocka_unit_test(test_unknown_kinds),
                                       cmocka_unit_test(test_many_scans)};
    return cmocka_run_group_tests_name("jpeg_reader", tests, NULL, NULL);
}
