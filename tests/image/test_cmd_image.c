/* SPDX-License-Identifier: Apache-2.0
 *
 * test_cmd_image.c: `healthgpt image` by its exit codes, what it prints, and the files it leaves.
 */
#include "image/clip_input.h"
#include "image/resize.h"
#include "image_golden.h"

#include <stdlib.h>
#include <unistd.h>

int cmd_image(int argc, char **argv);

#define FILE_PATH HG_TEST_DATA "/image/exif6.jpg"

static char cmd_folder[] = "/tmp/hg-cmd-image-XXXXXX";

/* Sends what goes to `stream` into a file of the folder, and returns what was there before. */
static int cmd_redirect(FILE *stream, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", cmd_folder, name);
    fflush(stream);
    int kept = dup(fileno(stream));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    dup2(fileno(file), fileno(stream));
    fclose(file);
    return kept;
}

static void cmd_restore(FILE *stream, int kept)
{
    fflush(stream);
    dup2(kept, fileno(stream));
    close(kept);
}

static void cmd_read(hg_buffer *out, const char *name)
{
    char path[64];
    hg_error err = {0};
    snprintf(path, sizeof path, "%s/%s", cmd_folder, name);
    hg_buffer_init(out, 1 << 24);
    if (hg_file_read(path, out, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    unlink(path);
}

/* Runs "image" with the words of `line`; checks the exit code and that each stream holds its part. */
static void cmd_run(const char *line, int want, const char *out_part, const char *err_part)
{
    char words[512];
    char *argv[16] = {"image"};
    int argc = 1;
    snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok(words, " "); word != NULL && argc < 15; word = strtok(NULL, " "))
        argv[argc++] = word;
    int kept_out = cmd_redirect(stdout, "out");
    int kept_err = cmd_redirect(stderr, "err");
    int code = cmd_image(argc, argv);
    cmd_restore(stderr, kept_err);
    cmd_restore(stdout, kept_out);
    hg_buffer out;
    hg_buffer err;
    cmd_read(&out, "out");
    cmd_read(&err, "err");
    const char *out_text = hg_buffer_text(&out);
    const char *err_text = hg_buffer_text(&err);
    bool good = code == want && strstr(out_text, out_part) != NULL && strstr(err_text, err_part) != NULL;
    good = good && (*out_part != 0 || *out_text == 0) && (*err_part != 0 || *err_text == 0);
    good = good && (want == 0 || strncmp(err_text, "healthgpt: ", 11) == 0);
    if (!good)
        fail_msg("image %s: exit %d, stdout '%s', stderr '%s'", line, code, out_text, err_text);
    hg_buffer_deinit(&out);
    hg_buffer_deinit(&err);
}

static void test_info(void **state)
{
    (void)state;
    cmd_run("info " FILE_PATH, 0, "size         14 x 23\n", "");
    cmd_run("info --json " FILE_PATH, 0,
            "{\"format\": \"jpeg\", \"width\": 14, \"height\": 23, \"channels\": 3, \"kind\": \"rgb\", "
            "\"bits\": 8, "
            "\"orientation\": 6, \"orientation_applied\": true, \"synthetic\": false}\n",
            "");
    cmd_run("--json info " HG_TEST_DATA "/image/grey_alpha16.png", 0,
            "\"channels\": 2, \"kind\": \"grey+alpha\", \"bits\": 16, \"orientation\": 1, "
            "\"orientation_applied\": false, \"synthetic\": false}",
            "");
    cmd_run("--help", 0, "usage: healthgpt image info", "");
}

static void test_wrong_usage(void **state)
{
    (void)state;
    cmd_run("", 2, "", "a verb");
    cmd_run("info", 2, "", "a file");
    cmd_run("show " FILE_PATH, 2, "", "unknown verb show");
    cmd_run("info a b", 2, "", "not also b");
    cmd_run("info --wrong " FILE_PATH, 2, "", "--wrong");
    cmd_run("convert " FILE_PATH, 2, "", "-o OUT is needed");
    cmd_run("prepare " FILE_PATH " -o", 2, "", "missing");
    cmd_run("convert " FILE_PATH " -o /tmp/hg-none.gif", 2, "", ".png");
    cmd_run("convert " FILE_PATH " -o /tmp/hg-none.jpg --quality 0", 2, "", "1..100");
}

static void test_bad_input(void **state)
{
    (void)state;
    cmd_run("info /tmp/hg-there-is-none.png", 3, "", "/tmp/hg-there-is-none.png: No such file");
    cmd_run("info " HG_TEST_DATA "/image/clip.txt", 3, "", "known format");
    cmd_run("info " HG_TEST_DATA "/text", 3, "", "no DICOM file in this folder");
    cmd_run("convert " FILE_PATH " -o /tmp/hg-no-such-folder/x.png", 1, "", "/tmp/hg-no-such-folder/x.png");
}

static void test_convert(void **state)
{
    (void)state;
    char line[512];
    char path[64];
    hg_image a;
    hg_image b;
    snprintf(path, sizeof path, "%s/x.png", cmd_folder);
    snprintf(line, sizeof line, "convert " FILE_PATH " --quiet -o %s", path);
    cmd_run(line, 0, "", "");
    golden_open(&a, FILE_PATH);
    golden_open(&b, path);
    assert_int_equal(b.orientation, 1);
    assert_int_equal(hg_image_bytes(&a), hg_image_bytes(&b));
    assert_memory_equal(a.samples, b.samples, hg_image_bytes(&a));
    hg_image_deinit(&a);
    hg_image_deinit(&b);
    unlink(path);
}

/* 14 x 23 pixels; the samples are those that the resampler, whose values Pillow gave, makes. */
static void test_convert_size(void **state)
{
    (void)state;
    char line[512];
    char path[64];
    uint8_t want[28 * 46 * 3];
    hg_image a;
    hg_image b;
    hg_error err = {0};
    snprintf(path, sizeof path, "%s/x.png", cmd_folder);
    snprintf(line, sizeof line, "convert --json --size 46 " FILE_PATH " -o %s", path);
    cmd_run(line, 0, "\"width\": 28, \"height\": 46}", "");
    golden_open(&a, FILE_PATH);
    golden_open(&b, path);
    assert_int_equal(hg_image_bytes(&b), sizeof want);
    assert_int_equal(hg_resize_u8(want, 28, 46, a.samples, 14, 23, 3, HG_RESIZE_FILTER_BICUBIC, &err),
                     HG_STATUS_OK);
    assert_memory_equal(b.samples, want, sizeof want);
    hg_image_deinit(&a);
    hg_image_deinit(&b);
    unlink(path);
    snprintf(line, sizeof line, "convert --json --size 1 " FILE_PATH " -o %s", path);
    cmd_run(line, 0, "\"width\": 1, \"height\": 1}", "");
    unlink(path);
    cmd_run("convert --size 0 " FILE_PATH " -o /tmp/hg-none.png", 2, "", "--size must be 1..65535");
    cmd_run("convert --size 20 " FILE_PATH " -o /tmp/hg-none.dcm", 2, "", "--size is not for");
    cmd_run("convert --size 20 " FILE_PATH " -o /tmp/hg-none.nii.gz", 2, "", "--size is not for");
}

/* The array's bytes are those that clip_input gives. */
static void test_prepare(void **state)
{
    (void)state;
    static uint8_t want[HG_CLIP_VALUES];
    static float want_f32[HG_CLIP_VALUES];
    const hg_clip_preparation config = hg_clip_preparation_default();
    char line[512];
    hg_image image;
    hg_buffer file;
    hg_error err = {0};
    golden_open(&image, FILE_PATH);
    assert_int_equal(hg_clip_input_u8(want, &image, &config, &err), HG_STATUS_OK);
    hg_clip_input_normalize(want_f32, want, &config);
    hg_image_deinit(&image);
    snprintf(line, sizeof line, "prepare --json -o %s/x.npy " FILE_PATH, cmd_folder);
    cmd_run(line, 0, "\"type\": \"uint8\", \"shape\": [336, 336, 3]}", "");
    cmd_read(&file, "x.npy");
    assert_true(file.size > sizeof want);
    assert_memory_equal(file.data + file.size - sizeof want, want, sizeof want);
    hg_buffer_deinit(&file);
    snprintf(line, sizeof line, "prepare " FILE_PATH " -o %s/x.npy --normalized", cmd_folder);
    cmd_run(line, 0, "", "");
    cmd_read(&file, "x.npy");
    assert_true(file.size > sizeof want_f32);
    assert_memory_equal(file.data + file.size - sizeof want_f32, want_f32, sizeof want_f32);
    hg_buffer_deinit(&file);
}

#define CT_PATH HG_TEST_DATA "/image/scan/signed.dcm"
#define VOLUME_PATH HG_TEST_DATA "/image/scan/turned.nii"

static void test_scans(void **state)
{
    (void)state;
    cmd_run("info " CT_PATH, 0,
            "window       centre 40, width 400 (file), LINEAR\noffered      centre 40, width 400\n", "");
    cmd_run("info " CT_PATH " --window lung", 0,
            "window       centre -500, width 1400 (preset: lung), LINEAR\n", "");
    cmd_run(
        "info --json " CT_PATH " --window -20,90", 0,
        "\"window_from\": \"user\", \"function\": \"LINEAR\", \"inverted\": false, \"window\": {\"centre\": "
        "-20.0, \"width\": 90.0, \"name\": \"\"}}",
        "");
    cmd_run("info " VOLUME_PATH " --axis coronal --slice 4", 0, "slice        4 of 5, coronal\n", "");
    cmd_run("info " VOLUME_PATH, 0, "stored axes  PSR\n", "");
    cmd_run("info " CT_PATH " --window soft", 2, "", "window 'soft'");
    cmd_run("info " CT_PATH " --frame x", 2, "", "--frame must be a number");
    cmd_run("info " CT_PATH " --slice -2", 2, "", "--slice must be a number");
    cmd_run("info " CT_PATH " --axis up", 2, "", "--axis must be");
    cmd_run("info " CT_PATH " --frame 1", 2, "", "no frame 1");
    cmd_run("info " HG_TEST_DATA "/image/scan/claims.dcm", 3, "", "claims.dcm: 65535 x 65535 pixels");
}

/* The window reaches the written file, and its choice is told on stderr unless --quiet. */
static void test_convert_scan(void **state)
{
    (void)state;
    char line[512];
    char path[64];
    hg_image a;
    hg_image b;
    hg_image_view view = hg_image_view_default();
    hg_error err = {0};
    snprintf(path, sizeof path, "%s/x.png", cmd_folder);
    snprintf(line, sizeof line, "convert " CT_PATH " --window brain -o %s", path);
    /* The file is CT: the preset needs no note. */
    cmd_run(line, 0, "", "window: centre 50, width 100 (preset: brain), LINEAR\n");
    snprintf(line, sizeof line, "convert " CT_PATH " --quiet --window brain -o %s", path);
    cmd_run(line, 0, "", "");
    view.window = "brain";
    hg_image_init(&a);
    assert_int_equal(hg_image_read_view(&a, CT_PATH, &view, NULL, &err), HG_STATUS_OK);
    golden_open(&b, path);
    assert_int_equal(hg_image_bytes(&a), hg_image_bytes(&b));
    assert_memory_equal(a.samples, b.samples, hg_image_bytes(&a));
    hg_image_deinit(&a);
    hg_image_deinit(&b);
    unlink(path);
}

static int cmd_setup(void **state)
{
    (void)state;
    return mkdtemp(cmd_folder) == NULL ? 1 : 0;
}

static int cmd_teardown(void **state)
{
    (void)state;
    return rmdir(cmd_folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info),    cmocka_unit_test(test_wrong_usage),  cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_convert), cmocka_unit_test(test_convert_size), cmocka_unit_test(test_prepare),
        cmocka_unit_test(test_scans),   cmocka_unit_test(test_convert_scan)};
    return cmocka_run_group_tests_name("cmd_image", tests, cmd_setup, cmd_teardown);
}
