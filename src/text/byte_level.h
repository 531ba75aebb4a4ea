/* SPDX-License-Identifier: Apache-2.0
 *
 * byte_level.h: the alphabet in which byte-level vocabularies spell bytes: printable Latin-1 characters stand
 * for themselves, the other 68 bytes for U+0100 onwards, in order.
 */
#ifndef HG_TEXT_BYTE_LEVEL_H
#define HG_TEXT_BYTE_LEVEL_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

/* Appends the bytes that `name` (n bytes of UTF-8) spells. When it has a character outside the alphabet it is
 * appended as it is and *literal set. False when `out` is full. */
bool hg_byte_level_read(const char *name, size_t n, hg_buffer *out, bool *literal);

/* Appends the spelling of n bytes. False when `out` is full. */
bool hg_byte_level_write(const char *bytes, size_t n, hg_buffer *out);

#endif
