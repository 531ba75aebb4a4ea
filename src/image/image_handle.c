/* SPDX-License-Identifier: Apache-2.0
 *
 * image_handle.c: the public functions of healthgpt/image.h that give and use an image on the heap; each is a
 * thin cover over the module that does the work. Saving lies in image_writer.c, arrays in npy.c.
 */
#include "base/memory.h"
#include "image/clip_input.h"
#include "image/fit.h"
#include "image/image_reader.h"

#include <string.h>

static hg_status handle_alloc(hg_image **image, hg_error *err)
{
    *image = hg_mem_alloc(sizeof **image);
    if (*image == NULL)
        return hg_error_memory(err, sizeof **image, "an image");
    hg_image_init(*image);
    return HG_STATUS_OK;
}

/* Frees the handle when its filling failed, so that the caller sees NULL. */
static hg_status handle_finish(hg_image **image, hg_status status)
{
    if (status != HG_STATUS_OK) {
        hg_image_close(*image);
        *image = NULL;
    }
    return status;
}

hg_status hg_image_open_view(hg_image **image, const char *path, const hg_image_view *view, hg_error *err)
{
    hg_status status = handle_alloc(image, err);
    if (status == HG_STATUS_OK)
        status = hg_image_read_view(*image, path, view, NULL, err);
    return handle_finish(image, status);
}

/* Moves decoded pictures into handles. */
static hg_status handle_take(hg_image **images, hg_image *decoded, size_t n, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; i < n && status == HG_STATUS_OK; i++) {
        status = handle_alloc(&images[i], err);
        if (status != HG_STATUS_OK)
            break;
        *images[i] = decoded[i];
        hg_image_init(&decoded[i]);
    }
    for (size_t i = 0; status != HG_STATUS_OK && i < n; i++)
        images[i] = (hg_image_close(images[i]), NULL);
    return status;
}

hg_status hg_image_open_slices(hg_image **images, size_t wanted, size_t *n, const char *path,
                               const hg_image_view *view, hg_error *err)
{
    const hg_image_request request = {.view = view, .wanted = wanted};
    *n = 0;
    if (wanted < 1 || wanted > HG_IMAGE_MAX_PICTURES)
        return hg_error_set(err, HG_STATUS_USAGE, "%zu pictures of a file; 1..%d are possible", wanted,
                            HG_IMAGE_MAX_PICTURES);
    hg_image *decoded = hg_mem_array(wanted, sizeof *decoded);
    if (decoded == NULL)
        return hg_error_memory(err, wanted * sizeof *decoded, "images");
    for (size_t i = 0; i < wanted; i++) {
        hg_image_init(&decoded[i]);
        images[i] = NULL;
    }
    hg_status status = hg_image_read_all(decoded, n, path, &request, err);
    if (status == HG_STATUS_OK)
        status = handle_take(images, decoded, *n, err);
    for (size_t i = 0; i < wanted; i++)
        hg_image_deinit(&decoded[i]);
    hg_mem_free(decoded);
    return status;
}

hg_status hg_image_describe(const char *path, const hg_image_view *view, size_t wanted, size_t *n,
                            hg_image_source *source, hg_error *err)
{
    hg_image_request request = {.view = view, .wanted = wanted, .describe = true};
    hg_image *described = hg_mem_array(wanted > 0 ? wanted : 1, sizeof *described);
    if (described == NULL)
        return hg_error_memory(err, wanted * sizeof *described, "images");
    hg_status status = hg_image_read_all(described, n, path, &request, err);
    *source = described[0].source;
    hg_mem_free(described);
    return status;
}

hg_status hg_image_open(hg_image **image, const char *path, hg_error *err)
{
    return hg_image_open_view(image, path, NULL, err);
}

hg_status hg_image_open_memory(hg_image **image, const void *bytes, size_t n, hg_error *err)
{
    hg_status status = handle_alloc(image, err);
    if (status == HG_STATUS_OK)
        status = hg_image_read_memory(*image, bytes, n, NULL, err);
    return handle_finish(image, status);
}

hg_status hg_image_create(hg_image **image, const uint8_t *samples, int width, int height, int channels,
                          hg_error *err)
{
    *image = NULL;
    if (width < 1 || height < 1 || (channels != 1 && channels != 3))
        return hg_error_set(err, HG_STATUS_USAGE, "an image of %d x %d pixels and %d channels cannot be made",
                            width, height, channels);
    const hg_image_limits limits = hg_image_limits_default();
    if (hg_image_check_size(&limits, (uint64_t)width, (uint64_t)height, err) != HG_STATUS_OK)
        return hg_error_prefix(err, HG_STATUS_USAGE, "cannot make an image");
    hg_status status = handle_alloc(image, err);
    if (status == HG_STATUS_OK)
        status = hg_image_alloc(*image, width, height, channels, 8, err);
    if (status == HG_STATUS_OK)
        memcpy((*image)->samples, samples, hg_image_bytes(*image));
    return handle_finish(image, status);
}

hg_status hg_image_resize(hg_image **resized, const hg_image *image, int width, int height, hg_error *err)
{
    const hg_image_limits limits = hg_image_limits_default();
    *resized = NULL;
    if (width < 1 || height < 1 ||
        hg_image_check_size(&limits, (uint64_t)width, (uint64_t)height, err) != HG_STATUS_OK)
        return hg_error_set(err, HG_STATUS_USAGE, "no image can have %d x %d pixels", width, height);
    hg_status status = handle_alloc(resized, err);
    if (status == HG_STATUS_OK)
        status = hg_image_fit(*resized, image, width, height, err);
    return handle_finish(resized, status);
}

void hg_image_close(hg_image *image)
{
    if (image == NULL)
        return;
    hg_image_deinit(image);
    hg_mem_free(image);
}

hg_image_info hg_image_get_info(const hg_image *image)
{
    return (hg_image_info){.width = image->width,
                           .height = image->height,
                           .channels = image->channels,
                           .bits = image->bits,
                           .format = image->format,
                           .orientation = image->orientation,
                           .synthetic = image->synthetic};
}

const hg_image_source *hg_image_get_source(const hg_image *image)
{
    return &image->source;
}

hg_status hg_image_prepare_u8(const hg_image *image, uint8_t out[HG_CLIP_VALUES], hg_error *err)
{
    const hg_clip_preparation config = hg_clip_preparation_default();
    return hg_clip_input_u8(out, image, &config, err);
}

hg_status hg_image_prepare_f32(const hg_image *image, float out[HG_CLIP_VALUES], hg_error *err)
{
    const hg_clip_preparation config = hg_clip_preparation_default();
    uint8_t *bytes = hg_mem_alloc(HG_CLIP_VALUES);
    if (bytes == NULL)
        return hg_error_memory(err, HG_CLIP_VALUES, "a prepared image");
    hg_status status = hg_clip_input_u8(bytes, image, &config, err);
    if (status == HG_STATUS_OK)
        hg_clip_input_normalize(out, bytes, &config);
    hg_mem_free(bytes);
    return status;
}
