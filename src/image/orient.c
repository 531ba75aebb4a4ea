/* SPDX-License-Identifier: Apache-2.0
 *
 * orient.c: all eight orientations as three flags. An upright pixel (x, y) comes from the stored pixel found
 * by exchanging x and y (swap), then counting the stored columns (flip_x) or rows (flip_y) from the far end.
 */
#include "image/orient.h"

#include "base/memory.h"

#include <stdbool.h>
#include <string.h>

typedef struct orient_rule {
    bool swap;
    bool flip_x;
    bool flip_y;
} orient_rule;

/* By EXIF 2.32, tag 0x0112: what the stored row 0 and column 0 are of the picture as seen. */
static const orient_rule orient_rules[9] = {
    [1] = {false, false, false}, /* top, left */
    [2] = {false, true, false},  /* top, right */
    [3] = {false, true, true},   /* bottom, right */
    [4] = {false, false, true},  /* bottom, left */
    [5] = {true, false, false},  /* left, top */
    [6] = {true, false, true},   /* right, top */
    [7] = {true, true, true},    /* right, bottom */
    [8] = {true, true, false},   /* left, bottom */
};

static void orient_copy(hg_image *to, const hg_image *from, orient_rule rule)
{
    size_t pixel = hg_image_pixel_bytes(from);
    size_t row = hg_image_row_bytes(from);
    uint8_t *out = to->samples;
    const uint8_t *in = from->samples;
    for (int y = 0; y < to->height; y++) {
        for (int x = 0; x < to->width; x++) {
            int sx = rule.swap ? y : x;
            int sy = rule.swap ? x : y;
            sx = rule.flip_x ? from->width - 1 - sx : sx;
            sy = rule.flip_y ? from->height - 1 - sy : sy;
            memcpy(out, in + (size_t)sy * row + (size_t)sx * pixel, pixel);
            out += pixel;
        }
    }
}

hg_status hg_image_orient(hg_image *image, int orientation, hg_error *err)
{
    if (orientation < 2 || orientation > 8)
        return HG_STATUS_OK;
    orient_rule rule = orient_rules[orientation];
    hg_image turned;
    hg_image_init(&turned);
    int width = rule.swap ? image->height : image->width;
    int height = rule.swap ? image->width : image->height;
    hg_status status = hg_image_alloc(&turned, width, height, image->channels, image->bits, err);
    if (status != HG_STATUS_OK)
        return status;
    orient_copy(&turned, image, rule);
    hg_mem_free(image->samples);
    image->samples = turned.samples;
    image->width = width;
    image->height = height;
    return HG_STATUS_OK;
}
