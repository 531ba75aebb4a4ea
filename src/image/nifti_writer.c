/* SPDX-License-Identifier: Apache-2.0
 *
 * nifti_writer.c: the NIfTI-1 header field by field, little-endian, from the format's definition. A picture
 * has brightness, not measured values, and its place in the patient is not known here: both transform codes
 * are 0 ("method 1"), where x runs to the patient's left, y to the front. Rows are therefore stored from the
 * bottom up, and every viewer shows the picture upright. cal_min and cal_max keep its brightness.
 */
#include "image/nifti_writer.h"

#include "image/rgb.h"

#include <string.h>
#include <strings.h>
#include <zlib.h>

#define NIFTI_HEADER_BYTES 348
#define NIFTI_DESCRIP_BYTES 80
#define NIFTI_COMMENT_CODE 6
#define NIFTI_COMMENT_MAX ((size_t)1 << 20)

static void nifti_put(uint8_t *at, uint32_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void nifti_put_real(uint8_t *at, double value)
{
    float real = (float)value;
    uint32_t bits;
    memcpy(&bits, &real, 4);
    nifti_put(at, bits, 4);
}

/* Offsets are those of the format's definition. */
static void nifti_fill_header(uint8_t header[NIFTI_HEADER_BYTES], const hg_image *image, size_t offset,
                              const char *description)
{
    int type = image->channels > 1 ? 128 : image->bits == 16 ? 512 : 2;
    const double *spacing = image->source.spacing;
    bool measured = spacing[0] > 0 && spacing[1] > 0;
    memset(header, 0, NIFTI_HEADER_BYTES);
    nifti_put(header, NIFTI_HEADER_BYTES, 4);
    const int dim[8] = {3, image->width, image->height, 1, 1, 1, 1, 1};
    for (size_t i = 0; i < 8; i++)
        nifti_put(header + 40 + 2 * i, (uint32_t)dim[i], 2);
    nifti_put(header + 70, (uint32_t)type, 2);
    nifti_put(header + 72, (uint32_t)(image->bits * image->channels), 2);
    nifti_put_real(header + 76, 1);
    for (size_t i = 0; i < 7; i++)
        nifti_put_real(header + 80 + 4 * i, i < 3 && measured && spacing[i] > 0 ? spacing[i] : 1);
    nifti_put_real(header + 108, (double)offset);
    nifti_put_real(header + 112, 1); /* slope */
    header[123] = measured ? 2 : 0;  /* unit: mm */
    nifti_put_real(header + 124, image->bits == 16 ? 65535 : 255);
    strncpy((char *)header + 148, description, NIFTI_DESCRIP_BYTES - 1);
    memcpy(header + 344, "n+1", 4);
}

/* The text of all notes, padded to what makes the extension a multiple of 16 bytes. */
static bool nifti_gather_notes(hg_buffer *text, const hg_image_save_options *options)
{
    bool ok = true;
    for (size_t i = 0; ok && i < options->n_notes; i++)
        ok = hg_buffer_push_format(text, "%s: %s\n", options->notes[i].key, options->notes[i].value);
    while (ok && text->size > 0 && (text->size + 8) % 16 != 0)
        ok = hg_buffer_push(text, "", 1);
    return ok;
}

static const char *nifti_description(const hg_image_save_options *options)
{
    for (size_t i = 0; i < options->n_notes; i++) {
        if (strcasecmp(options->notes[i].key, "Comment") == 0)
            return options->notes[i].value;
    }
    return "";
}

/* The last row first; 16-bit samples with their low byte first. */
static bool nifti_push_rows(hg_buffer *out, const hg_image *image)
{
    size_t row = hg_image_row_bytes(image);
    for (int y = image->height - 1; y >= 0; y--) {
        const uint8_t *from = (const uint8_t *)image->samples + (size_t)y * row;
        uint8_t *to = hg_buffer_extend(out, row);
        if (to == NULL)
            return false;
        if (image->bits == 8)
            memcpy(to, from, row);
        for (size_t i = 0; image->bits == 16 && i < row / 2; i++) {
            uint16_t sample;
            memcpy(&sample, from + 2 * i, 2);
            nifti_put(to + 2 * i, sample, 2);
        }
    }
    return true;
}

static hg_status nifti_build(hg_buffer *out, const hg_image *image, const hg_image_save_options *options,
                             hg_error *err)
{
    uint8_t header[NIFTI_HEADER_BYTES], extension[12] = {0};
    hg_buffer text;
    hg_buffer_init(&text, NIFTI_COMMENT_MAX);
    bool ok = nifti_gather_notes(&text, options);
    size_t n_extra = text.size > 0 ? text.size + 8 : 0;
    nifti_fill_header(header, image, NIFTI_HEADER_BYTES + 4 + n_extra, nifti_description(options));
    extension[0] = n_extra > 0;
    nifti_put(extension + 4, (uint32_t)n_extra, 4);
    nifti_put(extension + 8, NIFTI_COMMENT_CODE, 4);
    ok = ok && hg_buffer_push(out, header, sizeof header) &&
         hg_buffer_push(out, extension, n_extra > 0 ? 12 : 4) &&
         (n_extra == 0 || hg_buffer_push(out, text.data, text.size)) && nifti_push_rows(out, image);
    hg_buffer_deinit(&text);
    return ok ? HG_STATUS_OK : hg_error_memory(err, hg_image_bytes(image), "a NIfTI file");
}

/* A gzip file without name and time, so that the same picture gives the same bytes. */
static hg_status nifti_compress(hg_buffer *out, const hg_buffer *in, hg_error *err)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return hg_error_memory(err, in->size, "a compressed file");
    int result = Z_OK;
    size_t done = 0;
    while (result == Z_OK) {
        uint8_t block[16384];
        size_t left = in->size - done;
        size_t take = left < 1 << 30 ? left : 1 << 30;
        stream.next_in = in->data + done;
        stream.avail_in = (uInt)take;
        stream.next_out = block;
        stream.avail_out = sizeof block;
        result = deflate(&stream, take == left ? Z_FINISH : Z_NO_FLUSH);
        done += take - stream.avail_in;
        if ((result == Z_OK || result == Z_STREAM_END) &&
            !hg_buffer_push(out, block, sizeof block - stream.avail_out))
            result = Z_MEM_ERROR;
    }
    deflateEnd(&stream);
    return result == Z_STREAM_END ? HG_STATUS_OK : hg_error_memory(err, in->size, "a compressed file");
}

