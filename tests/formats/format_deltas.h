/* SPDX-License-Identifier: Apache-2.0
 *
 * format_deltas.h: damaged files as small changes of good ones: the first occurrence of some bytes is
 * replaced (the file may grow or shrink), and reading the result must fail with a text that contains a
 * fragment.
 */
#ifndef HG_TESTS_FORMAT_DELTAS_H
#define HG_TESTS_FORMAT_DELTAS_H

#include "base/buffer.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct format_delta {
    const char *find;
    size_t find_bytes;
    const char *replace;
    size_t replace_bytes;
    const char *expected;
} format_delta;

/* A delta from string literals, which may hold zero bytes. */
#define FORMAT_DELTA(find, replace, expected)                                                                \
    {                                                                                                        \
        find, sizeof(find) - 1, replace, sizeof(replace) - 1, expected                                       \
    }

/* The file HG_TEST_DATA/name. The test fails when it cannot be read. hg_buffer_deinit by the caller. */
hg_buffer format_read(const char *name);

/* Reads bytes, frees what it made, and says how it went. */
typedef hg_status (*format_reader)(const uint8_t *data, size_t size, hg_error *err);

/* Every delta must be refused with HG_STATUS_INPUT and its text; the file itself must be read without an
 * error. Each run gets an exact-size copy, so that AddressSanitizer sees a read past the end. */
void format_check_deltas(const char *name, format_reader read, const format_delta *deltas, size_t n);

/* Every form of the file that lacks more than its last `tail` bytes (padding) must be refused. */
void format_check_truncated(const char *name, size_t tail, format_reader read);

/* The text of the error must contain the fragment. */
void format_check_text(const hg_error *err, const char *fragment);

#endif
