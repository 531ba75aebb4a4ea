/* SPDX-License-Identifier: Apache-2.0
 *
 * image_hash.c: resize, then compare neighbours.
 */
#include "data/image_hash.h"

#include "image/resize.h"
#include "image/rgb.h"

hg_status hg_image_hash(uint64_t *hash, const hg_image *image, hg_error *err)
{
    uint8_t small[8 * 9 * 3];
    hg_image rgb;
    hg_image_init(&rgb);
    hg_status status = hg_image_to_rgb(&rgb, image, err);
    if (status == HG_STATUS_OK)
        status =
            hg_resize_u8(small, 9, 8, rgb.samples, rgb.width, rgb.height, 3, HG_RESIZE_FILTER_BILINEAR, err);
    hg_image_deinit(&rgb);
    *hash = 0;
    for (int i = 0; i < 64 && status == HG_STATUS_OK; i++) {
        const uint8_t *p = small + (size_t)3 * (size_t)(i / 8 * 9 + i % 8);
        int left = 299 * p[0] + 587 * p[1] + 114 * p[2], right = 299 * p[3] + 587 * p[4] + 114 * p[5];
        *hash |= (uint64_t)(left > right) << i;
    }
    return status;
}

int hg_image_hash_distance(uint64_t a, uint64_t b)
{
    return __builtin_popcountll(a ^ b);
}
