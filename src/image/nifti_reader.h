/* SPDX-License-Identifier: Apache-2.0
 *
 * nifti_reader.h: NIfTI-1, NIfTI-2 and Analyze volumes behind the reader interface.
 */
#ifndef HG_IMAGE_NIFTI_READER_H
#define HG_IMAGE_NIFTI_READER_H

#include "image/image_reader.h"

/* Slices are cut along the patient's axes and lie as radiologists look at them: the patient's right is on the
 * left, the front on top (axial) or on the left (sagittal), the head on top. Any gzip file is taken for a
 * packed volume. */
extern const hg_image_format hg_nifti_format;

#endif
