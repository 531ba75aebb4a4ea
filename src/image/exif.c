/* SPDX-License-Identifier: Apache-2.0
 *
 * exif.c: a bounded walk over the first directory of a TIFF header. It follows one offset (to that directory)
 * and none of those inside, so a crafted chain of directories cannot make it loop. Every read is checked
 * against the block.
 */
#include "image/exif.h"

#include "base/checked.h"

#include <stdbool.h>
#include <string.h>

#define EXIF_TAG_ORIENTATION 0x0112
#define EXIF_ENTRY_BYTES 12

typedef struct exif_block {
    const uint8_t *bytes;
    size_t n;
    bool big_endian;
} exif_block;

/* The `width` (1, 2, 4) bytes at `at`; 0 past the end, which no valid field relies on. */
static uint32_t exif_number(const exif_block *b, size_t at, size_t width)
{
    if (!hg_checked_range(at, width, b->n))
        return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < width; i++) {
        size_t from = b->big_endian ? at + i : at + width - 1 - i;
        value = value << 8 | b->bytes[from];
    }
    return value;
}

/* The value of an entry that holds one number in place: BYTE, SHORT or LONG. */
static uint32_t exif_entry_value(const exif_block *b, size_t entry)
{
    uint32_t type = exif_number(b, entry + 2, 2);
    uint32_t count = exif_number(b, entry + 4, 4);
    if (count != 1)
        return 0;
    switch (type) {
    case 1:
        return exif_number(b, entry + 8, 1);
    case 3:
        return exif_number(b, entry + 8, 2);
    case 4:
        return exif_number(b, entry + 8, 4);
    default:
        return 0;
    }
}

int hg_exif_orientation(const uint8_t *bytes, size_t n)
{
    if (n >= 6 && memcmp(bytes, "Exif\0\0", 6) == 0) {
        bytes += 6;
        n -= 6;
    }
    if (n < 8 || (memcmp(bytes, "II", 2) != 0 && memcmp(bytes, "MM", 2) != 0))
        return 1;
    exif_block b = {.bytes = bytes, .n = n, .big_endian = bytes[0] == 'M'};
    if (exif_number(&b, 2, 2) != 42)
        return 1;
    size_t directory = exif_number(&b, 4, 4);
    uint32_t n_entries = exif_number(&b, directory, 2);
    for (uint32_t i = 0; i < n_entries; i++) {
        size_t entry = directory + 2 + (size_t)i * EXIF_ENTRY_BYTES;
        if (!hg_checked_range(entry, EXIF_ENTRY_BYTES, n))
            return 1;
        if (exif_number(&b, entry, 2) != EXIF_TAG_ORIENTATION)
            continue;
        uint32_t value = exif_entry_value(&b, entry);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}
