/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8.h: walking UTF-8, and making it valid.
 */
#ifndef HG_TEXT_UTF8_H
#define HG_TEXT_UTF8_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which characters count as white space beside a special token. */
typedef enum hg_utf8_spaces {
    HG_UTF8_SPACES_UNICODE, /* the Unicode property White_Space */
    HG_UTF8_SPACES_PYTHON   /* and the separators U+001C to U+001F, as Python's str.strip */
} hg_utf8_spaces;

/* What stands at the beginning of `text` (n >= 1 bytes). */
typedef struct hg_utf8_step {
    uint32_t codepoint; /* U+FFFD when not valid */
    uint8_t size;       /* bytes of the character, or of the longest broken part of one (Unicode 3.9, "maximal
                           subpart") */
    bool valid;
    bool unfinished; /* not valid, but more bytes behind the n could make it so */
} hg_utf8_step;

hg_utf8_step hg_utf8_read(const uint8_t *text, size_t n);

/* Appends the text, with U+FFFD for each broken part; false when `out` is full. */
bool hg_utf8_push_valid(hg_buffer *out, const uint8_t *text, size_t n);

/* Bytes of white space that the valid text begins and ends with. */
size_t hg_utf8_spaces_before(const uint8_t *text, size_t n, hg_utf8_spaces kind);
size_t hg_utf8_spaces_after(const uint8_t *text, size_t n, hg_utf8_spaces kind);

#endif
