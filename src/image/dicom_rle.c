/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_rle.c: PackBits, one byte plane after the other, each written straight to its place among the
 * interleaved samples. Invariant: nothing is written past n_pixels of a plane, however long a run claims to
 * be.
 */
#include "image/dicom_rle.h"

#include "image/frame.h"

#define RLE_HEAD_BYTES 64
#define RLE_MAX_SEGMENTS 15

static uint32_t rle_word(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Pixels written, at most n_pixels; `step` bytes from one to the next. */
static size_t rle_plane(uint8_t *out, size_t n_pixels, size_t step, const uint8_t *in, size_t n)
{
    size_t done = 0, at = 0;
    while (done < n_pixels && at < n) {
        uint8_t code = in[at++];
        if (code == 128)
            continue;
        size_t run = code < 128 ? (size_t)code + 1 : 257 - (size_t)code;
        run = run < n_pixels - done ? run : n_pixels - done;
        if (code >= 128 && at >= n)
            break;
        for (size_t i = 0; i < run && at < n; i++, done++)
            out[done * step] = code < 128 ? in[at++] : in[at];
        at += code > 128;
    }
    return done;
}

hg_status hg_dicom_rle_decode(void *out, size_t n_pixels, size_t channels, size_t size, const uint8_t *in,
                              size_t n, hg_error *err)
{
    size_t wanted = channels * size;
    if (n < RLE_HEAD_BYTES)
        return hg_error_set(err, HG_STATUS_INPUT, "an RLE frame of %zu bytes has no head", n);
    uint32_t n_segments = rle_word(in);
    if (n_segments != wanted || wanted > RLE_MAX_SEGMENTS)
        return hg_error_set(err, HG_STATUS_INPUT, "an RLE frame has %u segments where %zu belong", n_segments,
                            wanted);
    for (size_t s = 0; s < wanted; s++) {
        size_t begin = rle_word(in + 4 + 4 * s);
        size_t end = s + 1 < wanted ? rle_word(in + 8 + 4 * s) : n;
        if (begin < RLE_HEAD_BYTES || begin > end || end > n)
            return hg_error_set(err, HG_STATUS_INPUT, "RLE segment %zu lies at %zu..%zu of %zu bytes", s,
                                begin, end, n);
        size_t byte = size - 1 - s % size; /* counted from the lowest */
        uint8_t *to = (uint8_t *)out + s / size * size + (hg_machine_is_little() ? byte : size - 1 - byte);
        size_t done = rle_plane(to, n_pixels, wanted, in + begin, end - begin);
        if (done != n_pixels)
            return hg_error_set(err, HG_STATUS_INPUT, "RLE segment %zu has %zu of %zu pixels", s, done,
                                n_pixels);
    }
    return HG_STATUS_OK;
}
