/* SPDX-License-Identifier: Apache-2.0
 *
 * test_scan.c: what is shown of scans of every format, against pydicom, nibabel, NumPy and Pillow: shown.txt
 * for the small committed files, windowed.txt for the real ones of the shared data set. Both are written by
 * reference/make_scans.py. A value may differ by 1, the rounding of another order of operations.
 */
#include "image_golden.h"

#include <stdlib.h>
#include <tiffio.h>
#include <unistd.h>

#define SCAN_FOLDER HG_TEST_DATA "/image/scan/"

/* "frame=1;axis=coronal", or "-"; the words of `text` are used. */
static hg_image_view scan_view(char *text)
{
    hg_image_view view = hg_image_view_default();
    char *rest = NULL;
    if (strcmp(text, "-") == 0)
        return view;
    for (char *word = strtok_r(text, ";", &rest); word != NULL; word = strtok_r(NULL, ";", &rest)) {
        char *value = strchr(word, '=') + 1;
        if (strncmp(word, "frame", 5) == 0)
            view.frame = atoi(value);
        else if (strncmp(word, "slice", 5) == 0)
            view.slice = atoi(value);
        else if (strncmp(word, "level", 5) == 0)
            view.level = atoi(value);
        else if (strncmp(word, "region", 6) == 0)
            assert_int_equal(sscanf(value, "%d,%d,%d,%d", &view.region[0], &view.region[1], &view.region[2],
                                    &view.region[3]),
                             4);
        else if (strncmp(word, "window", 6) == 0)
            view.window = value;
        else
            assert_true(hg_image_axis_find(value, &view.axis));
    }
    return view;
}

