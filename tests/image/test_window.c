/* SPDX-License-Identifier: Apache-2.0
 *
 * test_window.c: window functions against the formulas of DICOM PS3.3 C.11.2.1.2, tables, and parsing.
 */
#include "image/window.h"

#include "image_golden.h"

#include <math.h>

/* The standard's pseudo-code with y from 0 to 1. */
static double window_standard(hg_window_function f, double c, double w, double x)
{
    if (f == HG_WINDOW_FUNCTION_SIGMOID)
        return 1 / (1 + exp(-4 * (x - c) / w));
    bool exact = f == HG_WINDOW_FUNCTION_LINEAR_EXACT;
    double middle = exact ? c : c - 0.5, span = exact ? w : w - 1;
    if (x <= middle - span / 2)
        return 0;
    if (x > middle + span / 2)
        return 1;
    return (x - middle) / span + 0.5;
}

static void test_functions(void **state)
{
    (void)state;
    static const double windows[][2] = {{40, 400}, {-500, 1400}, {0.5, 1}, {10, 2}, {128, 256}, {-3.25, 7.5}};
    for (int f = HG_WINDOW_FUNCTION_LINEAR; f <= HG_WINDOW_FUNCTION_SIGMOID; f++) {
        for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
            for (double x = -1300; x <= 1300; x += 0.25) {
                double want = window_standard((hg_window_function)f, windows[i][0], windows[i][1], x);
                double got = hg_window_apply((hg_window_function)f, windows[i][0], windows[i][1], x);
                if (fabs(got - want) > 1e-12)
                    fail_msg("function %d, %g,%g at %g: %g, not %g", f, windows[i][0], windows[i][1], x, got,
                             want);
            }
        }
    }
    /* The note of C.11.2.1.2.1: centre 128 and width 256 keep the numbers 0..255. */
    for (int x = 0; x < 256; x++)
        assert_true(fabs(255 * hg_window_apply(HG_WINDOW_FUNCTION_LINEAR, 128, 256, x) - x) <= 1e-9);
    assert_true(hg_window_apply(HG_WINDOW_FUNCTION_LINEAR, 0, 10, NAN) == 0);
}

static void test_check(void **state)
{
    (void)state;
    hg_error err = {0};
    assert_int_equal(hg_window_check(HG_WINDOW_FUNCTION_LINEAR, 0, 1, &err), HG_STATUS_OK);
    assert_int_equal(hg_window_check(HG_WINDOW_FUNCTION_LINEAR, 0, 0.5, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_window_check(HG_WINDOW_FUNCTION_SIGMOID, 0, 0.5, &err), HG_STATUS_OK);
    assert_int_equal(hg_window_check(HG_WINDOW_FUNCTION_SIGMOID, 0, 0, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_window_check(HG_WINDOW_FUNCTION_LINEAR, NAN, 5, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_window_check(HG_WINDOW_FUNCTION_LINEAR, 0, INFINITY, &err), HG_STATUS_INPUT);
}

static void test_parse(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "40",  "40,",   ",400",  "40,400,1",
                                      "40,0", "a,b", "nan,3", "Brain", "40;400"};
    hg_error err = {0};
    hg_image_window window;
    assert_int_equal(hg_window_parse(&window, "-39.5,401", &err), HG_STATUS_OK);
    assert_true(window.centre == -39.5);
    assert_true(window.width == 401);
    assert_string_equal(window.name, "");
    assert_int_equal(hg_window_parse(&window, "lung", &err), HG_STATUS_OK);
    assert_true(window.centre == -500);
    assert_true(window.width == 1400);
    assert_string_equal(window.name, "lung");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (hg_window_parse(&window, bad[i], &err) != HG_STATUS_USAGE)
            fail_msg("'%s' was taken", bad[i]);
    }
    double centre, width;
    size_t n = 0;
    while (hg_window_preset_get(n, &centre, &width) != NULL)
        n++;
    assert_int_equal(n, 6);
}

static void test_table(void **state)
{
    (void)state;
    uint16_t entries[3] = {7, 8, 4000};
    const hg_lut lut = {.entries = entries, .n = 3, .first = -1, .bits = 12};
    assert_int_equal(hg_lut_get(&lut, -50), 7);
    assert_int_equal(hg_lut_get(&lut, -1), 7);
    assert_int_equal(hg_lut_get(&lut, 0.9), 8);
    assert_int_equal(hg_lut_get(&lut, 1), 4000);
    assert_int_equal(hg_lut_get(&lut, 1e30), 4000);
    assert_int_equal(hg_lut_get(&lut, NAN), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_functions), cmocka_unit_test(test_check),
                                       cmocka_unit_test(test_parse), cmocka_unit_test(test_table)};
    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
