/* SPDX-License-Identifier: Apache-2.0
 *
 * tiff_writer.c: libtiff into a buffer. The library goes back to fill in where things lie, so the buffer is
 * its file, with a position. Deflate with differences between neighbours: lossless, and read everywhere.
 */
#include "image/tiff_writer.h"

#include "image/tiff_log.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TIFF_STRIP_BYTES 65536
#define TIFF_TEXT_MAX ((size_t)1 << 20)

typedef struct tiff_sink {
    hg_buffer *out;
    uint64_t at;
    hg_tiff_log log;
} tiff_sink;

static tmsize_t tiff_sink_pull(thandle_t handle, void *out, tmsize_t n)
{
    tiff_sink *sink = handle;
    size_t size = sink->out->size;
    if (n < 0 || sink->at >= size)
        return 0;
    size_t take = (size_t)n < size - (size_t)sink->at ? (size_t)n : size - (size_t)sink->at;
    memcpy(out, sink->out->data + sink->at, take);
    sink->at += take;
    return (tmsize_t)take;
}

/* Grows the buffer to `end` bytes, the new ones zero. */
static bool tiff_sink_grow(tiff_sink *sink, uint64_t end)
{
    if (end <= sink->out->size)
        return true;
    size_t more = (size_t)(end - sink->out->size);
    uint8_t *to = end > sink->out->max_bytes ? NULL : hg_buffer_extend(sink->out, more);
    if (to != NULL)
        memset(to, 0, more);
    return to != NULL;
}

static tmsize_t tiff_sink_push(thandle_t handle, void *in, tmsize_t n)
{
    tiff_sink *sink = handle;
    if (n < 0 || sink->at > sink->out->max_bytes || !tiff_sink_grow(sink, sink->at + (uint64_t)n))
        return 0;
    memcpy(sink->out->data + sink->at, in, (size_t)n);
    sink->at += (uint64_t)n;
    return n;
}

static toff_t tiff_sink_seek(thandle_t handle, toff_t offset, int whence)
{
    tiff_sink *sink = handle;
    sink->at = whence == SEEK_SET   ? offset
               : whence == SEEK_CUR ? sink->at + offset
                                    : sink->out->size + offset;
    return sink->at;
}

static int tiff_sink_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t tiff_sink_size(thandle_t handle)
{
    return ((tiff_sink *)handle)->out->size;
}

static TIFF *tiff_sink_open(tiff_sink *sink)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (options == NULL)
        return NULL;
    hg_tiff_log_connect(&sink->log, options);
    TIFF *tiff = TIFFClientOpenExt("image", "wm", sink, tiff_sink_pull, tiff_sink_push, tiff_sink_seek,
                                   tiff_sink_close, tiff_sink_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}

/* Notes go through this buffer: a tag's text is one string. */
static bool tiff_put_notes(TIFF *tiff, const hg_image_save_options *options)
{
    hg_buffer lines;
    bool ok = true;
    hg_buffer_init(&lines, TIFF_TEXT_MAX);
    for (size_t i = 0; ok && i < options->n_notes; i++) {
        const hg_image_note *note = &options->notes[i];
        if (strcasecmp(note->key, "Software") == 0)
            ok = TIFFSetField(tiff, TIFFTAG_SOFTWARE, note->value) == 1;
        else if (strcasecmp(note->key, "Comment") == 0)
            ok = hg_buffer_push_format(&lines, "%s%s", lines.size > 0 ? "\n" : "", note->value);
        else
            ok =
                hg_buffer_push_format(&lines, "%s%s: %s", lines.size > 0 ? "\n" : "", note->key, note->value);
    }
    if (ok && lines.size > 0)
        ok = TIFFSetField(tiff, TIFFTAG_IMAGEDESCRIPTION, hg_buffer_text(&lines)) == 1;
    hg_buffer_deinit(&lines);
    return ok;
}

static bool tiff_put_fields(TIFF *tiff, const hg_image *image, size_t n_rows)
{
    bool colour = image->channels >= 3;
    const uint16_t alpha[1] = {EXTRASAMPLE_UNASSALPHA};
    bool ok =
        TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, (uint32_t)image->width) == 1 &&
        TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, (uint32_t)image->height) == 1 &&
        TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, image->bits) == 1 &&
        TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, image->channels) == 1 &&
        TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, colour ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK) == 1 &&
        TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == 1 &&
        TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT) == 1 &&
        TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE) == 1 &&
        TIFFSetField(tiff, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL) == 1;
    if (ok && image->channels % 2 == 0)
        ok = TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, alpha) == 1;
    return ok && TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, (uint32_t)n_rows) == 1;
}

/* Strips and not rows: of a strip libtiff takes the differences in a copy, of a row in the caller's samples.
 */
static bool tiff_put_strips(TIFF *tiff, const hg_image *image, size_t n_rows)
{
    size_t row = hg_image_row_bytes(image), height = (size_t)image->height;
    uint8_t *samples = image->samples;
    uint32_t strip = 0;
    for (size_t y = 0; y < height; y += n_rows) {
        size_t n = (height - y < n_rows ? height - y : n_rows) * row;
        if (TIFFWriteEncodedStrip(tiff, strip++, samples + y * row, (tmsize_t)n) != (tmsize_t)n)
            return false;
    }
    return TIFFWriteDirectory(tiff) == 1;
}

hg_status hg_tiff_encode(hg_buffer *out, const hg_image *image, const hg_image_save_options *options,
                         hg_error *err)
{
    tiff_sink sink = {.out = out};
    TIFF *tiff = tiff_sink_open(&sink);
    size_t n_rows = TIFF_STRIP_BYTES / hg_image_row_bytes(image) + 1;
    bool ok = tiff != NULL && tiff_put_fields(tiff, image, n_rows) && tiff_put_notes(tiff, options) &&
              tiff_put_strips(tiff, image, n_rows);
    if (tiff != NULL)
        TIFFClose(tiff);
    if (ok && sink.log.text[0] == 0)
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_FAILED, "cannot encode TIFF: %s",
                        sink.log.text[0] != 0 ? sink.log.text : "out of memory");
}
