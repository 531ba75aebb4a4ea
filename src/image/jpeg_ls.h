/* SPDX-License-Identifier: Apache-2.0
 *
 * jpeg_ls.h: one JPEG-LS picture by CharLS.
 */
#ifndef HG_IMAGE_JPEG_LS_H
#define HG_IMAGE_JPEG_LS_H

#include "image/frame.h"
#include "image/pixels.h"

/* Decodes into the empty `frame`: unsigned samples of 8 or 16 bits, interleaved. The size is checked against
 * the limits before anything is decoded. */
hg_status hg_jpeg_ls_decode(hg_frame *frame, const uint8_t *bytes, size_t n, const hg_image_limits *limits,
                            hg_error *err) HG_MUST_CHECK;

#endif
