/* SPDX-License-Identifier: Apache-2.0
 *
 * scan.h: an opened image file that holds measurements rather than a finished picture: what it is, and its
 * frames on demand. Each format gives three functions; choosing the frame and showing it is the same for all.
 */
#ifndef HG_IMAGE_SCAN_H
#define HG_IMAGE_SCAN_H

#include "image/display.h"

/* A file in memory. The second part is the other half of a NIfTI or Analyze pair, or empty. */
typedef struct hg_image_file {
    const uint8_t *data;
    size_t n;
    const uint8_t *pair;
    size_t n_pair;
} hg_image_file;

typedef struct hg_scan hg_scan;

typedef struct hg_scan_format {
    /* Fills scan->source (what is known before any frame is decoded) and scan->state. `bytes` outlive the
     * scan. Limits come before any allocation. */
    hg_status (*open)(hg_scan *scan, const hg_image_file *bytes, hg_error *err);
    /* Decodes the place that scan->source names (frame, slice and axis, in range) into the empty `frame`, and
     * fills scan->display and the source's spacing. */
    hg_status (*read)(hg_scan *scan, hg_frame *frame, hg_error *err);
    /* Lets go of scan->state and of the tables in scan->display; also after a failed open. */
    void (*close)(hg_scan *scan);
} hg_scan_format;

struct hg_scan {
    const hg_scan_format *format;
    hg_image_limits limits;
    hg_image_source source;
    hg_display display;
    int n_slices[4];  /* by axis; 1 for files that are no volumes */
    int default_axis; /* 0 for files that are no volumes */
    int orientation;  /* as EXIF has it, 1..8: the picture is turned by it when it is done */
    void *state;      /* the reader's own */
};

/* Opens; to be closed only when it succeeded. */
hg_status hg_scan_open(hg_scan *scan, const hg_scan_format *format, const hg_image_file *bytes,
                       const hg_image_limits *limits, hg_error *err) HG_MUST_CHECK;

/* One stored frame into the empty `frame`. HG_STATUS_USAGE when the scan has no such place. */
hg_status hg_scan_read(hg_scan *scan, const hg_image_view *view, hg_frame *frame,
                       hg_error *err) HG_MUST_CHECK;

/* The frame as a picture, with image->source filled; `image` is empty. */
hg_status hg_scan_show(hg_scan *scan, const hg_image_view *view, hg_image *image,
                       hg_error *err) HG_MUST_CHECK;

void hg_scan_close(hg_scan *scan);

#endif
