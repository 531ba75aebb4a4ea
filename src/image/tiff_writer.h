/* SPDX-License-Identifier: Apache-2.0
 *
 * tiff_writer.h: pixels to a TIFF file in memory, without loss: 8 or 16 bits, alpha kept.
 */
#ifndef HG_IMAGE_TIFF_WRITER_H
#define HG_IMAGE_TIFF_WRITER_H

#include "base/buffer.h"
#include "image/pixels.h"

/* Appends the file to the empty buffer `out`. The note "Software" becomes the tag of that name, all others
 * are lines of ImageDescription, a comment first and alone when it is the only one. */
hg_status hg_tiff_encode(hg_buffer *out, const hg_image *image, const hg_image_save_options *options,
                         hg_error *err) HG_MUST_CHECK;

#endif
