/* SPDX-License-Identifier: Apache-2.0
 *
 * test_clip_input.c: decoding, padding, resizing and normalising against Pillow and transformers, byte for
 * byte, for committed files of every kind and for real pictures of the shared data set.
 */
#include "image/clip_input.h"

#include "image/rgb.h"
#include "image_golden.h"

#include <stdlib.h>
#include <time.h>

#define N_BANDS 24
#define BAND_ROWS (HG_CLIP_SIDE / N_BANDS)
#define N_SAMPLES (N_BANDS * N_BANDS * 3)

typedef struct clip_case {
    char where[16];
    char name[256];
    int width;
    int height;
    uint64_t rgb;
    uint64_t u8;
    uint64_t f32;
    long bands[N_BANDS];
    char samples[2 * N_SAMPLES + 1];
} clip_case;

static uint8_t clip_u8[HG_CLIP_VALUES];
static float clip_f32[HG_CLIP_VALUES];

static bool clip_parse(clip_case *c, const char *line)
{
    char bands[512];
    unsigned long long rgb;
    unsigned long long u8;
    unsigned long long f32;
    int n = sscanf(line, "%15s %255s %d %d %llx %llx %llx %511s %3456s", c->where, c->name, &c->width,
                   &c->height, &rgb, &u8, &f32, bands, c->samples);
    c->rgb = rgb;
    c->u8 = u8;
    c->f32 = f32;
    char *at = bands;
    for (int i = 0; i < N_BANDS; i++)
        c->bands[i] = strtol(at, &at, 10), at++;
    return n == 9;
}

static int clip_sample(const char *hex)
{
    char pair[3] = {hex[0], hex[1], 0};
    return (int)strtol(pair, NULL, 16);
}

/* How far off: the largest difference of the stored samples, and of the mean of a band. */
static void clip_explain(const clip_case *c)
{
    int most = 0;
    long most_band = 0;
    for (int i = 0; c->samples[0] != '-' && i < N_SAMPLES; i++) {
        int y = i / (3 * N_BANDS) * BAND_ROWS;
        int x = i / 3 % N_BANDS * BAND_ROWS;
        int difference = abs(clip_sample(c->samples + 2 * i) - clip_u8[(y * HG_CLIP_SIDE + x) * 3 + i % 3]);
        most = difference > most ? difference : most;
    }
    for (int band = 0; band < N_BANDS; band++) {
        long sum = 0;
        for (int i = 0; i < BAND_ROWS * HG_CLIP_SIDE * 3; i++)
            sum += clip_u8[band * BAND_ROWS * HG_CLIP_SIDE * 3 + i];
        long difference = labs(sum - c->bands[band]);
        most_band = difference > most_band ? difference : most_band;
    }
    print_message("%s: CLIP input differs: samples by up to %d, band means by up to %.4f\n", c->name, most,
                  (double)most_band / (BAND_ROWS * HG_CLIP_SIDE * 3));
}

static bool clip_check_size(const clip_case *c, const hg_image *image)
{
    if (image->width == c->width && image->height == c->height)
        return true;
    print_message("%s: %d x %d pixels instead of %d x %d\n", c->name, image->width, image->height, c->width,
                  c->height);
    return false;
}

static bool clip_check(const clip_case *c)
{
    char path[HG_PATH_BYTES];
    hg_error err = {0};
    const hg_clip_preparation config = hg_clip_preparation_default();
    hg_image image;
    hg_image rgb;
    golden_path(path, c->where, c->name);
    golden_open(&image, path);
    hg_image_init(&rgb);
    assert_int_equal(hg_image_to_rgb(&rgb, &image, &err), HG_STATUS_OK);
    bool good = clip_check_size(c, &image);
    if (golden_fingerprint(rgb.samples, hg_image_bytes(&rgb)) != c->rgb) {
        print_message("%s: the RGB bytes differ\n", c->name);
        good = false;
    }
    assert_int_equal(hg_clip_input_u8(clip_u8, &image, &config, &err), HG_STATUS_OK);
    hg_clip_input_normalize(clip_f32, clip_u8, &config);
    if (golden_fingerprint(clip_u8, sizeof clip_u8) != c->u8) {
        clip_explain(c);
        good = false;
    }
    if (golden_fingerprint(clip_f32, sizeof clip_f32) != c->f32) {
        print_message("%s: the normalised CLIP input differs\n", c->name);
        good = false;
    }
    hg_image_deinit(&rgb);
    hg_image_deinit(&image);
    return good;
}

