/* SPDX-License-Identifier: Apache-2.0
 *
 * test_phantom_projection.c: films, ultrasound and smears show what is said of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "data/phantom_blood.h"
#include "data/phantom_organ.h"
#include "data/phantom_projection.h"

#include <string.h>

#define SIDE 48

/* Where the film differs from that of the same patient without the lesion: dense ones are brighter, air is
 * darker, and the side is right (columns run to the patient's left). */
static void test_film(void **state)
{
    static float with[SIDE * SIDE], without[SIDE * SIDE];
    hg_phantom_patient *patient = hg_mem_alloc(sizeof *patient);
    int n_seen = 0;
    (void)state;
    for (int i = 0; i < 24; i++) {
        double weight = 0, x = 0, sum = 0;
        hg_phantom_patient_make(patient, 31, i, HG_PHANTOM_CHEST, 1);
        hg_phantom_lesion lesion = patient->lesion;
        float mm2 = hg_phantom_xray(with, SIDE, patient, 0, 5);
        patient->lesion.kind = HG_LESION_NONE;
        assert_true(hg_phantom_xray(without, SIDE, patient, 0, 5) == 0);
        if (mm2 < 300)
            continue;
        n_seen++;
        for (int p = 0; p < SIDE * SIDE; p++) {
            double d = (double)(with[p] - without[p]);
            sum += d;
            weight += fabs(d);
            x += fabs(d) * (p % SIDE - 0.5 * (SIDE - 1));
        }
        assert_true(lesion.kind == HG_LESION_PNEUMOTHORAX ? sum < 0 : sum > 0);
        if (strcmp(lesion.side, "midline") != 0)
            assert_true((x / weight > 0) == (strcmp(lesion.side, "left") == 0));
    }
    assert_true(n_seen > 12);
    hg_mem_free(patient);
}

/* The mean over a small box of the picture. */
static double box_mean(const float *picture, int size, int x, int y, int r)
{
    double sum = 0;
    int n = 0;
    for (int j = y - r; j <= y + r; j++) {
        for (int i = x - r; i <= x + r; i++, n++)
            sum += (double)picture[j * size + i];
    }
    return sum / n;
}

/* A large cyst in the liver is black, its surroundings are not; outside the fan there is nothing. */
static void test_ultrasound(void **state)
{
    enum { SIZE = 96 };
    static float with[SIZE * SIZE], without[SIZE * SIZE];
    hg_phantom_patient *patient = hg_mem_alloc(sizeof *patient);
    hg_error err;
    float mm2, none;
    int found = 0;
    (void)state;
    for (int i = 0; i < 60; i++) {
        float organs[HG_ORGAN_COUNT] = {0};
        hg_phantom_patient_make(patient, 8, i, HG_PHANTOM_ABDOMEN, 1);
        if (patient->lesion.kind != HG_LESION_LIVER_CYST || patient->lesion.radius.x < 14)
            continue;
        hg_vec3 c = hg_phantom_to_scanner(patient, patient->lesion.centre);
        assert_int_equal(hg_phantom_ultrasound(with, SIZE, patient, c.x, c.z, 1, organs, &mm2, &err),
                         HG_STATUS_OK);
        patient->lesion.kind = HG_LESION_NONE;
        assert_int_equal(hg_phantom_ultrasound(without, SIZE, patient, c.x, c.z, 1, organs, &none, &err),
                         HG_STATUS_OK);
        assert_true(none == 0);
        assert_true(organs[HG_ORGAN_LIVER] > 1000);
        assert_true(with[0] == 0 && with[SIZE * SIZE - 1] == 0);
        /* The cyst: where the other picture is brighter by far. It lies straight below the probe. */
        double darkest = 1, there = 0;
        for (int y = 12; y < SIZE - 12; y++) {
            double own = box_mean(with, SIZE, SIZE / 2, y, 3);
            if (own < darkest) {
                darkest = own;
                there = box_mean(without, SIZE, SIZE / 2, y, 3);
            }
        }
        assert_true(mm2 > 300 && darkest < 0.1 && there > 0.25);
        found++;
    }
    assert_true(found >= 2);
    hg_mem_free(patient);
}

/* Only nuclei are dark violet: pixels of that colour are there when and only when white cells are. */
static void test_blood(void **state)
{
    static uint8_t rgb[SIDE * 2 * SIDE * 2 * 3];
    int n_none = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        hg_rng rng;
        int violet = 0, red = 0;
        hg_rng_init(&rng, seed);
        hg_blood_counts counts = hg_phantom_blood(rgb, 2 * SIDE, &rng);
        for (int i = 0; i < 4 * SIDE * SIDE; i++) {
            const uint8_t *p = &rgb[3 * i];
            violet += p[1] < 80 && p[2] > 110;
            red += p[0] > p[2] + 50;
        }
        assert_int_equal(violet > 0, counts.white > 0);
        assert_true(violet < 700 * (counts.white + 1) && violet >= 30 * counts.white);
        assert_true(counts.red >= 1 && red > 40 * counts.red / 2);
        n_none += counts.white == 0;
    }
    assert_true(n_none > 3 && n_none < 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_film), cmocka_unit_test(test_ultrasound),
                                       cmocka_unit_test(test_blood)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
