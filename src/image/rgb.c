/* SPDX-License-Identifier: Apache-2.0
 *
 * rgb.c: channel and depth conversion. One loop serves all forms: it reads the high byte of the samples that
 * count and repeats grey when RGB is asked for.
 */
#include "image/rgb.h"

/* a * b / 255, to nearest. */
static int rgb_scale(int a, int b)
{
    int product = a * b + 128;
    return ((product >> 8) + product) >> 8;
}

void hg_rgb_from_cmyk(uint8_t *rgb, const uint8_t *cmyk, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int light = 255 - cmyk[4 * i + 3];
        for (size_t c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)(light - rgb_scale(cmyk[4 * i + c], light));
    }
}

static uint8_t rgb_sample(const hg_image *in, size_t at)
{
    if (in->bits == 8)
        return ((const uint8_t *)in->samples)[at];
    return (uint8_t)(((const uint16_t *)in->samples)[at] >> 8);
}

static hg_status rgb_convert(hg_image *out, const hg_image *in, int channels, hg_error *err)
{
    hg_status status = hg_image_alloc(out, in->width, in->height, channels, 8, err);
    if (status != HG_STATUS_OK)
        return status;
    out->format = in->format;
    out->orientation = in->orientation;
    out->synthetic = in->synthetic;
    out->source = in->source;
    size_t n_pixels = (size_t)in->width * (size_t)in->height;
    size_t n_in = (size_t)in->channels;
    size_t step = in->channels >= 3 ? 1 : 0;
    uint8_t *to = out->samples;
    for (size_t i = 0; i < n_pixels; i++) {
        for (size_t c = 0; c < (size_t)channels; c++)
            *to++ = rgb_sample(in, i * n_in + c * step);
    }
    return HG_STATUS_OK;
}

hg_status hg_image_to_rgb(hg_image *out, const hg_image *in, hg_error *err)
{
    return rgb_convert(out, in, 3, err);
}

hg_status hg_image_to_opaque(hg_image *out, const hg_image *in, hg_error *err)
{
    return rgb_convert(out, in, in->channels >= 3 ? 3 : 1, err);
}
