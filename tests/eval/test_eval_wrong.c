/* SPDX-License-Identifier: Apache-2.0
 *
 * test_eval_wrong.c: the pictures that show nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eval/eval_run.h"
#include "image/pixels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 60, HEIGHT = 40, N = WIDTH * HEIGHT };

static const uint8_t *make(hg_image *image, const char *name, size_t index)
{
    hg_error err = {HG_STATUS_OK, ""};
    hg_image_init(image);
    assert_int_equal(hg_eval_wrong_make(image, name, WIDTH, HEIGHT, index, &err), HG_STATUS_OK);
    assert_int_equal(image->width, WIDTH);
    assert_int_equal(image->height, HEIGHT);
    assert_int_equal(image->channels, 3);
    return image->samples;
}

static void test_uniform(void **state)
{
    (void)state;
    const struct {
        const char *name;
        uint8_t value;
    } kinds[] = {{"black", 0}, {"white", 255}, {"grey", 128}};
    for (size_t k = 0; k < 3; k++) {
        hg_image image;
        const uint8_t *samples = make(&image, kinds[k].name, 7);
        for (size_t i = 0; i < 3 * N; i++)
            assert_int_equal(samples[i], kinds[k].value);
        hg_image_deinit(&image);
    }
}

/* Mean and deviation of 0..255 drawn evenly are 127.5 and 73.9; neighbours do not know each other. */
static void test_noise(void **state)
{
    (void)state;
    hg_image image, same, other;
    const uint8_t *a = make(&image, "noise", 3), *b = make(&same, "noise", 3), *c = make(&other, "noise", 4);
    double mean = 0, squares = 0, products = 0;
    assert_memory_equal(a, b, 3 * N);
    assert_true(memcmp(a, c, 3 * N) != 0);
    for (size_t i = 0; i < N; i++) {
        assert_true(a[3 * i] == a[3 * i + 1] && a[3 * i] == a[3 * i + 2]);
        mean += a[3 * i] / (double)N;
    }
    for (size_t i = 0; i + 1 < N; i++) {
        squares += (a[3 * i] - mean) * (a[3 * i] - mean) / N;
        products += (a[3 * i] - mean) * (a[3 * i + 3] - mean) / N;
    }
    assert_true(fabs(mean - 127.5) < 6 && fabs(sqrt(squares) - 73.9) < 4 && fabs(products / squares) < 0.08);
    hg_image_deinit(&image);
    hg_image_deinit(&same);
    hg_image_deinit(&other);
}

/* Whole range of a channel between opposite corners, in steps of at most one part of the way. */
static void test_gradient(void **state)
{
    (void)state;
    hg_image image;
    int spans = 0;
    for (size_t index = 0; index < 8; index++) {
        const uint8_t *a = make(&image, "gradient", index);
        for (size_t i = 0; i + 1 < N; i++) {
            if ((i + 1) % WIDTH != 0)
                assert_true(abs(a[3 * i] - a[3 * i + 3]) <= 255 / (WIDTH + HEIGHT - 2) + 1);
        }
        int down = abs(a[0] - a[3 * (N - 1)]), up = abs(a[3 * (WIDTH - 1)] - a[3 * (N - WIDTH)]);
        spans += (down > up ? down : up) > 40;
        hg_image_deinit(&image);
    }
    assert_true(spans >= 4);
    assert_int_equal(hg_eval_wrong_make(&image, "gradient", 1, 1, 0, &(hg_error){0}), HG_STATUS_OK);
    hg_image_deinit(&image);
}

static void test_names(void **state)
{
    (void)state;
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_eval_wrong_check(NULL, &err), HG_STATUS_OK);
    assert_int_equal(hg_eval_wrong_check("noise", &err), HG_STATUS_OK);
    assert_int_equal(hg_eval_wrong_check("nois", &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "gradient"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_uniform), cmocka_unit_test(test_noise),
                                       cmocka_unit_test(test_gradient), cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
