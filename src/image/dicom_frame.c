/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_frame.c: the transfer syntaxes. Uncompressed data are cut out of the whole, RLE and deflated frames
 * are ours, JPEG 2000 goes to OpenJPEG, JPEG-LS to CharLS, JPEG to DCMTK; all end as interleaved samples of
 * the layout's type. Invariant: a frame is allocated only after its size passed the limits.
 */
#include "image/dicom_frame.h"

#include "base/checked.h"
#include "base/memory.h"
#include "image/dicom_fragments.h"
#include "image/dicom_rle.h"
#include "image/jpeg2000.h"
#include "image/jpeg_ls.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

hg_sample_type hg_dicom_sample_type(const hg_dicom_layout *layout)
{
    if (layout->pixels == HG_DICOM_PIXELS_FLOAT)
        return HG_SAMPLE_TYPE_F32;
    if (layout->pixels == HG_DICOM_PIXELS_DOUBLE)
        return HG_SAMPLE_TYPE_F64;
    hg_sample_type type = layout->bits_allocated <= 8    ? HG_SAMPLE_TYPE_U8
                          : layout->bits_allocated <= 16 ? HG_SAMPLE_TYPE_U16
                                                         : HG_SAMPLE_TYPE_U32;
    return layout->is_signed && layout->bits_allocated > 1 ? (hg_sample_type)(type + 1) : type;
}

static hg_status frame_alloc(hg_frame *frame, const hg_dicom_layout *layout, hg_error *err)
{
    return hg_frame_alloc(frame, layout->width, layout->height, layout->channels,
                          hg_dicom_sample_type(layout), err);
}

/* Bits of an uncompressed frame; checked sizes make the product safe. */
static uint64_t frame_bits(const hg_dicom_layout *layout)
{
    uint64_t samples = (uint64_t)layout->width * (uint64_t)layout->height * (uint64_t)layout->channels;
    if (layout->half_chroma)
        samples = (uint64_t)(layout->width + 1) / 2 * 4 * (uint64_t)layout->height;
    return samples * (uint64_t)layout->bits_allocated;
}

static void frame_unpack_bits(hg_frame *frame, const uint8_t *data, uint64_t first_bit)
{
    uint8_t *out = frame->samples;
    size_t n = hg_frame_count(frame);
    for (size_t i = 0; i < n; i++) {
        uint64_t bit = first_bit + i;
        out[i] = data[bit / 8] >> (bit % 8) & 1;
    }
}

/* Y Y Cb Cr for two pixels becomes Y Cb Cr for each. A last odd column has its chroma, too. */
static void frame_widen_chroma(hg_frame *frame, const uint8_t *in)
{
    uint8_t *out = frame->samples;
    for (int y = 0; y < frame->height; y++) {
        for (int x = 0; x < frame->width; x++) {
            *out++ = in[x % 2];
            *out++ = in[2];
            *out++ = in[3];
            if (x % 2 == 1 || x + 1 == frame->width)
                in += 4;
        }
    }
}

/* Planes of samples to interleaved ones. */
static hg_status frame_interleave(hg_frame *frame, hg_error *err)
{
    size_t n = (size_t)frame->width * (size_t)frame->height, channels = (size_t)frame->channels;
    size_t size = hg_sample_bytes(frame->type);
    uint8_t *out = hg_mem_alloc(hg_frame_bytes(frame));
    if (out == NULL)
        return hg_error_memory(err, hg_frame_bytes(frame), "a frame");
    const uint8_t *in = frame->samples;
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < n; i++, in += size)
            memcpy(out + (i * channels + c) * size, in, size);
    }
    hg_mem_free(frame->samples);
    frame->samples = out;
    return HG_STATUS_OK;
}

