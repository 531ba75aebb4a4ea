/* SPDX-License-Identifier: Apache-2.0
 *
 * montage.c: pictures side by side. The number of columns is the smallest whose square holds all; of the rows
 * there are as many as are needed.
 */
#include "base/error.h"
#include "base/memory.h"
#include "image/pixels.h"
#include "image/rgb.h"
#include "image/scan.h"

#include <string.h>

typedef struct montage_grid {
    int columns, rows;
    int width, height; /* of a field */
    int channels;
} montage_grid;

static montage_grid montage_plan(hg_image *const *images, size_t n)
{
    montage_grid grid = {.columns = 1, .channels = 1};
    while ((size_t)grid.columns * (size_t)grid.columns < n)
        grid.columns++;
    grid.rows = (int)((n + (size_t)grid.columns - 1) / (size_t)grid.columns);
    for (size_t i = 0; i < n; i++) {
        grid.width = images[i]->width > grid.width ? images[i]->width : grid.width;
        grid.height = images[i]->height > grid.height ? images[i]->height : grid.height;
        grid.channels = images[i]->channels > 1 ? 3 : grid.channels;
    }
    return grid;
}

/* Copies the picture into its field; grey is repeated where the montage has colours. */
static hg_status montage_place(hg_image *montage, const montage_grid *grid, const hg_image *image, size_t at,
                               hg_error *err)
{
    hg_image flat;
    hg_image_init(&flat);
    hg_status status = hg_image_to_opaque(&flat, image, err);
    if (status != HG_STATUS_OK)
        return status;
    size_t row = at / (size_t)grid->columns, column = at % (size_t)grid->columns;
    size_t channels = (size_t)grid->channels, width = (size_t)flat.width;
    for (size_t y = 0; y < (size_t)flat.height; y++) {
        uint8_t *out = (uint8_t *)montage->samples +
                       (row * (size_t)grid->height + y) * hg_image_row_bytes(montage) +
                       column * (size_t)grid->width * channels;
        const uint8_t *in = (const uint8_t *)flat.samples + y * hg_image_row_bytes(&flat);
        if (flat.channels == grid->channels)
            memcpy(out, in, width * channels);
        for (size_t x = 0; flat.channels != grid->channels && x < width; x++)
            memset(out + x * channels, in[x], channels);
    }
    hg_image_deinit(&flat);
    return HG_STATUS_OK;
}

/* What is said of a montage: what is said of its middle picture, and that it is a montage. */
static void montage_describe(hg_image *montage, hg_image *const *images, size_t n)
{
    const hg_image *middle = images[n / 2];
    const hg_image_source *first = &images[0]->source, *last = &images[n - 1]->source;
    montage->format = middle->format;
    montage->source = middle->source;
    montage->source.instance_uid[0] = 0;
    montage->synthetic = middle->synthetic;
    bool slices = first->slice != last->slice;
    hg_scan_note(&montage->source, "montage of %zu pictures, %s %d to %d", n, slices ? "slices" : "frames",
                 slices ? first->slice : first->frame, slices ? last->slice : last->frame);
}

hg_status hg_image_montage(hg_image **montage, hg_image *const *images, size_t n, hg_error *err)
{
    const hg_image_limits limits = hg_image_limits_default();
    *montage = NULL;
    if (n < 1 || n > HG_IMAGE_MAX_PICTURES)
        return hg_error_set(err, HG_STATUS_USAGE, "a montage of %zu pictures; 1..%d are possible", n,
                            HG_IMAGE_MAX_PICTURES);
    montage_grid grid = montage_plan(images, n);
    uint64_t width = (uint64_t)grid.columns * (uint64_t)grid.width;
    uint64_t height = (uint64_t)grid.rows * (uint64_t)grid.height;
    if (hg_image_check_size(&limits, width, height, err) != HG_STATUS_OK)
        return hg_error_prefix(err, HG_STATUS_USAGE, "a montage of %zu pictures", n);
    hg_image *out = hg_mem_alloc(sizeof *out);
    if (out == NULL)
        return hg_error_memory(err, sizeof *out, "an image");
    hg_image_init(out);
    hg_status status = hg_image_alloc(out, (int)width, (int)height, grid.channels, 8, err);
    if (status == HG_STATUS_OK)
        memset(out->samples, 0, hg_image_bytes(out));
    for (size_t i = 0; status == HG_STATUS_OK && i < n; i++)
        status = montage_place(out, &grid, images[i], i, err);
    if (status != HG_STATUS_OK) {
        hg_image_close(out);
        return status;
    }
    montage_describe(out, images, n);
    *montage = out;
    return HG_STATUS_OK;
}
