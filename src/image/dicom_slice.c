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

/* The three attributes lie in the data set, or in items of functional groups. */
static void slice_read_place(hg_dicom_slice *slice, const hg_dicom_item *place, const hg_dicom_item *turn,
                             const hg_dicom_item *measures)
{
    const uint32_t directions = HG_DICOM_TAG(0x0020, 0x0037);
    slice->placed = slice_numbers(place, HG_DICOM_TAG(0x0020, 0x0032), 0, 3, slice->position) &&
                    slice_numbers(turn, directions, 0, 3, slice->row) &&
                    slice_numbers(turn, directions, 3, 3, slice->column) && slice_normalise(slice->row) &&
                    slice_normalise(slice->column);
    double dot = 0;
    for (int i = 0; i < 3; i++)
        dot += slice->row[i] * slice->column[i];
    slice->placed = slice->placed && fabs(dot) < 0.01;
    double spacing[2];
    if (slice_numbers(measures, HG_DICOM_TAG(0x0028, 0x0030), 0, 2, spacing) && spacing[0] > 0 &&
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

static bool slice_is_aside(const char *modality)
{
    static const char *const made[] = {"SEG", "RTDOSE", "RTSTRUCT", "RTPLAN", "REG", "PR", "KO", "SR"};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        if (strcmp(modality, made[i]) == 0)
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
    slice->aside = slice_is_aside(slice->modality);
    slice_read_place(slice, root, root, root);
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

/* The item of a functional group for a frame. */
static const hg_dicom_item *slice_group(const hg_dicom_item *root, size_t frame, uint32_t group)
{
    const uint32_t each = HG_DICOM_TAG(0x5200, 0x9230), shared = HG_DICOM_TAG(0x5200, 0x9229);
    const hg_dicom_item *item = hg_dicom_item_get(hg_dicom_item_get(root, each, frame), group, 0);
    return item != NULL ? item : hg_dicom_item_get(hg_dicom_item_get(root, shared, 0), group, 0);
}

bool hg_dicom_slice_read_frames(hg_dicom_slice *out, const hg_dicom_slice *first, const uint8_t *bytes,
                                size_t n)
{
    hg_dicom *dicom;
    bool placed = true;
    if (hg_dicom_open_header(&dicom, bytes, n, NULL) != HG_STATUS_OK)
        return false;
    const hg_dicom_item *root = hg_dicom_root(dicom);
    for (size_t f = 0; placed && f < (size_t)first->n_frames; f++) {
        hg_dicom_slice *slice = &out[f];
        double time = 0;
        *slice = *first;
        slice->n_frames = 1;
        slice->frame = (int)f;
        slice_read_place(slice, slice_group(root, f, HG_DICOM_TAG(0x0020, 0x9113)),
                         slice_group(root, f, HG_DICOM_TAG(0x0020, 0x9116)),
                         slice_group(root, f, HG_DICOM_TAG(0x0028, 0x9110)));
        hg_dicom_get_number(slice_group(root, f, HG_DICOM_TAG(0x0020, 0x9111)), HG_DICOM_TAG(0x0020, 0x9128),
                            0, &time);
        slice->order[0] = isfinite(time) ? time : 0;
        slice->order[3] = (double)f;
        placed = slice->placed;
    }
    hg_dicom_close(dicom);
    return placed;
}
