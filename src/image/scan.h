/* SPDX-License-Identifier: Apache-2.0
 *
 * scan.h: an opened image file that holds measurements rather than a finished picture: what it is, and its
 * frames on demand. Each format gives three functions; choosing the frame and showing it is the same for all.
 */
#ifndef HG_IMAGE_SCAN_H
#define HG_IMAGE_SCAN_H

#include "image/display.h"

/* A file in memory. The second part is the other half of a NIfTI or Analyze pair, or empty; a series is many
 * files, and nothing in `data`. */
typedef struct hg_image_file {
    const uint8_t *data;
    size_t n;
    const uint8_t *pair;
    size_t n_pair;
    const char *name; /* of a member, for errors */
    int fd;           /* for formats that need it; 0: none */
    const struct hg_image_file *members;
    size_t n_members;
} hg_image_file;

typedef struct hg_scan hg_scan;

/* One picture on its way: where it lies (`source`), its stored samples, and how they are to be shown. Frame
 * and the display's tables are owned. */
typedef struct hg_scan_shot {
    hg_image_source source;
    hg_frame frame;
    hg_display display;
} hg_scan_shot;

typedef struct hg_scan_format {
    /* Fills scan->source (what is known before any frame is decoded) and scan->state. `bytes` outlive the
     * scan. Limits come before any allocation. */
    hg_status (*open)(hg_scan *scan, const hg_image_file *bytes, hg_error *err);
    /* Decodes the place that scan->source names (frame, slice and axis, in range) into the empty `frame`, and
     * fills scan->display and the source's spacing. */
    hg_status (*read)(hg_scan *scan, hg_frame *frame, hg_error *err);
    /* Instead of `read`, for formats where several pictures cost one run through the file: fills frame,
     * display and spacing of n >= 1 shots, whose sources are set and differ in their slices alone. */
    hg_status (*read_shots)(hg_scan *scan, hg_scan_shot *shots, size_t n, hg_error *err);
    /* Lets go of scan->state; also after a failed open. */
    void (*close)(hg_scan *scan);
} hg_scan_format;

struct hg_scan {
    const hg_scan_format *format;
    hg_image_limits limits;
    const hg_image_view *view; /* what is wanted; valid during open */
    hg_image_source source;
    hg_display display;
    int n_slices[4];  /* by axis; 1 for files that are no volumes */
    int default_axis; /* 0 for files that are no volumes */
    int orientation;  /* as EXIF has it, 1..8: the picture is turned by it when it is done */
    void *state;      /* the reader's own */
};

/* Opens; to be closed only when it succeeded. `view` may be NULL: the default. */
hg_status hg_scan_open(hg_scan *scan, const hg_scan_format *format, const hg_image_file *bytes,
                       const hg_image_view *view, const hg_image_limits *limits, hg_error *err) HG_MUST_CHECK;

/* One stored frame into the empty `frame`, and how it is to be shown into scan->display. HG_STATUS_USAGE when
 * the scan has no such place. */
hg_status hg_scan_read(hg_scan *scan, const hg_image_view *view, hg_frame *frame,
                       hg_error *err) HG_MUST_CHECK;

/* Fills scan->source with the place that the view names; nothing is decoded. HG_STATUS_USAGE as above. */
hg_status hg_scan_choose(hg_scan *scan, const hg_image_view *view, hg_error *err) HG_MUST_CHECK;

/* Pictures that the view gives when `wanted` >= 1 are asked for: slices of a volume, frames of other files.
 */
size_t hg_scan_count(const hg_scan *scan, const hg_image_view *view, size_t wanted);

/* n pictures, of hg_scan_count, into `images`, which are empty and have their source filled: the place that
 * the view names when n is 1, else spread over all places. What neither caller nor file gives a window for is
 * shown in one window for all of them. */
hg_status hg_scan_show(hg_scan *scan, const hg_image_view *view, hg_image *images, size_t n,
                       hg_error *err) HG_MUST_CHECK;

/* HG_STATUS_INPUT when n pictures of this size pass the limit on pixels together. */
hg_status hg_scan_check_pictures(const hg_scan *scan, uint64_t width, uint64_t height, size_t n,
                                 hg_error *err) HG_MUST_CHECK;

/* Adds a remark to the source's note, after "; " when there is one already; what does not fit is cut. */
void hg_scan_note(hg_image_source *source, const char *format, ...) HG_PRINTF(2, 3);

void hg_scan_close(hg_scan *scan);

/* Place k of n spread over `total` places: the inner ones of n + 2 that are evenly spaced from the first to
 * the last, so that both ends are left out; with fewer places, the middles of n equal parts. */
int hg_scan_spread(size_t k, size_t n, int total);

#endif
