/* SPDX-License-Identifier: Apache-2.0
 *
 * image_golden.h: what the image tests share: the fingerprint that reference/make_images.py uses, paths of
 * the test data, and opening an image that must be good.
 */
#ifndef HG_TEST_IMAGE_GOLDEN_H
#define HG_TEST_IMAGE_GOLDEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/file.h"
#include "image/image_reader.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static inline uint64_t golden_fingerprint(const void *data, size_t n)
{
    const uint8_t *bytes = data;
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++)
        h = h * 6364136223846793005U + bytes[i] + 1U;
    return h;
}

/* `where` is "test" (committed files) or "shared" (the data set beside the checkout, which may be absent). */
static inline void golden_path(char path[HG_PATH_BYTES], const char *where, const char *name)
{
    const char *folder = strcmp(where, "test") == 0 ? HG_TEST_DATA "/image" : HG_SHARED_DATA;
    snprintf(path, HG_PATH_BYTES, "%s/%s", folder, name);
}

static inline bool golden_have_shared(void)
{
    return hg_folder_exists(HG_SHARED_DATA "/images");
}

static inline void golden_open(hg_image *image, const char *path)
{
    hg_error err = {0};
    hg_image_init(image);
    if (hg_image_read(image, path, NULL, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

/* Decodes in this process, for tests that try a file in thousands of forms. */
static inline hg_status golden_decode(hg_image *image, const uint8_t *bytes, size_t n, hg_error *err)
{
    const hg_image_format *format = hg_image_format_find(bytes, n);
    const hg_image_file file = {.data = bytes, .n = n};
    if (format == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "not an image");
    return hg_image_decode(image, format, &file, NULL, NULL, err);
}

/* A whole committed file. */
static inline void golden_load(hg_buffer *file, const char *name)
{
    hg_error err = {0};
    char path[HG_PATH_BYTES];
    golden_path(path, "test", name);
    hg_buffer_init(file, (size_t)1 << 24);
    if (hg_file_read(path, file, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

#endif
