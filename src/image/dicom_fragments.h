/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_fragments.h: which fragments of compressed pixel data belong to a frame.
 */
#ifndef HG_IMAGE_DICOM_FRAGMENTS_H
#define HG_IMAGE_DICOM_FRAGMENTS_H

#include "base/buffer.h"
#include "image/dicom_file.h"

/* Appends the bytes of frame `index` of `n_frames` to `out`. Frames are told apart by the offset table, else
 * by one fragment a frame; a file of one frame owns all fragments. */
hg_status hg_dicom_fragments_read(hg_buffer *out, const hg_dicom *dicom, size_t index, size_t n_frames,
                                  hg_error *err) HG_MUST_CHECK;

#endif
