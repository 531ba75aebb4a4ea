/* SPDX-License-Identifier: Apache-2.0
 *
 * jpeg_ls.c: CharLS's C interface. Its three interleave modes end as interleaved samples; a picture of
 * separate scans comes as planes, which are woven together here.
 */
#include "image/jpeg_ls.h"

#include "base/memory.h"

#include <charls/charls.h>
#include <string.h>

static hg_status jpeg_ls_fail(charls_jpegls_errc code, hg_error *err)
{
    return hg_error_set(err, HG_STATUS_INPUT, "damaged JPEG-LS picture: %s", charls_get_error_message(code));
}

static hg_status jpeg_ls_read_header(charls_jpegls_decoder *decoder, charls_frame_info *info,
                                     charls_interleave_mode *mode, const uint8_t *bytes, size_t n,
                                     hg_error *err)
{
    charls_jpegls_errc code = charls_jpegls_decoder_set_source_buffer(decoder, bytes, n);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_decoder_read_header(decoder);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_decoder_get_frame_info(decoder, info);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_decoder_get_interleave_mode(decoder, mode);
    return code == CHARLS_JPEGLS_ERRC_SUCCESS ? HG_STATUS_OK : jpeg_ls_fail(code, err);
}

static void jpeg_ls_weave(hg_frame *frame, const uint8_t *planes)
{
    size_t n = (size_t)frame->width * (size_t)frame->height, channels = (size_t)frame->channels;
    size_t size = hg_sample_bytes(frame->type);
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < n; i++, planes += size)
            memcpy((uint8_t *)frame->samples + (i * channels + c) * size, planes, size);
    }
}

static hg_status jpeg_ls_take(hg_frame *frame, charls_jpegls_decoder *decoder, bool planes, hg_error *err)
{
    size_t bytes = hg_frame_bytes(frame), wanted = 0;
    uint8_t *out = planes ? hg_mem_alloc(bytes) : frame->samples;
    if (out == NULL)
        return hg_error_memory(err, bytes, "a frame");
    charls_jpegls_errc code = charls_jpegls_decoder_get_destination_size(decoder, 0, &wanted);
    hg_status status = HG_STATUS_OK;
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS && wanted == bytes)
        code = charls_jpegls_decoder_decode_to_buffer(decoder, out, bytes, 0);
    if (code != CHARLS_JPEGLS_ERRC_SUCCESS || wanted != bytes)
        status = jpeg_ls_fail(code, err);
    else if (planes)
        jpeg_ls_weave(frame, out);
    if (planes)
        hg_mem_free(out);
    return status;
}

hg_status hg_jpeg_ls_decode(hg_frame *frame, const uint8_t *bytes, size_t n, const hg_image_limits *limits,
                            hg_error *err)
{
    charls_frame_info info = {0};
    charls_interleave_mode mode = CHARLS_INTERLEAVE_MODE_NONE;
    charls_jpegls_decoder *decoder = charls_jpegls_decoder_create();
    if (decoder == NULL)
        return hg_error_memory(err, 1, "a JPEG-LS decoder");
    hg_status status = jpeg_ls_read_header(decoder, &info, &mode, bytes, n, err);
    if (status == HG_STATUS_OK)
        status = hg_image_check_size(limits, info.width, info.height, err);
    if (status == HG_STATUS_OK)
        status = hg_frame_alloc(frame, (int)info.width, (int)info.height, info.component_count,
                                info.bits_per_sample <= 8 ? HG_SAMPLE_TYPE_U8 : HG_SAMPLE_TYPE_U16, err);
    if (status == HG_STATUS_OK)
        status = jpeg_ls_take(frame, decoder, mode == CHARLS_INTERLEAVE_MODE_NONE && info.component_count > 1,
                              err);
    charls_jpegls_decoder_destroy(decoder);
    return status;
}
