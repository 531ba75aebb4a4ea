/* SPDX-License-Identifier: Apache-2.0
 *
 * test_image_reader.c: which reader takes a file, and everything that is not a file of a known format.
 */
#include "image/image_reader.h"

#include "image_golden.h"

#include <stdlib.h>
#include <unistd.h>

static void reader_refuse(const void *bytes, size_t n, const char *part)
{
    hg_error err = {0};
    hg_image image;
    hg_image_init(&image);
    assert_int_equal(hg_image_read_memory(&image, bytes, n, NULL, &err), HG_STATUS_INPUT);
    assert_null(image.samples);
    if (strstr(err.text, part) == NULL)
        fail_msg("'%s' lacks '%s'", err.text, part);
}

static void reader_refuse_path(const char *path, const char *part)
{
    hg_error err = {0};
    hg_image image;
    hg_image_init(&image);
    assert_int_equal(hg_image_read(&image, path, NULL, &err), HG_STATUS_INPUT);
    assert_null(image.samples);
    if (strncmp(err.text, path, strlen(path)) != 0 || strstr(err.text, part) == NULL)
        fail_msg("'%s' lacks '%s' or '%s'", err.text, path, part);
}

static void test_not_an_image(void **state)
{
    (void)state;
    reader_refuse("", 0, "empty");
    reader_refuse("x", 1, "known format");
    reader_refuse("GIF89a\1\0\1\0\0\0\0", 13, "known format");
    reader_refuse("\x89PNG\r\n\x1a", 7, "known format");
    reader_refuse("\x89PNG\r\n\x1a\n", 8, "cut short");
    reader_refuse("\x89PNG\n\x1a\n\n and more", 18, "known format");
    reader_refuse("\xff\xd8", 2, "known format");
    reader_refuse("\xff\xd8\xff", 3, "cut short");
}

static void test_not_a_file(void **state)
{
    (void)state;
    char empty[] = "/tmp/hg-empty-XXXXXX";
    int fd = mkstemp(empty);
    assert_true(fd >= 0);
    close(fd);
    reader_refuse_path(empty, "empty");
    unlink(empty);
    reader_refuse_path(HG_TEST_DATA "/text", "no DICOM file in this folder");
    reader_refuse_path(HG_TEST_DATA "/image/there is none.png", "No such file");
    reader_refuse_path(HG_TEST_DATA "/image/clip.txt", "known format");
}

/* The format is known from the content, and the caller's limits hold. */
static void test_formats_and_limits(void **state)
{
    (void)state;
    static const char *const names[2] = {"rgb.png", "rgb444.jpg"};
    static const char *const formats[2] = {"png", "jpeg"};
    for (int i = 0; i < 2; i++) {
        hg_buffer file;
        hg_image image;
        hg_error err = {0};
        hg_image_limits limits = hg_image_limits_default();
        golden_load(&file, names[i]);
        hg_image_init(&image);
        assert_int_equal(hg_image_read_memory(&image, file.data, file.size, &limits, &err), HG_STATUS_OK);
        assert_string_equal(image.format, formats[i]);
        limits.max_pixels = (uint64_t)image.width * (uint64_t)image.height - 1;
        hg_image_deinit(&image);
        assert_int_equal(hg_image_read_memory(&image, file.data, file.size, &limits, &err), HG_STATUS_INPUT);
        assert_non_null(strstr(err.text, "at most"));
        hg_buffer_deinit(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_not_an_image), cmocka_unit_test(test_not_a_file),
                                       cmocka_unit_test(test_formats_and_limits)};
    return cmocka_run_group_tests_name("image_reader", tests, NULL, NULL);
}
