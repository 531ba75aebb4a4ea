/* SPDX-License-Identifier: Apache-2.0
 *
 * test_roi.c: marks: which pixels they cover and what becomes of them, regions outside the picture, texts.
 */
#include <healthgpt/roi.h>

#include "image_golden.h"

#include <math.h>
#include <stdlib.h>

#define SIDE 336
#define GREY 100

static hg_image *roi_grey(int width, int height)
{
    hg_error err = {0};
    hg_image *image;
    uint8_t *samples = malloc((size_t)width * (size_t)height);
    memset(samples, GREY, (size_t)width * (size_t)height);
    assert_int_equal(hg_image_create(&image, samples, width, height, 1, &err), HG_STATUS_OK);
    free(samples);
    return image;
}

static hg_image *roi_mark_all(const hg_image *image, const char *const *texts, size_t n)
{
    hg_roi rois[HG_ROI_MAX];
    hg_error err = {0};
    hg_image *marked;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(hg_roi_parse(&rois[i], texts[i], &err), HG_STATUS_OK);
    if (hg_roi_draw(&marked, image, rois, n, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return marked;
}

/* 100 blended with 255 and with 0 by 176 of 255, rounded. */
static const uint8_t roi_strong = 207, roi_weak = 31;

/* Which colour a pixel of a marked grey picture has: 0 none, 1 red, 2 green, -1 anything else. */
static int roi_colour(const hg_image *image, int x, int y)
{
    const uint8_t *p = (const uint8_t *)image->samples + 3 * (y * image->width + x);
    if (p[0] == GREY && p[1] == GREY && p[2] == GREY)
        return 0;
    if (p[0] == roi_strong && p[1] == roi_weak && p[2] == roi_weak)
        return 1;
    return p[0] == roi_weak && p[1] == roi_strong && p[2] == roi_weak ? 2 : -1;
}

static void test_box(void **state)
{
    (void)state;
    static const char *const texts[] = {"20,30,50,40", "200,200,9,9,box"};
    hg_image *image = roi_grey(SIDE, SIDE - 10);
    hg_image *marked = roi_mark_all(image, texts, 2);
    assert_int_equal(hg_image_get_info(marked).channels, 3);
    for (int y = 0; y < SIDE - 10; y++) {
        for (int x = 0; x < SIDE; x++) {
            bool outer = x >= 20 && x < 70 && y >= 30 && y < 70;
            bool inner = x >= 23 && x < 67 && y >= 33 && y < 67;
            bool other = x >= 200 && x < 209 && y >= 200 && y < 209;
            bool middle = x >= 203 && x < 206 && y >= 203 && y < 206;
            assert_int_equal(roi_colour(marked, x, y), outer && !inner ? 1 : other && !middle ? 2 : 0);
        }
    }
    /* The original is as it was. */
    assert_int_equal(hg_image_get_info(image).channels, 1);
    assert_int_equal(((const uint8_t *)image->samples)[30 * SIDE + 20], GREY);
    hg_image_close(marked);
    hg_image_close(image);
}

/* The band between the ellipse and the one whose half axes are a line shorter. */
static void test_ellipse(void **state)
{
    (void)state;
    static const char *const texts[] = {"100,50,120,80,ellipse"};
    hg_image *image = roi_grey(SIDE, SIDE), *marked = roi_mark_all(image, texts, 1);
    int n = 0;
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            double dx = x + 0.5 - 160, dy = y + 0.5 - 90;
            bool outer = hypot(dx / 60, dy / 40) <= 1, inner = hypot(dx / 57, dy / 37) <= 1;
            assert_int_equal(roi_colour(marked, x, y), outer && !inner ? 1 : 0);
            n += outer && !inner;
        }
    }
    assert_in_range(n, 870, 960); /* pi (60 * 40 - 57 * 37) = 914 */
    hg_image_close(marked);
    hg_image_close(image);
}

