/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_png.c: any bytes as a PNG file. Most mutations only break a checksum, so every chunk's checksum is
 * made right first; the reader then sees the damage behind it.
 */
#include "base/memory.h"
#include "fuzz_image.h"
#include "image/png_reader.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t fuzz_crc(const uint8_t *bytes, size_t n)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? 0xedb88320 ^ crc >> 1 : crc >> 1;
    }
    return ~crc;
}

static void fuzz_sign_chunks(uint8_t *file, size_t size)
{
    size_t at = 8;
    while (size >= 12 && at <= size - 12) {
        size_t n =
            (size_t)file[at] << 24 | (size_t)file[at + 1] << 16 | (size_t)file[at + 2] << 8 | file[at + 3];
        if (n > size - 12 - at)
            return;
        uint32_t crc = fuzz_crc(file + at + 4, n + 4);
        for (size_t i = 0; i < 4; i++)
            file[at + 8 + n + i] = (uint8_t)(crc >> (24 - 8 * i));
        at += 12 + n;
    }
}

static void fuzz_read(const uint8_t *bytes, size_t n)
{
    fuzz_image(&hg_png_format, bytes, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = hg_mem_alloc(size);
    if (copy == NULL)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
    fuzz_read(copy, size);
    fuzz_sign_chunks(copy, size);
    fuzz_read(copy, size);
    hg_mem_free(copy);
    return 0;
}
