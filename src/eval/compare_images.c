/* SPDX-License-Identifier: Apache-2.0
 *
 * compare_images.c: two images of any number of channels and bits made comparable, then scored.
 */
#include "eval/image_metrics.h"

#include "base/checked.h"
#include "base/memory.h"
#include "image/pixels.h"

/* Grey or colour channels of an image: alpha does not count. */
static int colours(const hg_image *image)
{
    return image->channels <= 2 ? 1 : 3;
}

static double sample(const hg_image *image, size_t pixel, int channel)
{
    size_t at = pixel * (size_t)image->channels + (size_t)(colours(image) == 1 ? 0 : channel);
    return image->bits == 16 ? (double)((const uint16_t *)image->samples)[at]
                             : (double)((const uint8_t *)image->samples)[at];
}

static hg_status check_pair(const hg_image *a, const hg_image *b, const hg_image *mask, hg_error *err)
{
    if (a->width != b->width || a->height != b->height)
        return hg_error_set(err, HG_STATUS_INPUT, "the pictures differ in size: %d x %d and %d x %d",
                            a->width, a->height, b->width, b->height);
    if (a->bits != b->bits)
        return hg_error_set(err, HG_STATUS_INPUT, "one picture has %d bits, the other %d", a->bits, b->bits);
    if (mask != NULL && (mask->width != a->width || mask->height != a->height))
        return hg_error_set(err, HG_STATUS_INPUT, "the mask is %d x %d, the pictures are %d x %d",
                            mask->width, mask->height, a->width, a->height);
    return HG_STATUS_OK;
}

/* The pictures as numbers, (pixels, channels), and the mask as bytes. */
typedef struct compare_arrays {
    double *a, *b;
    uint8_t *a8, *b8; /* the same, when the pictures have 8 bits */
    uint8_t *mask;
} compare_arrays;

static void arrays_free(compare_arrays *arrays)
{
    hg_mem_free(arrays->a);
    hg_mem_free(arrays->b);
    hg_mem_free(arrays->a8);
    hg_mem_free(arrays->b8);
    hg_mem_free(arrays->mask);
}

static hg_status arrays_fill(compare_arrays *arrays, const hg_image *a, const hg_image *b,
                             const hg_image *mask, int channels, hg_error *err)
{
    size_t pixels = (size_t)a->width * (size_t)a->height, n;
    if (!hg_checked_mul(pixels, (size_t)channels, &n))
        return hg_error_memory(err, pixels, "pictures");
    arrays->a = hg_mem_array(n, sizeof *arrays->a);
    arrays->b = hg_mem_array(n, sizeof *arrays->b);
    arrays->a8 = hg_mem_array(n, 1);
    arrays->b8 = hg_mem_array(n, 1);
    arrays->mask = mask == NULL ? NULL : hg_mem_array(pixels, 1);
    if (arrays->a == NULL || arrays->b == NULL || arrays->a8 == NULL || arrays->b8 == NULL ||
        (mask != NULL && arrays->mask == NULL))
        return hg_error_memory(err, n * 18, "pictures");
    for (size_t p = 0; p < pixels; p++) {
        for (int c = 0; c < channels; c++) {
            size_t i = p * (size_t)channels + (size_t)c;
            arrays->a[i] = sample(a, p, c);
            arrays->b[i] = sample(b, p, c);
            if (a->bits != 8)
                continue;
            arrays->a8[i] = (uint8_t)arrays->a[i];
            arrays->b8[i] = (uint8_t)arrays->b[i];
        }
        if (mask != NULL)
            arrays->mask[p] = sample(mask, p, 0) != 0;
    }
    return HG_STATUS_OK;
}

hg_status hg_eval_compare(const hg_image *a, const hg_image *b, const hg_compare_options *options,
                          hg_image_scores *scores, hg_error *err)
{
    const hg_compare_options none = {.window = HG_SSIM_WINDOW_GAUSSIAN};
    const hg_compare_options *o = options == NULL ? &none : options;
    compare_arrays arrays = {0};
    int channels = colours(a) > colours(b) ? colours(a) : colours(b);
    double range = o->range > 0 ? o->range : a->bits == 16 ? 65535 : 255;
    hg_status status = check_pair(a, b, o->mask, err);
    if (status == HG_STATUS_OK)
        status = arrays_fill(&arrays, a, b, o->mask, channels, err);
    if (status == HG_STATUS_OK)
        status = hg_metrics_compute(scores, arrays.a, arrays.b, arrays.mask, a->width, a->height, channels,
                                    range, o->window, err);
    if (status == HG_STATUS_OK && a->bits == 8) {
        size_t pixels = (size_t)a->width * (size_t)a->height;
        scores->has_wrapped = true;
        scores->wrapped_mse = hg_metrics_wrapped_mse(arrays.a8, arrays.b8, arrays.mask, pixels, channels);
        scores->wrapped_psnr = hg_eval_psnr(scores->wrapped_mse, range);
    }
    arrays_free(&arrays);
    return status;
}
