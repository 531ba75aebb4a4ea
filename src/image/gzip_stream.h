/* SPDX-License-Identifier: Apache-2.0
 *
 * gzip_stream.h: bytes in memory read from front to back, unpacked on the way when they are gzip.
 */
#ifndef HG_IMAGE_GZIP_STREAM_H
#define HG_IMAGE_GZIP_STREAM_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

typedef struct hg_gzip_stream {
    const uint8_t *bytes;
    size_t n;
    size_t at; /* plain bytes only */
    bool packed;
    z_stream z;
} hg_gzip_stream;

/* True when the bytes begin as gzip does. */
bool hg_gzip_probe(const uint8_t *bytes, size_t n);

/* To be undone by deinit when it succeeded. The bytes are borrowed. */
hg_status hg_gzip_stream_init(hg_gzip_stream *s, const uint8_t *bytes, size_t n, hg_error *err) HG_MUST_CHECK;
void hg_gzip_stream_deinit(hg_gzip_stream *s);

/* The next `n` bytes; fewer, as *got says, only at the end. HG_STATUS_INPUT when the packed data are damaged.
 */
hg_status hg_gzip_stream_read(hg_gzip_stream *s, void *out, size_t n, size_t *got,
                              hg_error *err) HG_MUST_CHECK;

/* Reads exactly `n` bytes, or passes over them. */
hg_status hg_gzip_stream_take(hg_gzip_stream *s, void *out, size_t n, hg_error *err) HG_MUST_CHECK;
hg_status hg_gzip_stream_skip(hg_gzip_stream *s, uint64_t n, hg_error *err) HG_MUST_CHECK;

#endif
