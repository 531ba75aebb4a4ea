/* SPDX-License-Identifier: Apache-2.0
 *
 * test_gradient_clip.c: norms known in closed form, the clipped size, what is left alone, and the same norm
 * for any number of threads.
 */
#include "train/gradient_clip.h"

#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_known_norm(void **state)
{
    (void)state;
    float a[2] = {3, 4}, b[1] = {-12};
    hg_param params[2] = {{.grad = a, .n = 2}, {.grad = b, .n = 1}};
    assert_true(hg_gradient_norm(params, 2, 1) == 13);
    assert_true(hg_gradient_clip(params, 2, 13.5, 1) == 13); /* below the limit: untouched */
    assert_true(a[0] == 3 && a[1] == 4 && b[0] == -12);
    assert_true(hg_gradient_clip(params, 2, 6.5, 1) == 13);
    float factor = (float)(6.5 / (13 + 1e-6));
    assert_true(a[0] == 3 * factor && a[1] == 4 * factor && b[0] == -12 * factor);
    assert_true(hg_gradient_norm(params, 0, 1) == 0);
}

static void test_not_finite(void **state)
{
    (void)state;
    float a[3] = {1, NAN, 2};
    hg_param param = {.grad = a, .n = 3};
    assert_true(isnan(hg_gradient_clip(&param, 1, 1, 1)));
    a[1] = INFINITY;
    assert_true(isinf(hg_gradient_clip(&param, 1, 1, 1)));
    assert_true(a[0] == 1 && a[2] == 2);
    for (int i = 0; i < 3; i++)
        a[i] = 3e38F; /* squares that float cannot hold */
    assert_true(fabs(hg_gradient_norm(&param, 1, 1) / (3e38 * sqrt(3)) - 1) < 1e-6);
}

#define N 1000003

static void test_threads(void **state)
{
    (void)state;
    float *g = hg_mem_array(N, sizeof *g);
    assert_non_null(g);
    hg_rng rng;
    hg_rng_init(&rng, 1);
    long double squares = 0;
    for (int i = 0; i < N; i++) {
        g[i] = (float)hg_rng_normal(&rng);
        squares += (long double)g[i] * (long double)g[i];
    }
    hg_param params[3] = {{.grad = g, .n = 17}, {.grad = g + 17, .n = 500000}, {.grad = g + 500017}};
    params[2].n = N - 500017;
    double one = hg_gradient_norm(params, 3, 1);
    assert_true(fabs(one - (double)sqrtl(squares)) <= 1e-12 * one);
    for (int n = 2; n <= 8; n++)
        assert_true(hg_gradient_norm(params, 3, n) == one);
    hg_mem_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_norm),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
