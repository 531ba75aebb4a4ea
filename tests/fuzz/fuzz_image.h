/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_image.h: decoding any bytes by one reader, in this process and with small limits, so that a run is
 * quick and a crash is seen.
 */
#ifndef HG_TEST_FUZZ_IMAGE_H
#define HG_TEST_FUZZ_IMAGE_H

#include "image/image_reader.h"

static inline void fuzz_image(const hg_image_format *format, const uint8_t *bytes, size_t n)
{
    const hg_image_limits limits = {.max_pixels = 1 << 16, .max_side = 4096};
    const hg_image_file file = {.data = bytes, .n = n};
    hg_error err;
    hg_image image;
    hg_image_init(&image);
    if (format->probe(bytes, n) &&
        hg_image_decode(&image, format, &file, NULL, &limits, &err) == HG_STATUS_OK)
        hg_image_deinit(&image);
}

#endif
