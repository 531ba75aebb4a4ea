/* SPDX-License-Identifier: Apache-2.0
 *
 * image_reader.h: files of any known format to pixels. The format is found from the content, never from the
 * name. What is read is upright: an EXIF orientation is applied (HealthGPT's Python code ignores it, which
 * shows a photograph lying on its side to the model as it lies; users expect the upright one).
 */
#ifndef HG_IMAGE_IMAGE_READER_H
#define HG_IMAGE_IMAGE_READER_H

#include "image/pixels.h"

#include <stdbool.h>

/* One format. A reader is a constant of this type, named in the registry of image_reader.c. */
typedef struct hg_image_format {
    const char *name;
    /* True when the bytes begin as files of this format do. */
    bool (*probe)(const uint8_t *bytes, size_t n);
    /* Decodes into `image`, which is empty; on failure its deinit is the caller's. Sets `orientation` to the
     * file's EXIF value (1..8) and leaves the samples as stored. `limits` come before any allocation. */
    hg_status (*read)(hg_image *image, const uint8_t *bytes, size_t n, const hg_image_limits *limits,
                      hg_error *err);
} hg_image_format;

/* `n` bytes of a file into `image`, which hg_image_init has made empty; on failure it is empty again.
 * `limits` may be NULL for the default. HG_STATUS_INPUT when no reader knows the format, the file is damaged
 * or cut short, or a limit is passed. */
hg_status hg_image_read_memory(hg_image *image, const uint8_t *bytes, size_t n, const hg_image_limits *limits,
                               hg_error *err) HG_MUST_CHECK;

/* The same for a file; errors begin with its path. */
hg_status hg_image_read(hg_image *image, const char *path, const hg_image_limits *limits,
                        hg_error *err) HG_MUST_CHECK;

#endif
