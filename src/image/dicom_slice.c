/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_slice.c: attributes of one file, read without its pixels. Invariant: a slice that is placed has two
 * directions of length 1 that are at right angles, within 1 %.
 */
#include "image/dicom_slice.h"

#include "image/dicom_file.h"

#include <math.h>
#include <string.h>

static int slice_whole(const hg_dicom_item *root, uint32_t tag, int usual)
{
    double value;
    if (!hg_dicom_get_number(root, tag, 0, &value) || !(value >= 0 && value <= 1e6))
        return usual;
    return (int)value;
}

static bool slice_numbers(const hg_dicom_item *root, uint32_t tag, size_t first, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++) {
        if (!hg_dicom_get_number(root, tag, first + i, &out[i]) || !isfinite(out[i]) || fabs(out[i]) > 1e7)
            return false;
    }
    return true;
}

static bool slice_normalise(double v[3])
{
    double length = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    for (int i = 0; i < 3; i++)
        v[i] = length > 0 ? v[i] / length : 0;
    return fabs(length - 1) < 0.01;
}

static void slice_read_place(hg_dicom_slice *slice, const hg_dicom_item *root)
{
    const uint32_t directions = HG_DICOM_TAG(0x0020, 0x0037);
    slice->placed = slice_numbers(root, HG_DICOM_TAG(0x0020, 0x0032), 0, 3, slice->position) &&
                    slice_numbers(root, directions, 0, 3, slice->row) &&
                    slice_numbers(root, directions, 3, 3, slice->column) && slice_normalise(slice->row) &&
                    slice_normalise(slice->column);
    double dot = 0;
    for (int i = 0; i < 3; i++)
        dot += slice->row[i] * slice->column[i];
    slice->placed = slice->placed && fabs(dot) < 0.01;
    double spacing[2];
    if (slice_numbers(root, HG_DICOM_TAG(0x0028, 0x0030), 0, 2, spacing) && spacing[0] > 0 &&
        spacing[1] > 0) {
        slice->spacing[0] = spacing[1]; /* the attribute has rows first */
        slice->spacing[1] = spacing[0];
    }
}

static bool slice_is_localiser(const hg_dicom_item *root)
{
    char text[20];
    for (size_t i = 0; i < 8 && hg_dicom_get_text(root, HG_DICOM_TAG(0x0008, 0x0008), i, text, sizeof text);
         i++) {
        if (strcmp(text, "LOCALIZER") == 0)
            return true;
    }
    return false;
}

static void slice_read_all(hg_dicom_slice *slice, const hg_dicom_item *root)
{
    static const uint32_t order[4] = {HG_DICOM_TAG(0x0020, 0x0100), HG_DICOM_TAG(0x0020, 0x0012),
                                      HG_DICOM_TAG(0x0018, 0x0086), HG_DICOM_TAG(0x0020, 0x0013)};
    slice->height = slice_whole(root, HG_DICOM_TAG(0x0028, 0x0010), 0);
    slice->width = slice_whole(root, HG_DICOM_TAG(0x0028, 0x0011), 0);
    slice->channels = slice_whole(root, HG_DICOM_TAG(0x0028, 0x0002), 1);
    slice->n_frames = slice_whole(root, HG_DICOM_TAG(0x0028, 0x0008), 1);
    slice->picture = slice->width > 0 && slice->height > 0 && slice->n_frames > 0;
    hg_dicom_get_text(root, HG_DICOM_TAG(0x0020, 0x000e), 0, slice->series, sizeof slice->series);
    hg_dicom_get_text(root, HG_DICOM_TAG(0x0008, 0x0060), 0, slice->modality, sizeof slice->modality);
    slice->localiser = slice_is_localiser(root);
    slice_read_place(slice, root);
    for (int i = 0; i < 4; i++) {
        if (!hg_dicom_get_number(root, order[i], 0, &slice->order[i]) || !isfinite(slice->order[i]))
            slice->order[i] = 0;
    }
}

void hg_dicom_slice_read(hg_dicom_slice *slice, const uint8_t *bytes, size_t n)
{
    hg_dicom *dicom;
    *slice = (hg_dicom_slice){0};
    if (hg_dicom_open_header(&dicom, bytes, n, NULL) != HG_STATUS_OK) {
        slice->damaged = true;
        return;
    }
    slice_read_all(slice, hg_dicom_root(dicom));
    hg_dicom_close(dicom);
}
