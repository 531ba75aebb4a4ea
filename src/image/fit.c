/* SPDX-License-Identifier: Apache-2.0
 *
 * fit.c: see fit.h.
 */
#include "image/fit.h"

#include "image/resize.h"
#include "image/rgb.h"

hg_status hg_image_fit(hg_image *out, const hg_image *in, int width, int height, hg_error *err)
{
    hg_image opaque;
    hg_image_init(&opaque);
    hg_status status = hg_image_to_opaque(&opaque, in, err);
    if (status == HG_STATUS_OK && opaque.width == width && opaque.height == height) {
        *out = opaque;
        return HG_STATUS_OK;
    }
    if (status == HG_STATUS_OK)
        status = hg_image_alloc(out, width, height, opaque.channels, 8, err);
    if (status == HG_STATUS_OK)
        status = hg_resize_u8(out->samples, width, height, opaque.samples, opaque.width, opaque.height,
                              opaque.channels, HG_RESIZE_FILTER_BICUBIC, err);
    out->synthetic = opaque.synthetic;
    hg_image_deinit(&opaque);
    return status;
}
