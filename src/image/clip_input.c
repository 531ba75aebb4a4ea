/* SPDX-License-Identifier: Apache-2.0
 *
 * clip_input.c: the border is not stored: resize.c sees the picture on a canvas. Normalisation goes through a
 * table of the 256 values that a sample can have.
 */
#include "image/clip_input.h"

#include "image/resize.h"
#include "image/rgb.h"

hg_clip_preparation hg_clip_preparation_default(void)
{
    return (hg_clip_preparation){.size = HG_CLIP_SIDE,
                                 .pad_rgb = {122, 116, 104},
                                 .mean = {0.48145466F, 0.4578275F, 0.40821073F},
                                 .deviation = {0.26862954F, 0.26130258F, 0.27577711F}};
}

static hg_status clip_resize(uint8_t *out, const hg_image *rgb, const hg_clip_preparation *config,
                             hg_error *err)
{
    int side = rgb->width > rgb->height ? rgb->width : rgb->height;
    hg_resize_canvas canvas = {.pixels = rgb->samples,
                               .width = rgb->width,
                               .height = rgb->height,
                               .channels = 3,
                               .canvas_width = side,
                               .canvas_height = side,
                               .left = (side - rgb->width) / 2,
                               .top = (side - rgb->height) / 2,
                               .colour = {config->pad_rgb[0], config->pad_rgb[1], config->pad_rgb[2]}};
    return hg_resize_canvas_u8(out, config->size, config->size, &canvas, HG_RESIZE_FILTER_BICUBIC, err);
}

hg_status hg_clip_input_u8(uint8_t *out, const hg_image *image, const hg_clip_preparation *config,
                           hg_error *err)
{
    if (image->bits == 8 && image->channels == 3)
        return clip_resize(out, image, config, err);
    hg_image rgb;
    hg_image_init(&rgb);
    hg_status status = hg_image_to_rgb(&rgb, image, err);
    if (status == HG_STATUS_OK)
        status = clip_resize(out, &rgb, config, err);
    hg_image_deinit(&rgb);
    return status;
}

void hg_clip_input_normalize(float *out, const uint8_t *in, const hg_clip_preparation *config)
{
    size_t n = (size_t)config->size * (size_t)config->size;
    for (size_t c = 0; c < 3; c++) {
        float table[256];
        for (int v = 0; v < 256; v++)
            table[v] = ((float)(v * (1.0 / 255.0)) - config->mean[c]) / config->deviation[c];
        for (size_t i = 0; i < n; i++)
            out[c * n + i] = table[in[3 * i + c]];
    }
}
