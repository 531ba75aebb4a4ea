/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_rle.h: DICOM's run-length coding of one frame (PS3.5 Annex G).
 */
#ifndef HG_IMAGE_DICOM_RLE_H
#define HG_IMAGE_DICOM_RLE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Decodes a frame of `n` bytes into samples of this machine's byte order, interleaved: (n_pixels, channels),
 * `size` (1, 2 or 4) bytes each. Frame layout: 16 little-endian words, the number of segments and where each
 * begins; then the segments, one for each byte of each sample, highest byte first. HG_STATUS_INPUT when a
 * segment is missing or too short. */
hg_status hg_dicom_rle_decode(void *out, size_t n_pixels, size_t channels, size_t size, const uint8_t *in,
                              size_t n, hg_error *err) HG_MUST_CHECK;

#endif
