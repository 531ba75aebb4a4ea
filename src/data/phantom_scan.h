/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_scan.h: slices of CT and MRI as scanners store them: numbers with their meaning and their place in
 * space, as DICOM or NIfTI files. Names in them begin with PHANTOM, and they say that they are synthetic.
 */
#ifndef HG_DATA_PHANTOM_SCAN_H
#define HG_DATA_PHANTOM_SCAN_H

#include "base/buffer.h"
#include "data/phantom_slice.h"

typedef struct hg_phantom_scan {
    const float *values; /* (size, size): Hounsfield units, or signals of which 1 is full */
    hg_slice_place place;
    hg_contrast contrast;
    float low, high;     /* what is shown as black and as white */
    const char *patient; /* "P000012" */
    const char *part;    /* "head" */
    bool female;
    uint64_t key; /* of the patient: all identifiers follow from it */
    int number;   /* of the slice */
} hg_phantom_scan;

/* CT or MR Image Storage, explicit little endian. Slices of one patient share study and frame of reference,
 * those of one contrast the series. CT is stored as HU + 1024, MRI in thousandths of full signal. */
hg_status hg_phantom_scan_dicom(hg_buffer *out, const hg_phantom_scan *scan, hg_error *err) HG_MUST_CHECK;

/* NIfTI-1, a volume of one slice of int16, HU or thousandths of full signal, with its place as sform and the
 * range to be shown as cal_min and cal_max. The slice is axial. */
hg_status hg_phantom_scan_nifti(hg_buffer *out, const hg_phantom_scan *scan, hg_error *err) HG_MUST_CHECK;

#endif