/* Bytes of a frame, little-endian words of 16 bits, as samples. `first_bit`: where it begins in `data`. */
static hg_status frame_from_native(hg_frame *frame, const hg_dicom_layout *layout, bool big_endian,
                                   const uint8_t *data, uint64_t first_bit, hg_error *err)
{
    hg_status status = frame_alloc(frame, layout, err);
    if (status != HG_STATUS_OK)
        return status;
    if (layout->bits_allocated == 1) {
        frame_unpack_bits(frame, data, first_bit);
        return HG_STATUS_OK;
    }
    const uint8_t *from = data + first_bit / 8;
    if (layout->half_chroma) {
        frame_widen_chroma(frame, from);
        return HG_STATUS_OK;
    }
    memcpy(frame->samples, from, hg_frame_bytes(frame));
    size_t size = hg_sample_bytes(frame->type), n = hg_frame_count(frame);
    bool whole = !hg_sample_is_float(frame->type);
    if (whole && size == 4 && big_endian) { /* two words, the higher one first */
        uint8_t *p = frame->samples;
        for (size_t i = 0; i < n; i++, p += 4) {
            const uint8_t low[2] = {p[2], p[3]};
            memcpy(p + 2, p, 2);
            memcpy(p, low, 2);
        }
    }
    if (whole && size > 1 && !hg_machine_is_little())
        hg_samples_swap(frame->samples, n, size);
    return layout->planar && frame->channels > 1 ? frame_interleave(frame, err) : HG_STATUS_OK;
}

static hg_status frame_read_native(hg_frame *frame, const hg_dicom *dicom, const hg_dicom_layout *layout,
                                   size_t index, hg_error *err)
{
    const uint8_t *data;
    size_t n, bits, begin, end, available;
    if (!hg_dicom_view_native(dicom, &data, &n))
        return hg_error_set(err, HG_STATUS_INPUT, "the pixel data cannot be read");
    bits = (size_t)frame_bits(layout);
    if (!hg_checked_mul(bits, index, &begin) || !hg_checked_add(begin, bits, &end) ||
        !hg_checked_mul(n, 8, &available) || end > available)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "the pixel data are cut short: frame %zu of %llu bytes, %zu bytes in all", index,
                            (unsigned long long)bits / 8, n);
    return frame_from_native(frame, layout, hg_dicom_is_big_endian(dicom), data, begin, err);
}

static hg_status frame_read_rle(hg_frame *frame, const hg_dicom_layout *layout, const hg_buffer *bytes,
                                hg_error *err)
{
    hg_status status;
    if (layout->bits_allocated != 1) {
        status = frame_alloc(frame, layout, err);
        if (status != HG_STATUS_OK)
            return status;
        return hg_dicom_rle_decode(frame->samples, (size_t)layout->width * (size_t)layout->height,
                                   (size_t)layout->channels, hg_sample_bytes(frame->type), bytes->data,
                                   bytes->size, err);
    }
    /* One bit a pixel: the coded bytes are packed pixels. */
    size_t packed = (size_t)(frame_bits(layout) + 7) / 8;
    uint8_t *plane = hg_mem_alloc(packed);
    if (plane == NULL)
        return hg_error_memory(err, packed, "a frame");
    status = hg_dicom_rle_decode(plane, packed, 1, 1, bytes->data, bytes->size, err);
    if (status == HG_STATUS_OK)
        status = frame_from_native(frame, layout, false, plane, 0, err);
    hg_mem_free(plane);
    return status;
}

static hg_status frame_read_deflated(hg_frame *frame, const hg_dicom_layout *layout, const hg_buffer *bytes,
                                     hg_error *err)
{
    size_t wanted = (size_t)(frame_bits(layout) + 7) / 8;
    uint8_t *raw = hg_mem_alloc(wanted);
    if (raw == NULL)
        return hg_error_memory(err, wanted, "a frame");
    z_stream z = {.next_in = bytes->data, .avail_in = (uInt)bytes->size, .next_out = raw};
    hg_status status = HG_STATUS_OK;
    z.avail_out = (uInt)wanted;
    if (bytes->size > UINT32_MAX || wanted > UINT32_MAX || inflateInit2(&z, -MAX_WBITS) != Z_OK)
        status = hg_error_set(err, HG_STATUS_INPUT, "a deflated frame of %zu bytes is too large", wanted);
    else {
        int code = inflate(&z, Z_FINISH);
        if (z.avail_out != 0)
            status = hg_error_set(err, HG_STATUS_INPUT, "damaged deflated frame: %zu of %zu bytes (code %d)",
                                  wanted - z.avail_out, wanted, code);
        inflateEnd(&z);
    }
    if (status == HG_STATUS_OK)
        status = frame_from_native(frame, layout, false, raw, 0, err);
    hg_mem_free(raw);
    return status;
}