static hg_status nifti_encode_plain(hg_buffer *out, const hg_image *image,
                                    const hg_image_save_options *options, bool gzip, hg_error *err)
{
    if (!gzip)
        return nifti_build(out, image, options, err);
    hg_buffer plain;
    hg_buffer_init(&plain, out->max_bytes);
    hg_status status = nifti_build(&plain, image, options, err);
    if (status == HG_STATUS_OK)
        status = nifti_compress(out, &plain, err);
    hg_buffer_deinit(&plain);
    return status;
}

hg_status hg_nifti_encode(hg_buffer *out, const hg_image *image, const hg_image_save_options *options,
                          bool gzip, hg_error *err)
{
    if (image->width > INT16_MAX || image->height > INT16_MAX)
        return hg_error_set(err, HG_STATUS_USAGE, "a picture of %d x %d is too large for NIfTI-1 (%d a side)",
                            image->width, image->height, INT16_MAX);
    if (image->channels == 1 || (image->channels == 3 && image->bits == 8))
        return nifti_encode_plain(out, image, options, gzip, err);
    hg_image opaque;
    hg_image_init(&opaque);
    hg_status status = hg_image_to_opaque(&opaque, image, err);
    opaque.source = image->source;
    if (status == HG_STATUS_OK)
        status = nifti_encode_plain(out, &opaque, options, gzip, err);
    hg_image_deinit(&opaque);
    return status;
}
