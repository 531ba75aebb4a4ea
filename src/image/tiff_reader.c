/* SPDX-License-Identifier: Apache-2.0
 *
 * tiff_reader.c: libtiff reading from memory. Samples that can be taken as they are come row by row or tile
 * by tile; everything else goes through libtiff's RGBA converter. Invariant: size limits are checked on the
 * page that is read before libtiff unpacks any of it, and its own allocations are bounded.
 */
#include "image/tiff_reader.h"

#include "base/memory.h"
#include "image/tiff_log.h"

#include <stdio.h>
#include <string.h>

#define TIFF_MAX_PAGES 65535
#define TIFF_MAX_ALLOCATION ((tmsize_t)1 << 29)

typedef struct tiff_state {
    TIFF *tiff;
    const uint8_t *bytes;
    size_t n;
    uint64_t at;
    hg_tiff_log log;
} tiff_state;

typedef struct tiff_page {
    uint32_t width;
    uint32_t height;
    uint16_t bits;
    uint16_t channels;
    uint16_t planar;
    uint16_t photometric;
    uint16_t format;
    uint16_t orientation;
} tiff_page;

static bool tiff_probe(const uint8_t *bytes, size_t n)
{
    if (n < 8)
        return false;
    bool little = memcmp(bytes, "II*\0", 4) == 0 || memcmp(bytes, "II+\0", 4) == 0;
    return little || memcmp(bytes, "MM\0*", 4) == 0 || memcmp(bytes, "MM\0+", 4) == 0;
}

static tmsize_t tiff_pull(thandle_t handle, void *out, tmsize_t n)
{
    tiff_state *state = handle;
    if (n < 0 || state->at >= state->n)
        return 0;
    size_t take = (size_t)n < state->n - state->at ? (size_t)n : (size_t)(state->n - state->at);
    memcpy(out, state->bytes + state->at, take);
    state->at += take;
    return (tmsize_t)take;
}

static tmsize_t tiff_push(thandle_t handle, void *in, tmsize_t n)
{
    (void)handle;
    (void)in;
    (void)n;
    return 0;
}

static toff_t tiff_seek(thandle_t handle, toff_t offset, int whence)
{
    tiff_state *state = handle;
    state->at = whence == SEEK_SET ? offset : whence == SEEK_CUR ? state->at + offset : state->n + offset;
    return state->at;
}

static int tiff_shut(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t tiff_size(thandle_t handle)
{
    return ((tiff_state *)handle)->n;
}

static hg_status tiff_fail(const tiff_state *state, hg_error *err)
{
    return hg_error_set(err, HG_STATUS_INPUT, "damaged TIFF file: %s",
                        state->log.text[0] != 0 ? state->log.text : "it ends too early");
}

static hg_status tiff_connect(tiff_state *state, hg_error *err)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (options == NULL)
        return hg_error_memory(err, 64, "a TIFF reader");
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, TIFF_MAX_ALLOCATION);
    hg_tiff_log_connect(&state->log, options);
    /* m: no memory mapping; the bytes are in memory already. */
    state->tiff = TIFFClientOpenExt("image", "rm", state, tiff_pull, tiff_push, tiff_seek, tiff_shut,
                                    tiff_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return state->tiff == NULL ? tiff_fail(state, err) : HG_STATUS_OK;
}

static hg_status tiff_open(hg_scan *scan, const hg_image_file *bytes, hg_error *err)
{
    tiff_state *state = hg_mem_array(1, sizeof *state);
    if (state == NULL)
        return hg_error_memory(err, sizeof *state, "a TIFF file");
    scan->state = state;
    state->bytes = bytes->data;
    state->n = bytes->n;
    hg_status status = tiff_connect(state, err);
    if (status != HG_STATUS_OK)
        return status;
    int n_pages = 1;
    while (n_pages < TIFF_MAX_PAGES && TIFFReadDirectory(state->tiff))
        n_pages++;
    scan->source.n_frames = n_pages;
    return HG_STATUS_OK;
}