/* A stream that says signed where the data set says unsigned, or the other way round, is read by the data
 * set: the bits are kept and their sign is extended or cut. */
static void frame_fix_sign(hg_frame *frame, const hg_dicom_layout *layout, const hg_jpeg2000_info *info)
{
    size_t n = hg_frame_count(frame), size = hg_sample_bytes(frame->type);
    if (size > 2)
        return;
    for (size_t i = 0; i < n; i++) {
        uint32_t value = size == 1 ? ((uint8_t *)frame->samples)[i] : ((uint16_t *)frame->samples)[i];
        uint32_t mask = ((uint32_t)1 << info->precision) - 1, top = (uint32_t)1 << (info->precision - 1);
        value &= mask;
        if (layout->is_signed && (value & top) != 0)
            value |= ~mask;
        if (size == 1)
            ((uint8_t *)frame->samples)[i] = (uint8_t)value;
        else
            ((uint16_t *)frame->samples)[i] = (uint16_t)value;
    }
}

/* Samples of the layout's type, whatever the stream's precision asked for. */
static hg_status frame_convert(hg_frame *frame, const hg_dicom_layout *layout, hg_error *err)
{
    hg_frame wide = {0};
    hg_sample_type type = hg_dicom_sample_type(layout);
    if (hg_sample_bytes(type) == hg_sample_bytes(frame->type)) {
        frame->type = type;
        return HG_STATUS_OK;
    }
    hg_status status = hg_frame_alloc(&wide, frame->width, frame->height, frame->channels, type, err);
    if (status != HG_STATUS_OK)
        return status;
    size_t n = hg_frame_count(frame), size = hg_sample_bytes(type);
    for (size_t i = 0; i < n; i++) {
        double value;
        hg_frame_get(frame, i, 1, &value);
        uint32_t bits = (uint32_t)(int64_t)value;
        if (size == 1)
            ((uint8_t *)wide.samples)[i] = (uint8_t)bits;
        else if (size == 2)
            ((uint16_t *)wide.samples)[i] = (uint16_t)bits;
        else
            ((uint32_t *)wide.samples)[i] = bits;
    }
    hg_frame_deinit(frame);
    *frame = wide;
    return HG_STATUS_OK;
}

/* What a code stream gave against what the data set promised. */
static hg_status frame_fit(hg_frame *frame, const hg_dicom_layout *layout, hg_error *err)
{
    if (frame->width != layout->width || frame->height != layout->height ||
        frame->channels != layout->channels)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "the frame has %d x %d pixels of %d samples, but the file says %d x %d of %d",
                            frame->width, frame->height, frame->channels, layout->width, layout->height,
                            layout->channels);
    return frame_convert(frame, layout, err);
}

static hg_status frame_read_jpeg2000(hg_frame *frame, const hg_dicom_layout *layout, const hg_buffer *bytes,
                                     char model[20], hg_error *err)
{
    hg_jpeg2000_info info;
    hg_status status = hg_jpeg2000_decode(frame, &info, bytes->data, bytes->size, &layout->limits, err);
    if (status != HG_STATUS_OK)
        return status;
    if (info.is_signed != layout->is_signed)
        frame_fix_sign(frame, layout, &info);
    if (info.colour_restored)
        snprintf(model, 20, "RGB");
    return frame_fit(frame, layout, err);
}

static hg_status frame_read_jpeg_ls(hg_frame *frame, const hg_dicom_layout *layout, const hg_buffer *bytes,
                                    hg_error *err)
{
    hg_status status = hg_jpeg_ls_decode(frame, bytes->data, bytes->size, &layout->limits, err);
    return status == HG_STATUS_OK ? frame_fit(frame, layout, err) : status;
}

