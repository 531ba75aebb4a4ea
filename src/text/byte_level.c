/* SPDX-License-Identifier: Apache-2.0
 *
 * byte_level.c: from a character of the alphabet to its byte, by rank instead of a table.
 */
#include "text/byte_level.h"

#include "text/utf8.h"

/* The bytes that do not stand for themselves: 0 to 0x20, 0x7f to 0xa0, 0xad. */
static bool stands_for_itself(uint32_t c)
{
    return (c >= 0x21 && c <= 0x7e) || (c >= 0xa1 && c <= 0xac) || (c >= 0xae && c <= 0xff);
}

/* The byte of a character, or -1. */
static int byte_of(uint32_t c)
{
    if (stands_for_itself(c))
        return (int)c;
    uint32_t rank = c - 0x100;
    if (c < 0x100 || rank > 67)
        return -1;
    if (rank <= 0x20)
        return (int)rank;
    return rank == 67 ? 0xad : (int)(0x7f + rank - 0x21);
}

bool hg_byte_level_read(const char *name, size_t n, hg_buffer *out, bool *literal)
{
    const uint8_t *text = (const uint8_t *)name;
    *literal = false;
    size_t begin = out->size;
    for (size_t at = 0; at < n;) {
        hg_utf8_step step = hg_utf8_read(text + at, n - at);
        int byte = step.valid ? byte_of(step.codepoint) : -1;
        if (byte < 0) {
            *literal = true;
            out->size = begin;
            return hg_buffer_push(out, name, n);
        }
        if (!hg_buffer_push(out, &(uint8_t){(uint8_t)byte}, 1))
            return false;
        at += step.size;
    }
    return true;
}