/* The tip is at the region's middle, the shaft leads towards the picture's, and all of it is inside. */
static void test_arrow(void **state)
{
    (void)state;
    static const int middles[4][2] = {{20, 20}, {310, 20}, {20, 310}, {310, 310}};
    for (int i = 0; i < 4; i++) {
        char text[40];
        const char *texts[1] = {text};
        int x = middles[i][0], y = middles[i][1], sx = x < 168 ? 1 : -1, sy = y < 168 ? 1 : -1;
        snprintf(text, sizeof text, "%d,%d,10,10,arrow", x - 5, y - 5);
        hg_image *image = roi_grey(SIDE, SIDE), *marked = roi_mark_all(image, texts, 1);
        /* 50 long, diagonal: the shaft ends 35 further in both directions */
        assert_int_equal(roi_colour(marked, sx > 0 ? x + 3 : x - 4, sy > 0 ? y + 3 : y - 4), 1);
        assert_int_equal(roi_colour(marked, x + sx * 34, y + sy * 34), 1);
        assert_int_equal(roi_colour(marked, x + sx * 38, y + sy * 38), 0);
        assert_int_equal(roi_colour(marked, x - sx * 3, y - sy * 3), 0);
        /* the head is wider than the shaft */
        assert_int_equal(roi_colour(marked, x + sx * 14, y + sy * 7), 1);
        assert_int_equal(roi_colour(marked, x + sx * 28, y + sy * 21), 0);
        hg_image_close(marked);
        hg_image_close(image);
    }
}

/* Lines grow with the picture: 9 pixels where a side has 1024. */
static void test_width(void **state)
{
    (void)state;
    static const char *const texts[] = {"100,100,200,200"};
    hg_image *image = roi_grey(1024, 600), *marked = roi_mark_all(image, texts, 1);
    int n = 0;
    for (int x = 0; x < 200; x++)
        n += roi_colour(marked, x, 200) == 1;
    assert_int_equal(n, 9);
    hg_image_close(marked);
    hg_image_close(image);
}

static void test_bounds(void **state)
{
    (void)state;
    hg_error err = {0};
    hg_image *image = roi_grey(40, 30), *marked;
    const hg_roi good = {.x = 0, .y = 0, .width = 40, .height = 30};
    assert_int_equal(hg_roi_draw(&marked, image, &good, 1, &err), HG_STATUS_OK);
    hg_image_close(marked);
    const hg_roi bad[] = {{.x = 1, .width = 40, .height = 30},
                          {.y = 1, .width = 40, .height = 30},
                          {.x = -1, .width = 5, .height = 5},
                          {.width = 0, .height = 5},
                          {.x = INT32_MAX, .width = INT32_MAX, .height = 5}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(hg_roi_draw(&marked, image, &bad[i], 1, &err), HG_STATUS_USAGE);
        assert_null(marked);
        assert_non_null(strstr(err.text, "inside the picture of 40 x 30"));
    }
    assert_int_equal(hg_roi_draw(&marked, image, &good, 0, &err), HG_STATUS_USAGE);
    assert_int_equal(hg_roi_draw(&marked, image, &good, HG_ROI_MAX + 1, &err), HG_STATUS_USAGE);
    hg_image_close(image);
}

static void test_texts(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",        "1,2,3",           "1,2,3,4,",    "1,2,3,4,circle", "1,2,3,4,box,",
        "1,2,0,4", "1,2,3,0,ellipse", "-1,2,3,4",    "1;2;3;4",        "1,2,3,99999",
        "a,2,3,4", "1,2,3,4box",      "1,2,3,4 ,box"};
    hg_roi rois[3];
    hg_error err = {0};
    char text[HG_ROI_TEXT_BYTES];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (hg_roi_parse(&rois[0], bad[i], &err) != HG_STATUS_USAGE)
            fail_msg("'%s' is taken", bad[i]);
    }
    assert_int_equal(hg_roi_parse(&rois[0], "1,2,3,4", &err), HG_STATUS_OK);
    assert_true(rois[0].x == 1 && rois[0].y == 2 && rois[0].width == 3 && rois[0].height == 4);
    assert_int_equal(hg_roi_parse(&rois[1], "0,0,9,9,arrow", &err), HG_STATUS_OK);
    assert_int_equal(hg_roi_parse(&rois[2], "0,0,9,9,ellipse", &err), HG_STATUS_OK);
    hg_roi_describe(text, rois, 3);
    assert_string_equal(text,
                        "Region 1 is within the red box. Region 2 is pointed to by the green arrow. Region "
                        "3 is within the blue ellipse.");
    hg_roi many[HG_ROI_MAX];
    for (int i = 0; i < HG_ROI_MAX; i++)
        many[i] = rois[1];
    hg_roi_describe(text, many, HG_ROI_MAX);
    assert_non_null(strstr(text, "Region 6 is pointed to by the cyan arrow."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_box),    cmocka_unit_test(test_ellipse),
                                       cmocka_unit_test(test_arrow),  cmocka_unit_test(test_width),
                                       cmocka_unit_test(test_bounds), cmocka_unit_test(test_texts)};
    return cmocka_run_group_tests_name("roi", tests, NULL, NULL);
}
