/* SPDX-License-Identifier: Apache-2.0
 *
 * test_phantom_slice.c: what is said of a lesion against what the picture shows: the same patient is rendered
 * with and without it, and the difference is looked at. Noise, bias and low resolution by their moments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "data/phantom_shown.h"
#include "data/phantom_slice.h"

#include <string.h>

#define SIDE 64

typedef struct rendered {
    hg_phantom_slice slice;
    float values[HG_CONTRAST_COUNT][SIDE * SIDE];
} rendered;

static void render(rendered *r, const hg_phantom_patient *patient, hg_image_axis axis, float at)
{
    const hg_phantom_body *body = hg_phantom_body_get(patient->part);
    hg_slice_place place = hg_slice_place_make(axis, at, body->field_mm, SIDE, body->thick_mm);
    for (int c = 0; c < HG_CONTRAST_COUNT; c++)
        r->slice.values[c] = r->values[c];
    hg_phantom_slice_render(&r->slice, patient, &place, 2);
}

/* Every kind of lesion of every part: the picture changes where the truth says, and nowhere far from it. */
static void check_lesion(hg_phantom_patient *patient, int kind)
{
    static rendered with, without;
    hg_vec3 c = hg_phantom_to_scanner(patient, patient->lesion.centre);
    render(&with, patient, HG_IMAGE_AXIS_AXIAL, c.z);
    hg_phantom_lesion lesion = patient->lesion;
    hg_phantom_patient healthy = hg_phantom_patient_healthy(patient);
    render(&without, &healthy, HG_IMAGE_AXIS_AXIAL, c.z);
    assert_true(without.slice.lesion_mm2 == 0);
    if (with.slice.lesion_mm2 < hg_lesion_words_get((hg_lesion_kind)kind)->seen_mm2)
        return;
    double weight = 0, x = 0;
    for (int i = 0; i < SIDE * SIDE; i++) {
        double d = fabs((double)(with.values[HG_CONTRAST_CT][i] - without.values[HG_CONTRAST_CT][i]));
        weight += d;
        x += d * (double)(with.slice.place.origin.x + (float)(i % SIDE) * with.slice.place.pixel_mm);
    }
    assert_true(weight > 0);
    /* Columns run to the patient's left. */
    if (strcmp(lesion.side, "left") == 0)
        assert_true(x / weight > 0);
    else if (strcmp(lesion.side, "right") == 0)
        assert_true(x / weight < 0);
}

static void test_lesions(void **state)
{
    hg_phantom_patient *patient = hg_mem_alloc(sizeof *patient);
    int found[HG_LESION_COUNT] = {0};
    (void)state;
    for (int part = 0; part < HG_PHANTOM_PART_COUNT; part++) {
        if (hg_phantom_body_get((hg_phantom_part)part)->at == NULL)
            continue;
        for (int i = 0; i < 60; i++) {
            hg_phantom_patient_make(patient, 99, i, (hg_phantom_part)part, 1.0f);
            found[patient->lesion.kind]++;
            check_lesion(patient, (int)patient->lesion.kind);
        }
        const hg_lesion_kind *kinds = hg_phantom_body_get((hg_phantom_part)part)->kinds;
        for (int k = 0; kinds[k] != HG_LESION_NONE; k++)
            assert_true(found[kinds[k]] > 0);
    }
    hg_mem_free(patient);
}

static hg_shown shown_window(const float *with, const float *without)
{
    return hg_phantom_shown(with, without, SIDE * SIDE, -50, 50);
}

/* Ten pixels that a window of 100 shows 20 % brighter show plainly, ten that it shows 10 % brighter by half
 * and not plainly; what is 4 % brighter or beyond the window's ends does not count. */
