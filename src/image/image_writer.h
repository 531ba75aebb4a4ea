/* SPDX-License-Identifier: Apache-2.0
 *
 * image_writer.h: pixels to files, encoded in memory first, so that a failure leaves no half file. Writing to
 * a path is hg_image_save of the public header.
 */
#ifndef HG_IMAGE_IMAGE_WRITER_H
#define HG_IMAGE_IMAGE_WRITER_H

#include "base/buffer.h"
#include "image/pixels.h"

typedef enum hg_image_type {
    HG_IMAGE_TYPE_PNG,
    HG_IMAGE_TYPE_JPEG,
    HG_IMAGE_TYPE_TIFF,
    HG_IMAGE_TYPE_NIFTI,
    HG_IMAGE_TYPE_NIFTI_GZ,
    HG_IMAGE_TYPE_DICOM
} hg_image_type;

/* By the ending of the path: .png, .jpg, .jpeg, .tif, .tiff, .nii, .nii.gz, .dcm in any case of letters.
 * HG_STATUS_USAGE for others. */
hg_status hg_image_type_of(hg_image_type *type, const char *path, hg_error *err) HG_MUST_CHECK;

/* Appends the file to `out`. Notes become PNG text chunks (tEXt for ASCII, else iTXt) or JPEG comments
 * "key: value"; for TIFF and NIfTI see their writers. DICOM
 * (a Secondary Capture of nobody) has them in ImageComments. `options` may be NULL. */
hg_status hg_image_encode(hg_buffer *out, const hg_image *image, hg_image_type type,
                          const hg_image_save_options *options, hg_error *err) HG_MUST_CHECK;

#endif