static hg_status tiff_read_page(tiff_page *page, TIFF *tiff, const hg_image_limits *limits, hg_error *err)
{
    *page = (tiff_page){0};
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &page->width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &page->height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &page->bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &page->channels);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &page->planar);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &page->format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &page->orientation);
    TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &page->photometric);
    return hg_image_check_size(limits, page->width, page->height, err);
}

/* The type of samples that can be taken as they are; false for the others. */
static bool tiff_plain_type(const tiff_page *page, hg_sample_type *type)
{
    bool grey = page->channels == 1 && page->photometric <= PHOTOMETRIC_MINISBLACK;
    bool colour = (page->channels == 3 || page->channels == 4) && page->photometric == PHOTOMETRIC_RGB &&
                  page->planar == PLANARCONFIG_CONTIG && page->bits <= 16;
    bool real = page->format == SAMPLEFORMAT_IEEEFP, is_signed = page->format == SAMPLEFORMAT_INT;
    if ((!grey && !colour) || (colour && page->format != SAMPLEFORMAT_UINT) ||
        page->format > SAMPLEFORMAT_IEEEFP)
        return false;
    switch (page->bits) {
    case 8:
        *type = is_signed ? HG_SAMPLE_TYPE_I8 : HG_SAMPLE_TYPE_U8;
        return !real;
    case 16:
        *type = is_signed ? HG_SAMPLE_TYPE_I16 : HG_SAMPLE_TYPE_U16;
        return !real;
    case 32:
        *type = real ? HG_SAMPLE_TYPE_F32 : is_signed ? HG_SAMPLE_TYPE_I32 : HG_SAMPLE_TYPE_U32;
        return true;
    case 64:
        *type = HG_SAMPLE_TYPE_F64;
        return real;
    default:
        return false;
    }
}

static bool tiff_read_rows(hg_frame *frame, TIFF *tiff)
{
    size_t row = hg_frame_bytes(frame) / (size_t)frame->height;
    if (TIFFScanlineSize64(tiff) != row)
        return false;
    for (uint32_t y = 0; y < (uint32_t)frame->height; y++) {
        if (TIFFReadScanline(tiff, (uint8_t *)frame->samples + y * row, y, 0) < 0)
            return false;
    }
    return true;
}

static void tiff_place_tile(hg_frame *frame, const uint8_t *tile, uint32_t x, uint32_t y, uint32_t width,
                            uint32_t height)
{
    size_t pixel = hg_sample_bytes(frame->type) * (size_t)frame->channels;
    uint32_t n_columns = (uint32_t)frame->width - x < width ? (uint32_t)frame->width - x : width;
    for (uint32_t r = 0; r < height && y + r < (uint32_t)frame->height; r++)
        memcpy((uint8_t *)frame->samples + ((size_t)(y + r) * (size_t)frame->width + x) * pixel,
               tile + (size_t)r * width * pixel, n_columns * pixel);
}

static bool tiff_read_tiles(hg_frame *frame, TIFF *tiff, const hg_image_limits *limits)
{
    uint32_t width = 0, height = 0;
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &height);
    size_t pixel = hg_sample_bytes(frame->type) * (size_t)frame->channels;
    if (hg_image_check_size(limits, width, height, NULL) != HG_STATUS_OK)
        return false;
    size_t bytes = (size_t)width * height * pixel;
    uint8_t *tile = (uint64_t)TIFFTileSize64(tiff) == bytes ? hg_mem_alloc(bytes) : NULL;
    bool ok = tile != NULL;
    for (uint32_t y = 0; ok && y < (uint32_t)frame->height; y += height) {
        for (uint32_t x = 0; ok && x < (uint32_t)frame->width; x += width) {
            ok = TIFFReadTile(tiff, tile, x, y, 0, 0) == (tmsize_t)bytes;
            if (ok)
                tiff_place_tile(frame, tile, x, y, width, height);
        }
    }
    hg_mem_free(tile);
    return ok;
}

