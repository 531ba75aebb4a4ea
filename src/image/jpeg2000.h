/* SPDX-License-Identifier: Apache-2.0
 *
 * jpeg2000.h: one JPEG 2000 or HTJ2K picture (a raw code stream or a JP2 file) by OpenJPEG.
 */
#ifndef HG_IMAGE_JPEG2000_H
#define HG_IMAGE_JPEG2000_H

#include "image/frame.h"
#include "image/pixels.h"

typedef struct hg_jpeg2000_info {
    int precision;        /* bits of a sample */
    bool is_signed;       /* what the code stream says */
    bool colour_restored; /* three components that the stream itself had transformed: they are RGB now */
} hg_jpeg2000_info;

/* Decodes into the empty `frame`: 8, 16 or 32 bits a sample by the precision, all components of one size.
 * Limits are kept before anything is decoded. */
hg_status hg_jpeg2000_decode(hg_frame *frame, hg_jpeg2000_info *info, const uint8_t *bytes, size_t n,
                             const hg_image_limits *limits, hg_error *err) HG_MUST_CHECK;

#endif