/* All lines of clip.txt whose files lie `where`; how many there are. */
static int clip_check_all(const char *where)
{
    static clip_case c;
    static char line[8192];
    int n = 0;
    int n_bad = 0;
    FILE *file = fopen(HG_TEST_DATA "/image/clip.txt", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        assert_true(clip_parse(&c, line));
        if (strcmp(c.where, where) != 0)
            continue;
        n++;
        n_bad += clip_check(&c) ? 0 : 1;
    }
    fclose(file);
    print_message("%d of %d %s images are equal byte for byte\n", n - n_bad, n, where);
    assert_int_equal(n_bad, 0);
    return n;
}

static void test_committed_files(void **state)
{
    (void)state;
    assert_true(clip_check_all("test") >= 38);
}

static void test_real_pictures(void **state)
{
    (void)state;
    if (!golden_have_shared()) {
        print_message("skipped: no shared data\n");
        skip();
    }
    assert_true(clip_check_all("shared") >= 30);
}

/* The margin is the pad colour and the picture's own rows are where they belong: no resizing at S = side. */
static void test_padding(void **state)
{
    (void)state;
    uint8_t samples[2 * 5 * 3];
    memset(samples, 7, sizeof samples);
    hg_image image = {.width = 2, .height = 5, .channels = 3, .bits = 8, .samples = samples, .format = ""};
    hg_clip_preparation config = hg_clip_preparation_default();
    config.size = 5;
    uint8_t out[5 * 5 * 3];
    hg_error err = {0};
    assert_int_equal(hg_clip_input_u8(out, &image, &config, &err), HG_STATUS_OK);
    for (int i = 0; i < 25; i++) {
        bool inside = i % 5 == 1 || i % 5 == 2;
        assert_int_equal(out[3 * i], inside ? 7 : 122);
        assert_int_equal(out[3 * i + 1], inside ? 7 : 116);
        assert_int_equal(out[3 * i + 2], inside ? 7 : 104);
    }
}

/* The longest sides that files may have, on a square that is hardly theirs: it is quick and needs little
 * memory, and all that is seen is the border, but for a line in the middle. */
static void test_extreme_aspects(void **state)
{
    (void)state;
    static uint8_t samples[HG_IMAGE_MAX_SIDE * 3];
    const hg_clip_preparation config = hg_clip_preparation_default();
    hg_error err = {0};
    for (int wide = 0; wide < 2; wide++) {
        hg_image image = {.width = wide ? HG_IMAGE_MAX_SIDE : 1,
                          .height = wide ? 1 : HG_IMAGE_MAX_SIDE,
                          .channels = 3,
                          .bits = 8,
                          .samples = samples,
                          .format = ""};
        clock_t begin = clock();
        assert_int_equal(hg_clip_input_u8(clip_u8, &image, &config, &err), HG_STATUS_OK);
        assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 10.0);
        for (int i = 0; i < HG_CLIP_SIDE * HG_CLIP_SIDE; i++) {
            int across = wide ? i / HG_CLIP_SIDE : i % HG_CLIP_SIDE;
            if (across < HG_CLIP_SIDE / 2 - 3 || across > HG_CLIP_SIDE / 2 + 3)
                assert_memory_equal(clip_u8 + 3 * i, config.pad_rgb, 3);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_padding), cmocka_unit_test(test_extreme_aspects),
                                       cmocka_unit_test(test_committed_files),
                                       cmocka_unit_test(test_real_pictures)};
    return cmocka_run_group_tests_name("clip_input", tests, NULL, NULL);
}