static void scan_open(hg_image *image, const char *path, const hg_image_view *view)
{
    hg_error err = {0};
    hg_image_init(image);
    if (hg_image_read_view(image, path, view, NULL, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

/* The next number of the line. */
static int scan_number(char **at)
{
    char *end;
    long value = strtol(*at, &end, 10);
    assert_ptr_not_equal(end, *at);
    *at = end;
    return (int)value;
}

static void scan_check_line(char *line)
{
    char path[HG_PATH_BYTES], *rest = NULL;
    const char *name = strtok_r(line, " ", &rest);
    char *words = strtok_r(NULL, " ", &rest);
    char kept[80];
    snprintf(kept, sizeof kept, "%s", words);
    hg_image_view view = scan_view(words);
    hg_image image;
    snprintf(path, sizeof path, SCAN_FOLDER "%s", name);
    scan_open(&image, path, &view);
    int width = scan_number(&rest), height = scan_number(&rest), channels = scan_number(&rest);
    if (image.width != width || image.height != height || image.channels != channels || image.bits != 8)
        fail_msg("%s %s: %d x %d x %d of %d bits, not %d x %d x %d", name, kept, image.width, image.height,
                 image.channels, image.bits, width, height, channels);
    const uint8_t *samples = image.samples;
    for (int i = 0; i < width * height * channels; i++) {
        int want = scan_number(&rest);
        if (abs(samples[i] - want) > 1)
            fail_msg("%s %s: sample %d is %d, not %d", name, kept, i, samples[i], want);
    }
    hg_image_deinit(&image);
}

/* Calls `check` with every line of the file, its end cut off; the number of lines. */
static int scan_each_line(const char *path, void (*check)(char *line))
{
    int n = 0;
    char *line = NULL;
    size_t capacity = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (getline(&line, &capacity, file) > 0) {
        line[strcspn(line, "\n")] = 0;
        check(line);
        n++;
    }
    free(line);
    fclose(file);
    return n;
}

static void test_small_files(void **state)
{
    (void)state;
    assert_true(scan_each_line(SCAN_FOLDER "shown.txt", scan_check_line) > 50);
}

static void scan_check_real(char *line)
{
    char path[HG_PATH_BYTES], *rest = NULL;
    const char *name = strtok_r(line, " ", &rest);
    hg_image image;
    golden_path(path, "shared", name);
    scan_open(&image, path, NULL);
    assert_int_equal(image.channels, 1);
    size_t n = hg_image_bytes(&image);
    for (size_t i = 0; i < 64; i++) {
        size_t at = i * (n - 1) / 63;
        int got = ((const uint8_t *)image.samples)[at], want = scan_number(&rest);
        if (abs(got - want) > 1)
            fail_msg("%s: sample %zu is %d, not %d (window %s %g %g)", name, at, got, want,
                     hg_window_origin_name(image.source.origin), image.source.window.centre,
                     image.source.window.width);
    }
    hg_image_deinit(&image);
}

static void test_real_files(void **state)
{
    (void)state;
    if (!hg_folder_exists(HG_SHARED_DATA "/dicom")) {
        print_message("skipped: the shared data set is not there\n");
        skip();
    }
    assert_true(scan_each_line(SCAN_FOLDER "windowed.txt", scan_check_real) > 50);
}

static void scan_refuse(const char *name, hg_image_view view, hg_status want, const char *part)
{
    char path[HG_PATH_BYTES];
    hg_error err = {0};
    hg_image image;
    hg_image_init(&image);
    snprintf(path, sizeof path, HG_TEST_DATA "/image/%s", name);
    assert_int_equal(hg_image_read_view(&image, path, &view, NULL, &err), want);
    assert_null(image.samples);
    if (strstr(err.text, part) == NULL || strncmp(err.text, path, strlen(path)) != 0)
        fail_msg("'%s' lacks '%s'", err.text, part);
}

static void test_wrong_places(void **state)
{
    (void)state;
    hg_image_view view = hg_image_view_default();
    view.frame = 3;
    scan_refuse("scan/pages.tif", view, HG_STATUS_USAGE, "no frame 3");
    scan_refuse("rgb.png", view, HG_STATUS_USAGE, "one picture");
    view = hg_image_view_default();
    view.slice = 7;
    scan_refuse("scan/turned.nii", view, HG_STATUS_USAGE, "no slice 7");
    view = hg_image_view_default();
    view.axis = HG_IMAGE_AXIS_CORONAL;
    scan_refuse("scan/signed.dcm", view, HG_STATUS_USAGE, "an axis is for volumes");
    view = hg_image_view_default();
    view.window = "soft";
    scan_refuse("scan/signed.dcm", view, HG_STATUS_USAGE, "window 'soft'");
    view.window = "40,400";
    scan_refuse("scan/rgb.dcm", view, HG_STATUS_USAGE, "colour");
    scan_refuse("rgb.png", view, HG_STATUS_USAGE, "colour");
}

/* Files of some hundred bytes that say they hold thousands of millions of pixels. */
static void test_claimed_sizes(void **state)
{
    (void)state;
    const hg_image_view view = hg_image_view_default();
    scan_refuse("scan/claims.dcm", view, HG_STATUS_INPUT, "at most");
    scan_refuse("scan/claims.nii", view, HG_STATUS_INPUT, "at most");
    scan_refuse("scan/claims.npy", view, HG_STATUS_INPUT, "at most");
    scan_refuse("scan/claims.tif", view, HG_STATUS_INPUT, "at most");
}

/* A large tiled TIFF file of 16-bit grey is no slide, whatever it looks like. */
static void test_large_tiles(void **state)
{
    (void)state;
    char path[] = "/tmp/hg-tiles-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    TIFF *tiff = TIFFFdOpen(fd, path, "w");
    static uint16_t tile[256 * 256];
    for (int i = 0; i < 256 * 256; i++)
        tile[i] = (uint16_t)(256 * (i % 256));
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, 4352);
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, 4096);
    TIFFSetField(tiff, TIFFTAG_TILEWIDTH, 256);
    TIFFSetField(tiff, TIFFTAG_TILELENGTH, 256);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 16);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE);
    for (ttile_t t = 0; t < 17 * 16; t++)
        assert_true(TIFFWriteEncodedTile(tiff, t, tile, sizeof tile) > 0);
    TIFFClose(tiff);
    hg_image image;
    scan_open(&image, path, NULL);
    assert_string_equal(image.format, "tiff");
    assert_true(image.width == 4352 && image.height == 4096);
    assert_int_equal(((const uint8_t *)image.samples)[4352 * 300 + 512 + 77], 77);
    hg_image_deinit(&image);
    unlink(path);
}

