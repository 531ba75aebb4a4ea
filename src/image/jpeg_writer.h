/* SPDX-License-Identifier: Apache-2.0
 *
 * jpeg_writer.h: JPEG encoding for image_writer.c.
 */
#ifndef HG_IMAGE_JPEG_WRITER_H
#define HG_IMAGE_JPEG_WRITER_H

#include "image/image_writer.h"

/* Appends the image, of 8 bits and 1 or 3 channels, as JPEG of options->quality 1..100. The options are
 * already checked. */
hg_status hg_jpeg_encode(hg_buffer *out, const hg_image *image, const hg_image_save_options *options,
                         hg_error *err) HG_MUST_CHECK;

#endif
