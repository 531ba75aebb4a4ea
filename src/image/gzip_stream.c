/* SPDX-License-Identifier: Apache-2.0
 *
 * gzip_stream.c: zlib over the members of a gzip file, one after the other. Nothing is kept of what was
 * passed over, so a slice of a packed volume costs the memory of that slice.
 */
#include "image/gzip_stream.h"

#include <string.h>

#define GZIP_WINDOW (MAX_WBITS + 16)

bool hg_gzip_probe(const uint8_t *bytes, size_t n)
{
    return n >= 18 && bytes[0] == 0x1f && bytes[1] == 0x8b && bytes[2] == 8;
}

hg_status hg_gzip_stream_init(hg_gzip_stream *s, const uint8_t *bytes, size_t n, hg_error *err)
{
    *s = (hg_gzip_stream){.bytes = bytes, .n = n, .packed = hg_gzip_probe(bytes, n)};
    if (s->packed && inflateInit2(&s->z, GZIP_WINDOW) != Z_OK)
        return hg_error_memory(err, sizeof s->z, "unpacking");
    return HG_STATUS_OK;
}

void hg_gzip_stream_deinit(hg_gzip_stream *s)
{
    if (s->packed)
        inflateEnd(&s->z);
}

/* One step of zlib, at most `n` bytes. 0 bytes at the end. */
static hg_status gzip_step(hg_gzip_stream *s, uint8_t *out, size_t n, size_t *got, hg_error *err)
{
    const size_t most = 1 << 30;
    *got = 0;
    while (*got == 0) {
        size_t left = s->n - s->at;
        s->z.next_in = (Bytef *)(uintptr_t)(s->bytes + s->at);
        s->z.avail_in = (uInt)(left < most ? left : most);
        s->z.next_out = out;
        s->z.avail_out = (uInt)(n < most ? n : most);
        uInt in = s->z.avail_in, room = s->z.avail_out;
        if (in == 0)
            return HG_STATUS_OK;
        int code = inflate(&s->z, Z_NO_FLUSH);
        s->at += in - s->z.avail_in;
        *got = room - s->z.avail_out;
        if (code == Z_STREAM_END) {
            if (!hg_gzip_probe(s->bytes + s->at, s->n - s->at))
                s->at = s->n; /* what follows the last member is no data */
            else if (inflateReset(&s->z) != Z_OK)
                return hg_error_set(err, HG_STATUS_FAILED, "cannot unpack another member");
        } else if (code != Z_OK)
            return hg_error_set(err, HG_STATUS_INPUT, "damaged gzip data near byte %zu of %zu", s->at, s->n);
    }
    return HG_STATUS_OK;
}

hg_status hg_gzip_stream_read(hg_gzip_stream *s, void *out, size_t n, size_t *got, hg_error *err)
{
    *got = 0;
    if (!s->packed) {
        *got = n < s->n - s->at ? n : s->n - s->at;
        if (*got > 0)
            memcpy(out, s->bytes + s->at, *got);
        s->at += *got;
        return HG_STATUS_OK;
    }
    while (*got < n) {
        size_t step;
        hg_status status = gzip_step(s, (uint8_t *)out + *got, n - *got, &step, err);
        if (status != HG_STATUS_OK)
            return status;
        if (step == 0)
            break;
        *got += step;
    }
    return HG_STATUS_OK;
}

hg_status hg_gzip_stream_take(hg_gzip_stream *s, void *out, size_t n, hg_error *err)
{
    size_t got;
    hg_status status = hg_gzip_stream_read(s, out, n, &got, err);
    if (status == HG_STATUS_OK && got != n)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "the file is cut short: %zu of %zu bytes of a row of samples", got, n);
    return status;
}

hg_status hg_gzip_stream_skip(hg_gzip_stream *s, uint64_t n, hg_error *err)
{
    uint8_t sink[32768];
    if (!s->packed) {
        if (n > s->n - s->at)
            return hg_error_set(err, HG_STATUS_INPUT, "the file is cut short: it ends %llu bytes too early",
                                (unsigned long long)(n - (s->n - s->at)));
        s->at += (size_t)n;
        return HG_STATUS_OK;
    }
    while (n > 0) {
        size_t step = n < sizeof sink ? (size_t)n : sizeof sink;
        hg_status status = hg_gzip_stream_take(s, sink, step, err);
        if (status != HG_STATUS_OK)
            return status;
        n -= step;
    }
    return HG_STATUS_OK;
}
