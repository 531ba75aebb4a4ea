/* SPDX-License-Identifier: Apache-2.0
 *
 * image_reader.h: files of any known format to pixels. The format is found from the content, never from the
 * name. What is read is upright: an EXIF orientation is applied (HealthGPT's Python code ignores it, which
 * shows a photograph lying on its side to the model as it lies; users expect the upright one).
 */
#ifndef HG_IMAGE_IMAGE_READER_H
#define HG_IMAGE_IMAGE_READER_H

#include "image/pixels.h"
#include "image/scan.h"

#include <stdbool.h>

/* One format. A reader is a constant of this type, named in the registry of image_reader.c. It has `read`
 * when its files are finished pictures, `scan` when they hold measurements or many frames. */
typedef struct hg_image_format {
    const char *name;
    /* True when the bytes begin as files of this format do. Looks at bytes only: it runs unconfined. */
    bool (*probe)(const uint8_t *bytes, size_t n);
    /* Decodes into `image`, which is empty; on failure its deinit is the caller's. Sets `orientation` to the
     * file's EXIF value (1..8) and leaves the samples as stored. `limits` come before any allocation. */
    hg_status (*read)(hg_image *image, const uint8_t *bytes, size_t n, const hg_image_limits *limits,
                      hg_error *err);
    const hg_scan_format *scan;
    /* What must be loaded from the system before the child is confined; NULL: nothing. */
    void (*prepare)(void);
    /* True when decoding needs a descriptor of the file (hg_image_file.fd), not its bytes alone. */
    bool needs_descriptor;
    /* True when the samples lie in a second file, as for NIfTI's .hdr and .img; NULL: never. */
    bool (*is_pair)(const uint8_t *bytes, size_t n);
} hg_image_format;

/* The format of a file with this content; NULL when none is known. */
const hg_image_format *hg_image_format_find(const uint8_t *bytes, size_t n);

/* What is wanted of a file. */
typedef struct hg_image_request {
    const hg_image_view *view;     /* NULL: the default */
    const hg_image_limits *limits; /* NULL: the default */
    size_t wanted;                 /* pictures, 1..HG_IMAGE_MAX_PICTURES; 0 counts as 1 */
    bool describe;                 /* only the sources are filled; nothing is decoded */
} hg_image_request;

/* Decodes in this process: what the confined child does, and what tests and fuzzers call. `image` is empty,
 * and empty again on failure. `view` and `limits` may be NULL for the defaults. */
hg_status hg_image_decode(hg_image *image, const hg_image_format *format, const hg_image_file *bytes,
                          const hg_image_view *view, const hg_image_limits *limits,
                          hg_error *err) HG_MUST_CHECK;

/* The same for several pictures: `images` has request->wanted empty ones, the first *n are filled. */
hg_status hg_image_decode_all(hg_image *images, size_t *n, const hg_image_format *format,
                              const hg_image_file *bytes, const hg_image_request *request,
                              hg_error *err) HG_MUST_CHECK;

/* `n` bytes of a file into `image`, which hg_image_init has made empty; on failure it is empty again.
 * `limits` may be NULL for the default. HG_STATUS_INPUT when no reader knows the format, the file is damaged
 * or cut short, or a limit is passed. Decodes in a confined child. */
hg_status hg_image_read_memory(hg_image *image, const uint8_t *bytes, size_t n, const hg_image_limits *limits,
                               hg_error *err) HG_MUST_CHECK;

/* The same for a path (a file, a folder of a series, a DICOMDIR); errors begin with it. */
hg_status hg_image_read(hg_image *image, const char *path, const hg_image_limits *limits,
                        hg_error *err) HG_MUST_CHECK;
hg_status hg_image_read_view(hg_image *image, const char *path, const hg_image_view *view,
                             const hg_image_limits *limits, hg_error *err) HG_MUST_CHECK;

/* Several pictures, as hg_image_decode_all. */
hg_status hg_image_read_all(hg_image *images, size_t *n, const char *path, const hg_image_request *request,
                            hg_error *err) HG_MUST_CHECK;

#endif
