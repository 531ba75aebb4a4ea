/* SPDX-License-Identifier: Apache-2.0
 *
 * exif.h: the one thing we need of a camera's notes, which way is up.
 */
#ifndef HG_IMAGE_EXIF_H
#define HG_IMAGE_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* The orientation (tag 0x0112 of the first directory) of an EXIF block, which is a TIFF file in small: it
 * begins with "II" or "MM", after "Exif\0\0" where that stands before it. 1..8; 1, the usual way up, when it
 * is absent or the block is damaged, because a damaged note is no reason to refuse the picture. */
int hg_exif_orientation(const uint8_t *bytes, size_t n);

#endif
