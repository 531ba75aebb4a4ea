/* SPDX-License-Identifier: Apache-2.0
 *
 * image_reader.c: the registry of formats, and what is the same for all of them: finding the reader, turning
 * the picture upright, and leaving an empty image behind after a failure.
 */
#include "image/image_reader.h"

#include "base/file_map.h"
#include "image/jpeg_reader.h"
#include "image/orient.h"
#include "image/png_reader.h"

static const hg_image_format *const reader_formats[] = {&hg_png_format, &hg_jpeg_format};

static const hg_image_format *reader_find(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < sizeof reader_formats / sizeof reader_formats[0]; i++) {
        if (reader_formats[i]->probe(bytes, n))
            return reader_formats[i];
    }
    return NULL;
}

hg_status hg_image_read_memory(hg_image *image, const uint8_t *bytes, size_t n, const hg_image_limits *limits,
                               hg_error *err)
{
    const hg_image_limits usual = hg_image_limits_default();
    if (n == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "the file is empty");
    const hg_image_format *format = reader_find(bytes, n);
    if (format == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "not an image of a known format (PNG, JPEG)");
    hg_status status = format->read(image, bytes, n, limits != NULL ? limits : &usual, err);
    if (status == HG_STATUS_OK) {
        image->format = format->name;
        status = hg_image_orient(image, image->orientation, err);
    }
    if (status != HG_STATUS_OK)
        hg_image_deinit(image);
    return status;
}

hg_status hg_image_read(hg_image *image, const char *path, const hg_image_limits *limits, hg_error *err)
{
    hg_file_map map;
    hg_status status = hg_file_map_open(&map, path, err);
    if (status != HG_STATUS_OK)
        return status;
    status = hg_image_read_memory(image, map.data, map.size, limits, err);
    if (status != HG_STATUS_OK)
        status = hg_error_prefix(err, status, "%s", path);
    hg_file_map_close(&map);
    return status;
}
