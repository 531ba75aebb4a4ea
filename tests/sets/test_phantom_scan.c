/* SPDX-License-Identifier: Apache-2.0
 *
 * test_phantom_scan.c: written scans read back: values, windows, geometry, and the marks of a phantom.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/phantom_scan.h"
#include "image/pixels.h"

#include <math.h>
#include <string.h>

#define SIDE 24

static float values[SIDE * SIDE];

static hg_phantom_scan scan_of(hg_contrast contrast, hg_image_axis axis)
{
    bool ct = contrast == HG_CONTRAST_CT;
    for (int i = 0; i < SIDE * SIDE; i++)
        values[i] = ct ? -1000.0f + 7.3f * (float)i : 0.0023f * (float)i;
    return (hg_phantom_scan){.values = values,
                             .place = hg_slice_place_make(axis, 12, 240, SIDE, 4),
                             .contrast = contrast,
                             .low = ct ? -160 : 0,
                             .high = ct ? 240 : 1,
                             .patient = "P000007",
                             .part = "head",
                             .key = 77,
                             .number = 2};
}

/* What is shown must be what a PNG of the same window would hold, but for DICOM's half steps. */
static void check_shown(const hg_image *image, const hg_phantom_scan *scan)
{
    assert_int_equal(image->width, SIDE);
    assert_int_equal(image->height, SIDE);
    for (int i = 0; i < SIDE * SIDE; i++) {
        float v = (scan->values[i] - scan->low) / (scan->high - scan->low);
        int want = (int)(hg_phantom_clamp(v, 0, 1) * 255.0f + 0.5f),
            got = ((const uint8_t *)image->samples)[i];
        if (got - want > 2 || want - got > 2)
            fail_msg("pixel %d is %d, expected %d", i, got, want);
    }
}

static bool holds(const hg_buffer *file, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i + n <= file->size; i++) {
        if (memcmp(file->data + i, text, n) == 0)
            return true;
    }
    return false;
}

static void test_dicom(void **state)
{
    static const hg_image_axis axes[] = {HG_IMAGE_AXIS_AXIAL, HG_IMAGE_AXIS_CORONAL, HG_IMAGE_AXIS_SAGITTAL};
    (void)state;
    for (int c = 0; c < HG_CONTRAST_COUNT; c++) {
        hg_phantom_scan scan = scan_of((hg_contrast)c, axes[c % 3]);
        hg_buffer file, again;
        hg_image *image;
        hg_error err;
        hg_buffer_init(&file, 1 << 20);
        hg_buffer_init(&again, 1 << 20);
        assert_int_equal(hg_phantom_scan_dicom(&file, &scan, &err), HG_STATUS_OK);
        assert_int_equal(hg_phantom_scan_dicom(&again, &scan, &err), HG_STATUS_OK);
        assert_int_equal(file.size, again.size);
        assert_memory_equal(file.data, again.data, file.size);
        assert_int_equal(hg_image_open_memory(&image, file.data, file.size, &err), HG_STATUS_OK);
        check_shown(image, &scan);
        const hg_image_source *source = hg_image_get_source(image);
        assert_string_equal(source->modality, c == HG_CONTRAST_CT ? "CT" : "MR");
        assert_true(fabs(source->spacing[0] - 10) < 1e-6 && fabs(source->spacing[2] - 4) < 1e-6);
        assert_true(source->intercept == (c == HG_CONTRAST_CT ? -1024 : 0));
        assert_true(holds(&file, "PHANTOM^P000007") && holds(&file, "PHANTOM-P000007") &&
                    holds(&file, "Synthetic"));
        hg_image_close(image);
        hg_buffer_deinit(&file);
        hg_buffer_deinit(&again);
    }
}

static void test_nifti(void **state)
{
    (void)state;
    for (int c = 0; c < HG_CONTRAST_COUNT; c++) {
        hg_phantom_scan scan = scan_of((hg_contrast)c, HG_IMAGE_AXIS_AXIAL);
        hg_buffer file;
        hg_image *image;
        hg_error err;
        hg_buffer_init(&file, 1 << 20);
        assert_int_equal(hg_phantom_scan_nifti(&file, &scan, &err), HG_STATUS_OK);
        assert_int_equal(hg_image_open_memory(&image, file.data, file.size, &err), HG_STATUS_OK);
        check_shown(image, &scan); /* the reader turns by the affine: so left and front are right, too */
        const hg_image_source *source = hg_image_get_source(image);
        assert_string_equal(source->orientation, "LPS");
        assert_true(fabs(source->spacing[0] - 10) < 1e-6);
        hg_image_close(image);
        hg_buffer_deinit(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dicom), cmocka_unit_test(test_nifti)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