static hg_status frame_read_by_library(hg_frame *frame, const hg_dicom *dicom, const hg_dicom_layout *layout,
                                       size_t index, char model[20], hg_error *err)
{
    hg_status status = frame_alloc(frame, layout, err);
    if (status != HG_STATUS_OK)
        return status;
    /* The library wants room for an even number of bytes. */
    size_t bytes = hg_frame_bytes(frame) + hg_frame_bytes(frame) % 2;
    uint8_t *out = hg_mem_array(bytes, 1);
    if (out == NULL)
        return hg_error_memory(err, bytes, "a frame");
    status = hg_dicom_decode(dicom, index, out, bytes, model, err);
    memcpy(frame->samples, out, hg_frame_bytes(frame));
    hg_mem_free(out);
    return status;
}

/* What follows "1.2.840.10008.1.2." in a transfer syntax; the whole of any other. */
static const char *frame_syntax(const hg_dicom *dicom)
{
    static const char root[] = "1.2.840.10008.1.2.";
    const char *syntax = hg_dicom_transfer_syntax(dicom);
    return strncmp(syntax, root, sizeof root - 1) == 0 ? syntax + sizeof root - 1 : syntax;
}

static bool frame_is_one_of(const char *syntax, const char *const *names)
{
    while (*names != NULL && strcmp(*names, syntax) != 0)
        names++;
    return *names != NULL;
}

/* The codings whose frames are handed over as bytes. */
static hg_status frame_read_bytes(hg_frame *frame, const hg_dicom_layout *layout, const char *syntax,
                                  const hg_buffer *bytes, char model[20], hg_error *err)
{
    static const char *const jpeg_ls[] = {"4.80", "4.81", NULL};
    if (strcmp(syntax, "5") == 0)
        return frame_read_rle(frame, layout, bytes, err);
    if (strcmp(syntax, "8.1") == 0)
        return frame_read_deflated(frame, layout, bytes, err);
    if (frame_is_one_of(syntax, jpeg_ls))
        return frame_read_jpeg_ls(frame, layout, bytes, err);
    return frame_read_jpeg2000(frame, layout, bytes, model, err);
}

static hg_status frame_read_encapsulated(hg_frame *frame, const hg_dicom *dicom,
                                         const hg_dicom_layout *layout, size_t index, char model[20],
                                         hg_error *err)
{
    static const char *const by_library[] = {"4.50", "4.51", "4.53", "4.55", "4.57", "4.70", NULL};
    static const char *const by_bytes[] = {"4.80",  "4.81",  "4.90", "4.91", "4.201",
                                           "4.202", "4.203", "5",    "8.1",  NULL};
    const char *syntax = frame_syntax(dicom);
    if (frame_is_one_of(syntax, by_library))
        return frame_read_by_library(frame, dicom, layout, index, model, err);
    if (!frame_is_one_of(syntax, by_bytes))
        return hg_error_set(err, HG_STATUS_INPUT, "pixel data of transfer syntax %s are not supported",
                            hg_dicom_transfer_syntax(dicom));
    hg_buffer bytes;
    hg_buffer_init(&bytes, SIZE_MAX / 2);
    hg_status status = hg_dicom_fragments_read(&bytes, dicom, index, (size_t)layout->n_frames, err);
    if (status == HG_STATUS_OK)
        status = frame_read_bytes(frame, layout, syntax, &bytes, model, err);
    hg_buffer_deinit(&bytes);
    return status;
}

hg_status hg_dicom_frame_read(hg_frame *frame, const hg_dicom *dicom, const hg_dicom_layout *layout,
                              size_t index, char model[20], hg_error *err)
{
    hg_status status = layout->pixels == HG_DICOM_PIXELS_ENCAPSULATED
                           ? frame_read_encapsulated(frame, dicom, layout, index, model, err)
                           : frame_read_native(frame, dicom, layout, index, err);
    if (status != HG_STATUS_OK)
        hg_frame_deinit(frame);
    return status;
}
