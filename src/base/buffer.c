/* SPDX-License-Identifier: Apache-2.0
 *
 * buffer.c: growth by half again, never past the maximum.
 */
#include "base/buffer.h"

#include "base/checked.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void hg_buffer_init(hg_buffer *b, size_t max_bytes)
{
    *b = (hg_buffer){.max_bytes = max_bytes};
}

void hg_buffer_deinit(hg_buffer *b)
{
    hg_mem_free(b->data);
    *b = (hg_buffer){.max_bytes = b->max_bytes};
}

static bool buffer_resize(hg_buffer *b, size_t capacity)
{
    uint8_t *data = hg_mem_resize(b->data, capacity, 1);
    if (data == NULL)
        return false;
    if (b->data == NULL)
        data[0] = 0;
    b->data = data;
    b->capacity = capacity;
    return true;
}

bool hg_buffer_reserve(hg_buffer *b, size_t n)
{
    size_t size, need;
    if (!hg_checked_add(b->size, n, &size) || size > b->max_bytes || !hg_checked_add(size, 1, &need))
        return false;
    return need <= b->capacity || buffer_resize(b, need);
}

uint8_t *hg_buffer_extend(hg_buffer *b, size_t n)
{
    size_t size, need;
    if (!hg_checked_add(b->size, n, &size) || size > b->max_bytes || !hg_checked_add(size, 1, &need))
        return NULL;
    if (need > b->capacity) {
        size_t capacity = b->capacity + b->capacity / 2;
        if (capacity < need)
            capacity = need;
        if (capacity < 64)
            capacity = 64;
        if (!buffer_resize(b, capacity))
            return NULL;
    }
    uint8_t *begin = b->data + b->size;
    b->size = size;
    b->data[size] = 0;
    return begin;
}

bool hg_buffer_push(hg_buffer *b, const void *bytes, size_t n)
{
    uint8_t *at = hg_buffer_extend(b, n);
    if (at == NULL)
        return false;
    if (n > 0)
        memcpy(at, bytes, n);
    return true;
}

bool hg_buffer_push_text(hg_buffer *b, const char *text)
{
    return hg_buffer_push(b, text, strlen(text));
}

bool hg_buffer_push_format(hg_buffer *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    /* The extension has one byte more for the zero that vsnprintf writes. */
    uint8_t *at = n < 0 ? NULL : hg_buffer_extend(b, (size_t)n);
    if (at != NULL)
        vsnprintf((char *)at, (size_t)n + 1, format, again);
    va_end(again);
    return at != NULL;
}

const char *hg_buffer_text(const hg_buffer *b)
{
    return b->data == NULL ? "" : (const char *)b->data;
}
