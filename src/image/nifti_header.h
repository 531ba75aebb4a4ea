/* SPDX-License-Identifier: Apache-2.0
 *
 * nifti_header.h: the fixed header of NIfTI-1 (348 bytes), NIfTI-2 (540 bytes) and Analyze 7.5 (348 bytes, no
 * magic), in either byte order, as one structure.
 */
#ifndef HG_IMAGE_NIFTI_HEADER_H
#define HG_IMAGE_NIFTI_HEADER_H

#include "image/volume_grid.h"

#define HG_NIFTI_HEADER_MAX 540

typedef struct hg_nifti_header {
    int version;    /* 1 or 2; 0: Analyze */
    bool swapped;   /* the file's byte order is not this machine's */
    bool pair;      /* the samples lie in another file */
    int64_t dim[7]; /* at least 1; unused ones are 1 */
    int channels;   /* 3 or 4 for colour */
    hg_sample_type type;
    uint64_t offset; /* of the samples in their file */
    double slope;    /* value = slope * stored + intercept */
    double intercept;
    double cal_min; /* range to be shown; both 0 when the file has none */
    double cal_max;
    hg_volume_grid grid; /* of the first three dimensions */
} hg_nifti_header;

/* True when the bytes begin with one of the headers. */
bool hg_nifti_probe(const uint8_t *bytes, size_t n);

/* `n` bytes, of which a header may use HG_NIFTI_HEADER_MAX. HG_STATUS_INPUT when it makes no sense or its
 * samples are of a type that is not read (complex numbers, single bits, 128 bits). */
hg_status hg_nifti_parse(hg_nifti_header *header, const uint8_t *bytes, size_t n,
                         hg_error *err) HG_MUST_CHECK;

#endif
