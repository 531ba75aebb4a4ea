/* SPDX-License-Identifier: Apache-2.0
 *
 * nifti_writer.h: a picture as a NIfTI-1 volume of one slice, plain or compressed.
 */
#ifndef HG_IMAGE_NIFTI_WRITER_H
#define HG_IMAGE_NIFTI_WRITER_H

#include "base/buffer.h"
#include "image/pixels.h"

/* Appends the file to `out`: (width, height, 1) voxels, uint8 or uint16 for grey, RGB24 for colour (8 bits,
 * alpha dropped), with the spacing of the image's source. The first comment is the header's `descrip`; all
 * notes are a comment extension. `gzip`: a .nii.gz. */
hg_status hg_nifti_encode(hg_buffer *out, const hg_image *image, const hg_image_save_options *options,
                          bool gzip, hg_error *err) HG_MUST_CHECK;

#endif
