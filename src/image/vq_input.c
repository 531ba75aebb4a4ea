/* SPDX-License-Identifier: Apache-2.0
 *
 * vq_input.c: every step in float and in the order of the reference, because truncation to bytes shows the
 * last bit.
 */
#include "image/vq_input.h"

#include "base/memory.h"
#include "image/resize.h"
#include "image/rgb.h"

static void vq_scale(float *out, const uint8_t *in, size_t n)
{
    for (size_t c = 0; c < 3; c++) {
        for (size_t i = 0; i < n; i++)
            out[c * n + i] = 2.0F * ((float)in[3 * i + c] / 255.0F) - 1.0F;
    }
}

hg_status hg_vq_input_f32(float *out, const hg_image *image, int side, hg_error *err)
{
    if (side < 1 || side > HG_IMAGE_MAX_SIDE)
        return hg_error_set(err, HG_STATUS_USAGE, "a VQ input of side %d; 1..%d are possible", side,
                            HG_IMAGE_MAX_SIDE);
    hg_image rgb;
    hg_image_init(&rgb);
    hg_status status = hg_image_to_rgb(&rgb, image, err);
    size_t n = (size_t)side * (size_t)side;
    uint8_t *small = hg_mem_array(n, 3);
    if (status == HG_STATUS_OK && small == NULL)
        status = hg_error_memory(err, n * 3, "a VQ input");
    if (status == HG_STATUS_OK)
        status = hg_resize_u8(small, side, side, rgb.samples, rgb.width, rgb.height, 3,
                              HG_RESIZE_FILTER_LANCZOS, err);
    if (status == HG_STATUS_OK)
        vq_scale(out, small, n);
    hg_mem_free(small);
    hg_image_deinit(&rgb);
    return status;
}

static uint8_t vq_sample(float x)
{
    /* A comparison with NaN is false, so NaN takes the first way. */
    if (!(x > -1.0F))
        return 0;
    if (x > 1.0F)
        x = 1.0F;
    return (uint8_t)((x + 1.0F) / 2.0F * 255.0F);
}

hg_status hg_vq_output_image(hg_image *image, const float *in, int width, int height, hg_error *err)
{
    hg_status status = hg_image_alloc(image, width, height, 3, 8, err);
    if (status != HG_STATUS_OK)
        return status;
    image->synthetic = true;
    size_t n = (size_t)width * (size_t)height;
    uint8_t *out = image->samples;
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < 3; c++)
            out[3 * i + c] = vq_sample(in[c * n + i]);
    }
    return HG_STATUS_OK;
}
