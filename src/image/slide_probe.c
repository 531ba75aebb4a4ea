/* SPDX-License-Identifier: Apache-2.0
 *
 * slide_probe.c: the first directory of a TIFF file, read by hand: a probe runs unconfined, so it looks at a
 * bounded number of bytes and follows no chain.
 */
#include "image/slide_probe.h"

#include <string.h>

#define PROBE_MAX_ENTRIES 256
#define PROBE_LARGE ((uint64_t)1 << 24) /* pixels */
#define PROBE_TEXT 4096                 /* bytes of a description that are looked at */

typedef struct probe_file {
    const uint8_t *bytes;
    size_t n;
    bool big_endian;
    bool wide; /* BigTIFF */
} probe_file;

/* 0 outside the file; the callers' checks then fail. */
static uint64_t probe_number(const probe_file *f, uint64_t at, size_t size)
{
    uint64_t value = 0;
    if (at > f->n || size > f->n - at)
        return 0;
    for (size_t i = 0; i < size; i++) {
        size_t from = f->big_endian ? i : size - 1 - i;
        value = value << 8 | f->bytes[at + from];
    }
    return value;
}

static bool probe_begin(probe_file *f)
{
    if (f->n < 16 || f->bytes[0] != f->bytes[1] || (f->bytes[0] != 'I' && f->bytes[0] != 'M'))
        return false;
    f->big_endian = f->bytes[0] == 'M';
    uint64_t version = probe_number(f, 2, 2);
    f->wide = version == 43;
    return version == 42 || version == 43;
}

static bool probe_names_scanner(const probe_file *f, uint64_t at, uint64_t n)
{
    static const char *const makers[] = {"Aperio",  "Hamamatsu", "Leica",   "PHILIPS",
                                         "Philips", "iScan",     "Ventana", "Trestle"};
    if (at > f->n || n > f->n - at)
        return false;
    for (size_t i = 0; i < n && i < PROBE_TEXT; i++) {
        for (size_t m = 0; m < sizeof makers / sizeof makers[0]; m++) {
            size_t length = strlen(makers[m]);
            if (length <= n - i && memcmp(f->bytes + at + i, makers[m], length) == 0)
                return true;
        }
    }
    return false;
}

bool hg_slide_probe(const uint8_t *bytes, size_t n)
{
    probe_file f = {.bytes = bytes, .n = n};
    if (!probe_begin(&f))
        return false;
    uint64_t at = f.wide ? probe_number(&f, 8, 8) : probe_number(&f, 4, 4);
    uint64_t entries = probe_number(&f, at, f.wide ? 8 : 2), side[2] = {0, 0};
    size_t entry = f.wide ? 20 : 12, offset = f.wide ? 12 : 8, first = f.wide ? 8 : 2;
    bool tiled = false, colour = false, named = false, hamamatsu = false;
    if (at > n || n - at < first)
        return false;
    for (uint64_t i = 0; i < entries && i < PROBE_MAX_ENTRIES; i++) {
        uint64_t e = at + first + i * entry, tag = probe_number(&f, e, 2);
        uint64_t count = probe_number(&f, e + 4, f.wide ? 8 : 4);
        size_t value = probe_number(&f, e + 2, 2) == 3 ? 2 : 4; /* a short, or a long */
        if (tag == 256 || tag == 257)
            side[tag - 256] = probe_number(&f, e + offset, value);
        colour = colour || (tag == 277 && probe_number(&f, e + offset, value) >= 3);
        tiled = tiled || tag == 322;
        hamamatsu = hamamatsu || tag == 65420;
        if (tag == 270 || tag == 271)
            named = named || probe_names_scanner(&f, probe_number(&f, e + offset, f.wide ? 8 : 4), count);
    }
    bool large = colour && side[0] > 0 && side[1] > PROBE_LARGE / side[0];
    return hamamatsu || (tiled && (named || large));
}
