/* SPDX-License-Identifier: Apache-2.0
 *
 * test_phantom_random.c: the phantoms' own functions against the C library's, and the noise's moments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/phantom_field.h"
#include "data/phantom_random.h"
#include "data/phantom_tissue.h"

#include <math.h>
#include <stdlib.h>

static void test_functions(void **state)
{
    (void)state;
    for (double x = -60; x <= 60; x += 0.37)
        assert_true(fabs(hg_phantom_exp(x) / exp(x) - 1.0) < 1e-11);
    for (float x = -40; x <= 40; x += 0.01f)
        assert_true(fabs((double)hg_phantom_sin(x) - sin((double)x)) < 3e-5);
    for (double x = 1e-6; x < 1e6; x *= 1.7)
        assert_true(fabs(hg_phantom_log(x) - log(x)) < 1e-9 * (1 + fabs(log(x))));
    assert_true(hg_phantom_step(-1, 0, 2) == 0 && hg_phantom_step(3, 0, 2) == 1);
    assert_true(fabsf(hg_phantom_step(1, 0, 2) - 0.5f) < 1e-6f);
}

static void test_normal(void **state)
{
    double sum = 0, squares = 0;
    const int n = 200000;
    (void)state;
    for (int i = 0; i < n; i++) {
        double x = (double)hg_phantom_normal(hg_phantom_hash(17, (uint64_t)i));
        sum += x;
        squares += x * x;
    }
    assert_true(fabs(sum / n) < 0.01);
    assert_true(fabs(squares / n - 1.0) < 0.01);
}

static void test_field(void **state)
{
    static hg_phantom_field field;
    float a[4], b[4];
    (void)state;
    hg_phantom_field_fill(&field, 3);
    for (int i = 0; i < 1000; i++) {
        float x = 0.173f * (float)i - 60.0f;
        hg_phantom_field_at(&field, x, 0.5f * x, -x, a);
        hg_phantom_field_at(&field, x + 1e-3f, 0.5f * x, -x, b);
        for (int c = 0; c < 4; c++) {
            assert_true(fabsf(a[c]) <= 1.0f);
            assert_true(fabsf(a[c] - b[c]) < 5e-3f); /* slopes are at most 3 */
        }
    }
    hg_phantom_field_at(&field, 2.25f, -3.5f, 1.75f, a);
    hg_phantom_field_at(&field, 2.25f + HG_PHANTOM_FIELD_SIDE, -3.5f, 1.75f - HG_PHANTOM_FIELD_SIDE, b);
    for (int c = 0; c < 4; c++)
        assert_true(fabsf(a[c] - b[c]) < 1e-6f);
}

/* The spin-echo equation with the C library's exp, and the order of brightness that every textbook shows. */
static void test_signals(void **state)
{
    float s[HG_TISSUE_COUNT][HG_CONTRAST_COUNT];
    (void)state;
    hg_tissue_signals(s, 0);
    double white = 0.73 * (1 - exp(-450.0 / 600)) * exp(-12.0 / 76) / 0.58;
    assert_true(fabs((double)s[HG_TISSUE_WHITE][HG_CONTRAST_T1] - white) < 1e-6);
    const int t1 = HG_CONTRAST_T1, t2 = HG_CONTRAST_T2, ct = HG_CONTRAST_CT;
    assert_true(s[HG_TISSUE_FAT][t1] > s[HG_TISSUE_WHITE][t1] &&
                s[HG_TISSUE_WHITE][t1] > s[HG_TISSUE_GREY][t1] &&
                s[HG_TISSUE_GREY][t1] > s[HG_TISSUE_CSF][t1] && s[HG_TISSUE_CSF][t1] > s[HG_TISSUE_BONE][t1]);
    assert_true(s[HG_TISSUE_CSF][t2] > s[HG_TISSUE_GREY][t2] &&
                s[HG_TISSUE_GREY][t2] > s[HG_TISSUE_WHITE][t2] &&
                s[HG_TISSUE_WHITE][t2] > s[HG_TISSUE_MUSCLE][t2]);
    assert_true(s[HG_TISSUE_BONE][ct] > s[HG_TISSUE_HAEMATOMA][ct] &&
                s[HG_TISSUE_HAEMATOMA][ct] > s[HG_TISSUE_GREY][ct] &&
                s[HG_TISSUE_GREY][ct] > s[HG_TISSUE_WHITE][ct] &&
                s[HG_TISSUE_WHITE][ct] > s[HG_TISSUE_CSF][ct] && s[HG_TISSUE_CSF][ct] > s[HG_TISSUE_FAT][ct]);
    assert_true(s[HG_TISSUE_AIR][ct] == -1000 && s[HG_TISSUE_AIR][t1] == 0 && s[HG_TISSUE_AIR][t2] == 0);
}

#define SEED_PATIENTS 65536

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A patient comes from the hash of the set's seed and its number in the set: the first patients of other
 * seeds are none of a large set's. Demonstrations and tests may so be made by another seed than training. */
static void test_seeds_share_no_patient(void **state)
{
    (void)state;
    static uint64_t trained[SEED_PATIENTS];
    for (uint64_t i = 0; i < SEED_PATIENTS; i++)
        trained[i] = hg_phantom_hash(1, i);
    qsort(trained, SEED_PATIENTS, sizeof *trained, compare_numbers);
    for (uint64_t i = 1; i < SEED_PATIENTS; i++)
        assert_true(trained[i - 1] != trained[i]);
    for (uint64_t seed = 2; seed < 4096; seed++) {
        for (uint64_t i = 0; i < 16; i++) {
            uint64_t other = hg_phantom_hash(seed, i);
            assert_null(bsearch(&other, trained, SEED_PATIENTS, sizeof *trained, compare_numbers));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_functions), cmocka_unit_test(test_normal),
                                       cmocka_unit_test(test_field), cmocka_unit_test(test_signals),
                                       cmocka_unit_test(test_seeds_share_no_patient)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
