/* SPDX-License-Identifier: Apache-2.0
 *
 * test_png_reader.c: what the PNG reader keeps of each colour type, and damaged and hostile files, which are
 * made here from good ones. Pixel values against Pillow are in test_clip_input.c.
 */
#include "image/png_reader.h"

#include "image_golden.h"

#include <sys/resource.h>

#define PNG_IHDR_AT 8
#define PNG_IHDR_DATA 16

/* Puts the CRC-32 of a chunk's n bytes, kind and data, behind them. */
static void png_sign(uint8_t *chunk, size_t n)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= chunk[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? 0xedb88320 ^ crc >> 1 : crc >> 1;
    }
    for (int i = 0; i < 4; i++)
        chunk[n + (size_t)i] = (uint8_t)(~crc >> (24 - 8 * i));
}

static hg_status png_try(const uint8_t *bytes, size_t n, hg_error *err)
{
    hg_image image;
    hg_image_init(&image);
    hg_status status = golden_decode(&image, bytes, n, err);
    if (status != HG_STATUS_OK)
        assert_null(image.samples);
    hg_image_deinit(&image);
    return status;
}

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int channels;
        int bits;
    } cases[] = {{"grey1.png", 1, 8},    {"grey2.png", 1, 8},           {"grey16.png", 1, 16},
                 {"grey_key.png", 2, 8}, {"grey_alpha.png", 2, 8},      {"grey_alpha16.png", 2, 16},
                 {"rgb.png", 3, 8},      {"rgb16.png", 3, 16},          {"rgb_key.png", 4, 8},
                 {"palette4.png", 3, 8}, {"palette8_key.png", 4, 8},    {"palette4_interlaced.png", 4, 8},
                 {"rgba16.png", 4, 16},  {"grey1_interlaced.png", 1, 8}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[HG_PATH_BYTES];
        hg_image image;
        golden_path(path, "test", cases[i].name);
        golden_open(&image, path);
        if (image.channels != cases[i].channels || image.bits != cases[i].bits)
            fail_msg("%s: %d channels of %d bits", cases[i].name, image.channels, image.bits);
        hg_image_deinit(&image);
    }
}

/* One grey sample, 0x1234, in a file written out by hand. */
static void test_sample_order(void **state)
{
    (void)state;
    static const uint8_t file[] = {0x89, 'P',  'N',  'G',  '\r', '\n', 0x1a, '\n', 0,    0,    0,    13,
                                   'I',  'H',  'D',  'R',  0,    0,    0,    1,    0,    0,    0,    1,
                                   16,   0,    0,    0,    0,    0x6a, 0xee, 0x8f, 0xe9, 0,    0,    0,
                                   14,   'I',  'D',  'A',  'T',  0x78, 0x01, 0x01, 0x03, 0x00, 0xfc, 0xff,
                                   0x00, 0x12, 0x34, 0x00, 0x5b, 0x00, 0x47, 0,    0,    0,    0,    0,
                                   0,    0,    0,    'I',  'E',  'N',  'D',  0xae, 0x42, 0x60, 0x82};
    uint8_t copy[sizeof file];
    memcpy(copy, file, sizeof file);
    png_sign(copy + 12, 17);
    png_sign(copy + 37, 18);
    hg_error err = {0};
    hg_image image;
    hg_image_init(&image);
    if (hg_image_read_memory(&image, copy, sizeof copy, NULL, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(image.bits, 16);
    assert_int_equal(*(const uint16_t *)image.samples, 0x1234);
    hg_image_deinit(&image);
}

static void test_cut_short(void **state)
{
    (void)state;
    static const char *const names[] = {"rgb.png", "palette4_interlaced.png", "grey16.png", "exif8.png"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        hg_buffer file;
        hg_error err = {0};
        golden_load(&file, names[i]);
        for (size_t n = 0; n < file.size; n++) {
            if (png_try(file.data, n, &err) != HG_STATUS_INPUT)
                fail_msg("%s was read although cut to %zu of %zu bytes", names[i], n, file.size);
        }
        assert_int_equal(png_try(file.data, file.size, &err), HG_STATUS_OK);
        hg_buffer_deinit(&file);
    }
}

/* A changed byte anywhere in the header, the data or a checksum of them is noticed. */
static void test_changed(void **state)
{
    (void)state;
    hg_buffer file;
    hg_error err = {0};
    golden_load(&file, "rgb.png");
    for (size_t at = PNG_IHDR_AT; at < file.size - 12; at++) {
        file.data[at] ^= 0x10;
        if (png_try(file.data, file.size, &err) != HG_STATUS_INPUT)
            fail_msg("a changed byte %zu was not noticed", at);
        file.data[at] ^= 0x10;
    }
    hg_buffer_deinit(&file);
}

/* rgb.png with another size in its header. */
static hg_status png_try_size(uint32_t width, uint32_t height, hg_error *err)
{
    hg_buffer file;
    golden_load(&file, "rgb.png");
    for (int i = 0; i < 4; i++) {
        file.data[PNG_IHDR_DATA + i] = (uint8_t)(width >> (24 - 8 * i));
        file.data[PNG_IHDR_DATA + 4 + i] = (uint8_t)(height >> (24 - 8 * i));
    }
    png_sign(file.data + 12, 17);
    hg_status status = png_try(file.data, file.size, err);
    hg_buffer_deinit(&file);
    return status;
}

/* Refused from the header: the memory in use does not grow by the size that is claimed. */
static void test_claimed_sizes(void **state)
{
    (void)state;
    struct rusage before;
    struct rusage after;
    hg_error err = {0};
    getrusage(RUSAGE_SELF, &before);
    assert_int_equal(png_try_size(100000, 100000, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "100000 x 100000"));
    assert_int_equal(png_try_size(0x7fffffff, 0x7fffffff, &err), HG_STATUS_INPUT);
    assert_int_equal(png_try_size(0xffffffff, 1, &err), HG_STATUS_INPUT);
    assert_int_equal(png_try_size(20000, 6000, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "cannot hold"));
    assert_int_equal(png_try_size(0, 30, &err), HG_STATUS_INPUT);
    assert_int_equal(png_try_size(41, 0, &err), HG_STATUS_INPUT);
    assert_int_equal(png_try_size(41, 31, &err), HG_STATUS_INPUT);
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 16 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_sample_order),
                                       cmocka_unit_test(test_cut_short), cmocka_unit_test(test_changed),
                                       cmocka_unit_test(test_claimed_sizes)};
    return cmocka_run_group_tests_name("png_reader", tests, NULL, NULL);
}
