/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_slice.h: what decides to which series a DICOM file belongs and at which place of it.
 */
#ifndef HG_IMAGE_DICOM_SLICE_H
#define HG_IMAGE_DICOM_SLICE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hg_dicom_slice {
    size_t member; /* of the files that are looked at */
    int frame;     /* of that file */
    bool picture;  /* false: damaged, or a report, a plan, a presentation state: not to be shown */
    bool damaged;
    bool localiser;  /* an overview of other slices */
    bool aside;      /* a segmentation or a dose: made for other pictures, and not to be shown before them */
    bool placed;     /* position and directions are known */
    char series[68]; /* UID; "" when absent */
    char modality[20];
    int width;
    int height;
    int channels;
    int n_frames;
    double position[3]; /* mm, of the first voxel: towards left, back, head */
    double row[3];      /* unit vectors: along a row, and down a column */
    double column[3];
    double spacing[2]; /* mm between columns, between rows; 0: unknown */
    double order[4];   /* among slices of one place: time, acquisition, echo, instance */
} hg_dicom_slice;

/* Reads the attributes in front of the pixels; a file that is no picture only says so. */
void hg_dicom_slice_read(hg_dicom_slice *slice, const uint8_t *bytes, size_t n);

/* The frames of an enhanced file as slices: first->n_frames of them into `out`, each of one frame, placed by
 * its own or the shared functional groups. False when a frame has no place: they are frames and no slices
 * then. */
bool hg_dicom_slice_read_frames(hg_dicom_slice *out, const hg_dicom_slice *first, const uint8_t *bytes,
                                size_t n);

#endif
