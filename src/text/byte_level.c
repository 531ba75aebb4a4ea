/* SPDX-License-Identifier: Apache-2.0
 *
 * byte_level.c: from a character of the alphabet to its byte and back, by rank instead of a table.
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

/* The character of a byte. */
static uint32_t letter_of(uint8_t byte)
{
    if (stands_for_itself(byte))
        return byte;
    if (byte <= 0x20)
        return 0x100U + byte;
    return byte == 0xad ? 0x100U + 67U : 0x100U + 0x21U + byte - 0x7fU;
}

bool hg_byte_level_write(const char *bytes, size_t n, hg_buffer *out)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t c = letter_of((uint8_t)bytes[i]); /* below U+0800: one or two bytes of UTF-8 */
        const uint8_t letter[] = {(uint8_t)(c < 0x80 ? c : 0xc0 | c >> 6), (uint8_t)(0x80 | (c & 0x3f))};
        if (!hg_buffer_push(out, letter, c < 0x80 ? 1 : 2))
            return false;
    }
    return true;
}