/* Seen from afar it is the smallest level of 1024 pixels; also from memory. */
static void test_slide(void **state)
{
    (void)state;
    hg_image a, b;
    hg_buffer file;
    hg_error err = {0};
    hg_image_view view = hg_image_view_default();
    scan_open(&a, SCAN_FOLDER "slide.svs", NULL);
    assert_string_equal(a.format, "slide");
    assert_int_equal(a.source.n_levels, 3);
    assert_int_equal(a.source.level, 1);
    assert_true(a.width == 1056 && a.height == 32);
    assert_true(a.source.spacing[0] == 0.001); /* half a micrometre, twice */
    golden_load(&file, "scan/slide.svs");
    hg_image_init(&b);
    if (hg_image_read_memory(&b, file.data, file.size, NULL, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_memory_equal(a.samples, b.samples, hg_image_bytes(&a));
    hg_image_deinit(&a);
    hg_image_deinit(&b);
    /* Cut short: an error, of whatever kind; the reader is OpenSlide's. */
    for (size_t n = 16; n < file.size; n += file.size / 9) {
        assert_int_equal(hg_image_read_memory(&b, file.data, n, NULL, &err), HG_STATUS_INPUT);
        assert_null(strstr(err.text, "decoder"));
    }
    hg_buffer_deinit(&file);
    view.level = 3;
    scan_refuse("scan/slide.svs", view, HG_STATUS_USAGE, "no level 3; the slide has 0..2");
    view.level = 2;
    const int region[4] = {520, 0, 20, 4};
    memcpy(view.region, region, sizeof region);
    scan_refuse("scan/slide.svs", view, HG_STATUS_USAGE, "inside level 2 of 528 x 16");
    scan_refuse("scan/pages.tif", view, HG_STATUS_USAGE, "for whole slides");
    scan_refuse("rgb.png", view, HG_STATUS_USAGE, "one picture");
}

/* A slice of a file of frames is a frame. */
static void test_slice_as_frame(void **state)
{
    (void)state;
    hg_image a, b;
    hg_image_view view = hg_image_view_default();
    view.slice = 2;
    scan_open(&a, SCAN_FOLDER "pages.tif", &view);
    view = hg_image_view_default();
    view.frame = 2;
    scan_open(&b, SCAN_FOLDER "pages.tif", &view);
    assert_int_equal(a.source.frame, 2);
    assert_memory_equal(a.samples, b.samples, hg_image_bytes(&a));
    hg_image_deinit(&a);
    hg_image_deinit(&b);
}

/* The choice of window is told. */
static void test_told(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        hg_window_origin origin;
        double centre, width;
        bool inverted;
    } wanted[] = {{"signed.dcm", HG_WINDOW_ORIGIN_FILE, 40, 400, false},
                  {"mono1.dcm", HG_WINDOW_ORIGIN_FILE, 2000, 3000, true},
                  {"inverse.dcm", HG_WINDOW_ORIGIN_FILE, 2000, 3000, true},
                  {"voi_table.dcm", HG_WINDOW_ORIGIN_TABLE, 259, 512, false},
                  {"cal.nii", HG_WINDOW_ORIGIN_FILE, 250, 400, false}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        char path[HG_PATH_BYTES];
        hg_image image;
        snprintf(path, sizeof path, SCAN_FOLDER "%s", wanted[i].name);
        scan_open(&image, path, NULL);
        assert_int_equal(image.source.origin, wanted[i].origin);
        assert_true(image.source.window.centre == wanted[i].centre);
        assert_true(image.source.window.width == wanted[i].width);
        assert_int_equal(image.source.inverted, wanted[i].inverted);
        hg_image_deinit(&image);
    }
}

static void scan_check_note(const char *name, const char *note)
{
    char path[HG_PATH_BYTES];
    hg_image image;
    snprintf(path, sizeof path, SCAN_FOLDER "%s", name);
    scan_open(&image, path, NULL);
    assert_string_equal(image.source.note, note);
    hg_image_deinit(&image);
}

static void test_notes(void **state)
{
    (void)state;
    scan_check_note("signed.dcm", "");
    scan_check_note("oblong.dcm", "pixels are not square: 1 mm across, 2 mm down");
    scan_check_note("tilted.dcm", "the gantry was tilted by -12.5 degrees");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_files),    cmocka_unit_test(test_real_files),
        cmocka_unit_test(test_wrong_places),   cmocka_unit_test(test_claimed_sizes),
        cmocka_unit_test(test_slice_as_frame), cmocka_unit_test(test_told),
        cmocka_unit_test(test_notes),          cmocka_unit_test(test_slide),
        cmocka_unit_test(test_large_tiles)};
    return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
