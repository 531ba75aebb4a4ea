/* SPDX-License-Identifier: Apache-2.0
 *
 * buffer.h: a growable run of bytes with a maximum. Text kept in it is always terminated by a zero that
 * `size` does not count, so `data` can be used as a C string.
 */
#ifndef HG_BASE_BUFFER_H
#define HG_BASE_BUFFER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hg_buffer {
    uint8_t *data;    /* size bytes and a zero; NULL until there is room for some */
    size_t size;      /* bytes in use */
    size_t capacity;  /* bytes allocated */
    size_t max_bytes; /* size may not pass this */
} hg_buffer;

/* An empty buffer that may grow to `max_bytes`; allocates nothing. */
void hg_buffer_init(hg_buffer *b, size_t max_bytes);
void hg_buffer_deinit(hg_buffer *b);

/* Appends; false when memory is short or the maximum would be passed (nothing is appended then). */
bool hg_buffer_push(hg_buffer *b, const void *bytes, size_t n);
bool hg_buffer_push_text(hg_buffer *b, const char *text);
bool hg_buffer_push_format(hg_buffer *b, const char *format, ...) HG_PRINTF(2, 3);

/* Makes room, so that appending `n` bytes allocates nothing; false as above. */
bool hg_buffer_reserve(hg_buffer *b, size_t n);

/* Makes `n` more bytes and returns where they begin (uninitialised), or NULL as above. */
uint8_t *hg_buffer_extend(hg_buffer *b, size_t n);

/* The content as a C string; "" while empty. */
const char *hg_buffer_text(const hg_buffer *b);

#endif
