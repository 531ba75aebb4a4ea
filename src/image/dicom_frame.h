/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_frame.h: one frame of DICOM pixel data, however it is compressed, as interleaved samples.
 */
#ifndef HG_IMAGE_DICOM_FRAME_H
#define HG_IMAGE_DICOM_FRAME_H

#include "image/dicom_file.h"
#include "image/frame.h"
#include "image/pixels.h"

#include <stdbool.h>

/* The attributes of the image pixel module that say how pixel data are laid out. */
typedef struct hg_dicom_layout {
    hg_dicom_pixels pixels;
    int width;
    int height;
    int channels;
    int n_frames;
    int bits_allocated; /* 1, 8, 16, 32 or 64 */
    int bits_stored;
    int high_bit;
    bool is_signed;
    bool planar;      /* all red samples, then all green ones */
    bool half_chroma; /* YBR_FULL_422, not compressed: two luma samples share the chroma ones */
    hg_image_limits limits;
} hg_dicom_layout;

/* Type of the samples that hg_dicom_frame_read gives. */
hg_sample_type hg_dicom_sample_type(const hg_dicom_layout *layout);

/* Frame `index` into the empty `frame`. Full size of chroma is made; `model` (photometric interpretation) is
 * changed where decoding changes it, as from YBR_FULL to RGB by a JPEG decoder. */
hg_status hg_dicom_frame_read(hg_frame *frame, const hg_dicom *dicom, const hg_dicom_layout *layout,
                              size_t index, char model[20], hg_error *err) HG_MUST_CHECK;

#endif