static void test_shown(void **state)
{
    static float with[SIDE * SIDE], without[SIDE * SIDE];
    (void)state;
    hg_shown none = shown_window(with, without);
    assert_true(none.at_all == 0 && none.plainly == 0);
    for (int i = 0; i < 10; i++) {
        with[i] = 20;
        with[10 + i] = -10;
        with[20 + i] = 4;
        with[30 + i] = 900;
        without[30 + i] = 60;
        with[40 + i] = -900;
        without[40 + i] = -50;
    }
    hg_shown both = shown_window(with, without);
    assert_true(fabsf(both.at_all - 15) < 1e-3f);
    assert_true(both.plainly == 10);
    assert_int_equal(hg_seen_by_pixels(both, HG_SEEN_YES), HG_SEEN_YES);
    assert_int_equal(hg_seen_by_pixels((hg_shown){3, 15}, HG_SEEN_YES), HG_SEEN_UNSURE);
    assert_int_equal(hg_seen_by_pixels(both, HG_SEEN_NO), HG_SEEN_UNSURE);
    assert_int_equal(hg_seen_by_pixels(none, HG_SEEN_NO), HG_SEEN_NO);
    assert_int_equal(hg_seen_by_pixels((hg_shown){0, 1}, HG_SEEN_NO), HG_SEEN_UNSURE);
    assert_int_equal(hg_seen_by_pixels(none, HG_SEEN_YES), HG_SEEN_UNSURE);
}

/* Slices of different planes show the same body where they cross. */
static void test_planes(void **state)
{
    static rendered axial, sagittal;
    hg_phantom_patient *patient = hg_mem_alloc(sizeof *patient);
    (void)state;
    hg_phantom_patient_make(patient, 5, 2, HG_PHANTOM_HEAD, 0);
    render(&axial, patient, HG_IMAGE_AXIS_AXIAL, 20);
    render(&sagittal, patient, HG_IMAGE_AXIS_SAGITTAL, 0);
    /* Along the line x = 0, z = 20: skull and air at its ends agree in both. */
    float pixel = axial.slice.place.pixel_mm;
    int column = (int)((0 - axial.slice.place.origin.x) / pixel + 0.5f);
    int row = (int)((sagittal.slice.place.origin.z - 20) / pixel + 0.5f);
    int same = 0, bone = 0;
    for (int i = 0; i < SIDE; i++) {
        float a = axial.values[HG_CONTRAST_CT][i * SIDE + column],
              b = sagittal.values[HG_CONTRAST_CT][row * SIDE + i];
        same += (a > -500) == (b > -500);
        bone += a > 400 && b > 400;
    }
    assert_true(same >= SIDE - 2);
    assert_true(bone >= 2);
    hg_mem_free(patient);
}

static void test_measuring(void **state)
{
    static float flat[SIDE * SIDE], out[SIDE * SIDE], low[SIDE * SIDE / 16];
    double sum = 0, squares = 0, air = 0;
    (void)state;
    for (int i = 0; i < SIDE * SIDE; i++)
        flat[i] = 40;
    hg_phantom_measure_ct(out, flat, SIDE, 5, 11);
    for (int i = 0; i < SIDE * SIDE; i++) {
        sum += (double)out[i] - 40;
        squares += ((double)out[i] - 40) * ((double)out[i] - 40);
    }
    assert_true(fabs(sum) / (SIDE * SIDE) < 0.3);
    assert_true(fabs(sqrt(squares / (SIDE * SIDE)) - 5) < 0.3);
    memset(flat, 0, sizeof flat);
    hg_phantom_measure_mr(out, flat, SIDE, 0.2f, 0.1f, 12);
    for (int i = 0; i < SIDE * SIDE; i++)
        air += (double)out[i];
    /* Rician noise without signal has the mean of Rayleigh's distribution, sigma sqrt(pi / 2). */
    assert_true(fabs(air / (SIDE * SIDE) - 0.1 * 1.2533141) < 0.004);
    for (int i = 0; i < SIDE * SIDE; i++)
        flat[i] = (float)(i % SIDE);
    hg_phantom_lower(low, flat, SIDE);
    /* A ramp stays one: the middle of low pixel j is between columns 4j + 1 and 4j + 2. */
    for (int j = 2; j < SIDE / 4 - 2; j++)
        assert_true(fabsf(low[5 * (SIDE / 4) + j] - (4.0f * (float)j + 1.5f)) < 1e-3f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lesions), cmocka_unit_test(test_shown),
                                       cmocka_unit_test(test_planes), cmocka_unit_test(test_measuring)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
