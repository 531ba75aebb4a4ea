/* SPDX-License-Identifier: Apache-2.0
 *
 * test_rng.c: the generator against numbers that a Python program of the published algorithms gave; the shape
 * of the distributions.
 */
#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_known_numbers(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed, want[4];
    } known[] = {
        {0, {0x99ec5f36cb75f2b4U, 0xbf6e1f784956452aU, 0x1a5f849d4933e6e0U, 0x6aa594f1262d2d2cU}},
        {1, {0xb3f2af6d0fc710c5U, 0x853b559647364ceaU, 0x92f89756082a4514U, 0x642e1c7bc266a3a7U}},
        {42, {0x15780b2e0c2ec716U, 0x6104d9866d113a7eU, 0xae17533239e499a1U, 0xecb8ad4703b360a1U}},
        {UINT64_MAX, {0x8f5520d52a7ead08U, 0xc476a018caa1802dU, 0x81de31c0d260469eU, 0xbf658d7e065f3c2fU}},
    };
    for (size_t i = 0; i < 4; i++) {
        hg_rng rng;
        hg_rng_init(&rng, known[i].seed);
        for (int j = 0; j < 4; j++)
            assert_true(hg_rng_next(&rng) == known[i].want[j]);
    }
    hg_rng rng = {{1, 2, 3, 4}}; /* the vectors of xoshiro256** */
    static const uint64_t vectors[6] = {
        11520, 0, 1509978240, 1215971899390074240U, 1216172134540287360U, 607988272756665600U};
    for (int j = 0; j < 6; j++)
        assert_true(hg_rng_next(&rng) == vectors[j]);
    hg_rng_init(&rng, 1234567); /* the state is filled by splitmix64 */
    assert_true(rng.state[0] == 6457827717110365317U && rng.state[3] == 4593380528125082431U);
}

#define DRAWS 100000

static void test_uniform(void **state)
{
    (void)state;
    hg_rng rng;
    double sum = 0;
    hg_rng_init(&rng, 3);
    for (int i = 0; i < DRAWS; i++) {
        double u = hg_rng_uniform(&rng);
        assert_true(u >= 0 && u < 1);
        sum += u;
    }
    assert_true(fabs(sum / DRAWS - 0.5) < 0.005); /* 5 standard errors */
    hg_rng top = {{0, UINT64_MAX, 0, 0}};
    assert_true(hg_rng_uniform(&top) < 1);
}

static void test_normal(void **state)
{
    (void)state;
    hg_rng rng;
    double sum = 0, squares = 0;
    int within = 0;
    hg_rng_init(&rng, 4);
    for (int i = 0; i < DRAWS; i++) {
        double x = hg_rng_normal(&rng);
        assert_true(isfinite(x));
        sum += x;
        squares += x * x;
        within += fabs(x) < 1;
    }
    assert_true(fabs(sum / DRAWS) < 0.016);
    assert_true(fabs(squares / DRAWS - 1) < 0.023);
    assert_true(fabs((double)within / DRAWS - 0.682689) < 0.008);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_numbers),
        cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