/* Anything that libtiff can show, as 8-bit RGB. Asked for in the file's own orientation, it does not turn. */
static hg_status tiff_read_converted(hg_frame *frame, tiff_state *state, const tiff_page *page, hg_error *err)
{
    size_t n = (size_t)page->width * page->height;
    uint32_t *pixels = hg_mem_array(n, sizeof *pixels);
    if (pixels == NULL)
        return hg_error_memory(err, n * sizeof *pixels, "a TIFF page");
    hg_status status = HG_STATUS_OK;
    if (!TIFFReadRGBAImageOriented(state->tiff, page->width, page->height, pixels, page->orientation, 1))
        status = tiff_fail(state, err);
    if (status == HG_STATUS_OK)
        status = hg_frame_alloc(frame, (int)page->width, (int)page->height, 3, HG_SAMPLE_TYPE_U8, err);
    uint8_t *out = frame->samples;
    for (size_t i = 0; status == HG_STATUS_OK && i < n; i++) {
        *out++ = (uint8_t)TIFFGetR(pixels[i]);
        *out++ = (uint8_t)TIFFGetG(pixels[i]);
        *out++ = (uint8_t)TIFFGetB(pixels[i]);
    }
    hg_mem_free(pixels);
    return status;
}

static void tiff_fill_display(hg_scan *scan, const hg_frame *frame, const tiff_page *page)
{
    bool picture = frame->type == HG_SAMPLE_TYPE_U8 || frame->type == HG_SAMPLE_TYPE_U16;
    scan->display = hg_display_default(frame->type);
    scan->display.rest = picture ? HG_DISPLAY_REST_STORED : HG_DISPLAY_REST_RANGE;
    if (frame->channels > 1)
        scan->display.colour = HG_DISPLAY_COLOUR_RGB;
    else
        scan->display.inverted = page->photometric == PHOTOMETRIC_MINISWHITE;
    scan->source.bits_stored = 8 * (int)hg_sample_bytes(frame->type);
    scan->source.is_signed = hg_sample_is_signed(frame->type);
    scan->source.is_float = hg_sample_is_float(frame->type);
    scan->orientation = page->orientation >= 1 && page->orientation <= 8 ? page->orientation : 1;
}

static hg_status tiff_read(hg_scan *scan, hg_frame *frame, hg_error *err)
{
    tiff_state *state = scan->state;
    tiff_page page;
    hg_sample_type type;
    state->log.text[0] = 0;
    if (!TIFFSetDirectory(state->tiff, (tdir_t)scan->source.frame))
        return tiff_fail(state, err);
    hg_status status = tiff_read_page(&page, state->tiff, &scan->limits, err);
    if (status != HG_STATUS_OK)
        return status;
    if (tiff_plain_type(&page, &type)) {
        status = hg_frame_alloc(frame, (int)page.width, (int)page.height, page.channels, type, err);
        if (status != HG_STATUS_OK)
            return status;
        bool ok = TIFFIsTiled(state->tiff) ? tiff_read_tiles(frame, state->tiff, &scan->limits)
                                           : tiff_read_rows(frame, state->tiff);
        status = ok ? HG_STATUS_OK : tiff_fail(state, err);
    } else
        status = tiff_read_converted(frame, state, &page, err);
    if (status == HG_STATUS_OK)
        tiff_fill_display(scan, frame, &page);
    return status;
}

static void tiff_close(hg_scan *scan)
{
    tiff_state *state = scan->state;
    if (state != NULL && state->tiff != NULL)
        TIFFClose(state->tiff);
    hg_mem_free(state);
    scan->state = NULL;
}

static const hg_scan_format tiff_scan = {.open = tiff_open, .read = tiff_read, .close = tiff_close};

const hg_image_format hg_tiff_format = {.name = "tiff", .probe = tiff_probe, .scan = &tiff_scan};
