/* SPDX-License-Identifier: Apache-2.0
 *
 * pixels.h: a decoded image in memory, and the limits that an untrusted file must respect. The type is the
 * opaque hg_image of the public header.
 */
#ifndef HG_IMAGE_PIXELS_H
#define HG_IMAGE_PIXELS_H

#include "base/error.h"

#include <healthgpt/image.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Samples are row-major and interleaved, (height, width, channels), without gaps. With 8 bits a sample is a
 * uint8_t, with 16 bits a uint16_t of this machine's byte order; both use their full range.
 * Channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha (not premultiplied). */
struct hg_image {
    int width;
    int height;
    int channels;
    int bits;               /* 8 or 16 */
    void *samples;          /* owned; NULL in an empty image */
    const char *format;     /* what it was read from, "png", "jpeg"; "" when made in memory; static text */
    int orientation;        /* EXIF orientation of the file, 1..8; the samples are already upright */
    bool synthetic;         /* made by the model, maybe in an earlier run: the writer marks it */
    hg_image_source source; /* of scans */
};

#define HG_IMAGE_MAX_PIXELS ((uint64_t)1 << 27)
#define HG_IMAGE_MAX_SIDE 65535

/* Checked from the header, before anything is decoded or allocated. */
typedef struct hg_image_limits {
    uint64_t max_pixels; /* width * height */
    int max_side;        /* either of them */
} hg_image_limits;

hg_image_limits hg_image_limits_default(void);

/* HG_STATUS_INPUT, with the numbers, when the size is zero or past a limit. */
hg_status hg_image_check_size(const hg_image_limits *limits, uint64_t width, uint64_t height,
                              hg_error *err) HG_MUST_CHECK;

/* An empty image; needs no deinit until it is allocated, and allows one. */
void hg_image_init(hg_image *image);
void hg_image_deinit(hg_image *image);

/* Gives the empty image its size and uninitialised samples. HG_STATUS_USAGE on a size no image can have. */
hg_status hg_image_alloc(hg_image *image, int width, int height, int channels, int bits,
                         hg_error *err) HG_MUST_CHECK;

/* Bytes of a row, of a pixel, and of all samples. */
size_t hg_image_row_bytes(const hg_image *image);
size_t hg_image_pixel_bytes(const hg_image *image);
size_t hg_image_bytes(const hg_image *image);

#endif
