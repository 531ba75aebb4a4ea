/* SPDX-License-Identifier: Apache-2.0
 *
 * test_image_metrics.c: against scikit-image and NumPy (reference/make_metrics.py), and cases known by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eval/image_metrics.h"

#include <healthgpt/eval.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static json_t *expected;

static hg_image *open_image(const char *name)
{
    char path[512];
    hg_image *image;
    hg_error err;
    snprintf(path, sizeof path, HG_TEST_DATA "/eval/%s.png", name);
    if (hg_image_open(&image, path, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return image;
}

static void check_number(const char *name, const char *key, double got)
{
    const json_t *value = json_object_get(json_object_get(expected, name), key);
    assert_true(json_is_number(value));
    double want = json_number_value(value);
    if (!(fabs(got - want) <= 1e-9 * (1 + fabs(want))))
        fail_msg("%s %s: %.15g, expected %.15g", name, key, got, want);
}

static void check_case(const char *name, const char *a_name, const char *b_name, const char *mask_name,
                       double range)
{
    hg_image *a = open_image(a_name), *b = open_image(b_name),
             *mask = mask_name == NULL ? NULL : open_image(mask_name);
    hg_compare_options options = {.range = range, .mask = mask};
    hg_image_scores s;
    hg_error err;
    assert_int_equal(hg_eval_compare(a, b, &options, &s, &err), HG_STATUS_OK);
    check_number(name, "ssim_gaussian", s.ssim);
    check_number(name, "mse", s.mse);
    check_number(name, "psnr", s.psnr);
    check_number(name, "mae", s.mae);
    if (hg_image_get_info(a).bits == 8)
        check_number(name, "wrapped_mse", s.wrapped_mse);
    else
        assert_false(s.has_wrapped);
    options.window = HG_SSIM_WINDOW_UNIFORM;
    assert_int_equal(hg_eval_compare(a, b, &options, &s, &err), HG_STATUS_OK);
    check_number(name, "ssim_uniform", s.ssim);
    hg_image_close(a);
    hg_image_close(b);
    hg_image_close(mask);
}

static void test_reference(void **state)
{
    (void)state;
    check_case("grey", "grey_a", "grey_b", NULL, 0);
    check_case("masked", "grey_a", "grey_b", "mask", 0);
    check_case("colour", "colour_a", "colour_b", NULL, 0);
    check_case("wide", "wide_a", "wide_b", NULL, 0);
    check_case("narrow_range", "grey_a", "grey_b", NULL, 200);
}

static hg_image *flat(int width, int height, int channels, uint8_t value)
{
    static uint8_t samples[64 * 64 * 3];
    hg_image *image;
    hg_error err;
    memset(samples, value, sizeof samples);
    assert_int_equal(hg_image_create(&image, samples, width, height, channels, &err), HG_STATUS_OK);
    return image;
}

/* Flat pictures: everything is known in closed form. */
static void test_flat(void **state)
{
    hg_image *a = flat(20, 16, 1, 100), *b = flat(20, 16, 1, 120), *c = flat(20, 16, 3, 100);
    hg_image_scores s;
    hg_error err;
    (void)state;
    assert_int_equal(hg_eval_compare(a, b, NULL, &s, &err), HG_STATUS_OK);
    assert_true(fabs(s.mse - 400) < 1e-12 && fabs(s.mae - 20) < 1e-12);
    assert_true(fabs(s.psnr - 10 * log10(255.0 * 255 / 400)) < 1e-12);
    const double c1 = 2.55 * 2.55;
    assert_true(fabs(s.ssim - (2 * 100.0 * 120 + c1) / (100.0 * 100 + 120.0 * 120 + c1)) < 1e-9);
    assert_true(fabs(s.wrapped_mse - 144) < 1e-12); /* 400 modulo 256 */
    assert_int_equal(s.n_pixels, 320);
    assert_int_equal(hg_eval_compare(a, a, NULL, &s, &err), HG_STATUS_OK);
    assert_true(s.mse == 0 && isinf(s.psnr) && fabs(s.ssim - 1) < 1e-12);
    /* Grey beside colour: the grey one counts as colour. */
    assert_int_equal(hg_eval_compare(a, c, NULL, &s, &err), HG_STATUS_OK);
    assert_true(s.mse == 0 && s.channels == 3);
    hg_image_close(a);
    hg_image_close(b);
    hg_image_close(c);
}

static void test_refusals(void **state)
{
    hg_image *a = flat(20, 16, 1, 1), *b = flat(16, 20, 1, 1), *small = flat(10, 20, 1, 1),
             *black = flat(20, 16, 1, 0);
    hg_image *wide = open_image("wide_a"), *grey = open_image("grey_a");
    hg_compare_options options = {.mask = b};
    hg_image_scores s;
    hg_error err;
    (void)state;
    assert_int_equal(hg_eval_compare(a, b, NULL, &s, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "20 x 16 and 16 x 20"));
    assert_int_equal(hg_eval_compare(small, small, NULL, &s, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "window"));
    assert_int_equal(hg_eval_compare(wide, grey, NULL, &s, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_eval_compare(a, a, &options, &s, &err), HG_STATUS_INPUT);
    options.mask = black;
    assert_int_equal(hg_eval_compare(a, a, &options, &s, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "no pixel"));
    hg_image_close(a);
    hg_image_close(b);
    hg_image_close(small);
    hg_image_close(black);
    hg_image_close(wide);
    hg_image_close(grey);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference), cmocka_unit_test(test_flat),
                                       cmocka_unit_test(test_refusals)};
    json_error_t why;
    expected = json_load_file(HG_TEST_DATA "/eval/expected.json", 0, &why);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(expected);
    return failed;
}
