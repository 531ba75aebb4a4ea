/* SPDX-License-Identifier: Apache-2.0
 *
 * pixels.c: owns the memory of an image. Invariant: an image with samples has a size whose byte count was
 * computed without overflow, so later products of its fields cannot overflow either.
 */
#include "image/pixels.h"

#include "base/checked.h"
#include "base/memory.h"

hg_image_limits hg_image_limits_default(void)
{
    return (hg_image_limits){.max_pixels = HG_IMAGE_MAX_PIXELS, .max_side = HG_IMAGE_MAX_SIDE};
}

hg_status hg_image_check_size(const hg_image_limits *limits, uint64_t width, uint64_t height, hg_error *err)
{
    unsigned long long w = width;
    unsigned long long h = height;
    if (w == 0 || h == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "the image is empty: %llu x %llu pixels", w, h);
    uint64_t side = (uint64_t)limits->max_side;
    if (width > side || height > side)
        return hg_error_set(err, HG_STATUS_INPUT, "%llu x %llu pixels: a side may have at most %d", w, h,
                            limits->max_side);
    if (width > limits->max_pixels / height)
        return hg_error_set(err, HG_STATUS_INPUT, "%llu x %llu pixels: at most %llu are accepted", w, h,
                            (unsigned long long)limits->max_pixels);
    return HG_STATUS_OK;
}

void hg_image_init(hg_image *image)
{
    *image = (hg_image){.format = "", .orientation = 1};
}

void hg_image_deinit(hg_image *image)
{
    hg_mem_free(image->samples);
    hg_image_init(image);
}

hg_status hg_image_alloc(hg_image *image, int width, int height, int channels, int bits, hg_error *err)
{
    if (width < 1 || height < 1 || channels < 1 || channels > 4 || (bits != 8 && bits != 16))
        return hg_error_set(err, HG_STATUS_USAGE, "no image has %d x %d pixels of %d channels and %d bits",
                            width, height, channels, bits);
    size_t bytes = (size_t)channels * (size_t)bits / 8;
    if (!hg_checked_mul(bytes, (size_t)width, &bytes) || !hg_checked_mul(bytes, (size_t)height, &bytes))
        return hg_error_set(err, HG_STATUS_USAGE, "an image of %d x %d pixels does not fit in memory", width,
                            height);
    void *samples = hg_mem_alloc(bytes);
    if (samples == NULL)
        return hg_error_memory(err, bytes, "an image");
    image->width = width;
    image->height = height;
    image->channels = channels;
    image->bits = bits;
    image->samples = samples;
    return HG_STATUS_OK;
}

size_t hg_image_pixel_bytes(const hg_image *image)
{
    return (size_t)image->channels * (size_t)image->bits / 8;
}

size_t hg_image_row_bytes(const hg_image *image)
{
    return hg_image_pixel_bytes(image) * (size_t)image->width;
}

size_t hg_image_bytes(const hg_image *image)
{
    return hg_image_row_bytes(image) * (size_t)image->height;
}
