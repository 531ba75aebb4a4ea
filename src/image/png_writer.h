/* SPDX-License-Identifier: Apache-2.0
 *
 * png_writer.h: PNG encoding for image_writer.c.
 */
#ifndef HG_IMAGE_PNG_WRITER_H
#define HG_IMAGE_PNG_WRITER_H

#include "image/image_writer.h"

/* Appends the image as PNG, all channels and bits kept. The options are already checked. */
hg_status hg_png_encode(hg_buffer *out, const hg_image *image, const hg_image_save_options *options,
                        hg_error *err) HG_MUST_CHECK;

#endif
