/* SPDX-License-Identifier: Apache-2.0
 *
 * jpeg_writer.c: libjpeg-turbo into a buffer, through a small block of bytes. From quality 90 on colour is
 * stored at full resolution (4:4:4): who asks for quality wants red vessels sharp.
 */
#include "image/jpeg_writer.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs FILE and does not include it */
#include <string.h>

#include <jpeglib.h>

#define JPEG_SINK_BYTES 4096
#define JPEG_FULL_COLOUR_QUALITY 90
#define JPEG_COMMENT_MAX 65533

typedef struct jpeg_sink {
    struct jpeg_compress_struct codec;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    jmp_buf jump;
    uint8_t block[JPEG_SINK_BYTES];
    hg_buffer *out;
    const hg_image *image;
    const hg_image_save_options *options;
    hg_error *err;
    hg_status status;
} jpeg_sink;

static void jpeg_sink_fail(j_common_ptr codec)
{
    jpeg_sink *sink = codec->client_data;
    char text[JMSG_LENGTH_MAX];
    codec->err->format_message(codec, text);
    sink->status = hg_error_set(sink->err, HG_STATUS_FAILED, "cannot encode JPEG: %s", text);
    longjmp(sink->jump, 1);
}

static void jpeg_sink_ignore(j_common_ptr codec, int level)
{
    (void)codec;
    (void)level;
}

static void jpeg_sink_ignore_text(j_common_ptr codec)
{
    (void)codec;
}

static void jpeg_sink_begin(j_compress_ptr codec)
{
    jpeg_sink *sink = codec->client_data;
    sink->destination.next_output_byte = sink->block;
    sink->destination.free_in_buffer = JPEG_SINK_BYTES;
}

static void jpeg_sink_push(jpeg_sink *sink, size_t n)
{
    if (hg_buffer_push(sink->out, sink->block, n))
        return;
    sink->status = hg_error_memory(sink->err, n, "a JPEG");
    longjmp(sink->jump, 1);
}

/* The library asks for the whole block to be taken, whatever free_in_buffer says. */
static boolean jpeg_sink_full(j_compress_ptr codec)
{
    jpeg_sink_push(codec->client_data, JPEG_SINK_BYTES);
    jpeg_sink_begin(codec);
    return TRUE;
}

static void jpeg_sink_end(j_compress_ptr codec)
{
    jpeg_sink *sink = codec->client_data;
    jpeg_sink_push(sink, JPEG_SINK_BYTES - sink->destination.free_in_buffer);
}

static void jpeg_sink_note(jpeg_sink *sink, const hg_image_note *note)
{
    size_t n_key = strlen(note->key);
    size_t n_value = strlen(note->value);
    jpeg_write_m_header(&sink->codec, JPEG_COM, (unsigned)(n_key + 2 + n_value));
    for (size_t i = 0; i < n_key; i++)
        jpeg_write_m_byte(&sink->codec, (unsigned char)note->key[i]);
    jpeg_write_m_byte(&sink->codec, ':');
    jpeg_write_m_byte(&sink->codec, ' ');
    for (size_t i = 0; i < n_value; i++)
        jpeg_write_m_byte(&sink->codec, (unsigned char)note->value[i]);
}

static void jpeg_sink_write(jpeg_sink *sink)
{
    const hg_image *image = sink->image;
    struct jpeg_compress_struct *codec = &sink->codec;
    if (setjmp(sink->jump) != 0)
        return;
    jpeg_create_compress(codec);
    codec->dest = &sink->destination;
    codec->image_width = (JDIMENSION)image->width;
    codec->image_height = (JDIMENSION)image->height;
    codec->input_components = image->channels;
    codec->in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(codec);
    jpeg_set_quality(codec, sink->options->quality, TRUE);
    if (sink->options->quality >= JPEG_FULL_COLOUR_QUALITY) {
        codec->comp_info[0].h_samp_factor = 1;
        codec->comp_info[0].v_samp_factor = 1;
    }
    codec->optimize_coding = TRUE;
    jpeg_start_compress(codec, TRUE);
    for (size_t i = 0; i < sink->options->n_notes; i++)
        jpeg_sink_note(sink, &sink->options->notes[i]);
    uint8_t *samples = image->samples;
    while (codec->next_scanline < codec->image_height) {
        JSAMPROW row = samples + codec->next_scanline * hg_image_row_bytes(image);
        jpeg_write_scanlines(codec, &row, 1);
    }
    jpeg_finish_compress(codec);
}

static hg_status jpeg_check_notes(const hg_image_save_options *options, hg_error *err)
{
    for (size_t i = 0; i < options->n_notes; i++) {
        size_t n = strlen(options->notes[i].key) + 2 + strlen(options->notes[i].value);
        if (n > JPEG_COMMENT_MAX)
            return hg_error_set(err, HG_STATUS_USAGE, "note '%s' has %zu bytes, a JPEG comment at most %d",
                                options->notes[i].key, n, JPEG_COMMENT_MAX);
    }
    return HG_STATUS_OK;
}

hg_status hg_jpeg_encode(hg_buffer *out, const hg_image *image, const hg_image_save_options *options,
                         hg_error *err)
{
    hg_status status = jpeg_check_notes(options, err);
    if (status != HG_STATUS_OK)
        return status;
    jpeg_sink sink = {.out = out, .image = image, .options = options, .err = err};
    sink.codec.err = jpeg_std_error(&sink.errors);
    sink.codec.client_data = &sink;
    sink.errors.error_exit = jpeg_sink_fail;
    sink.errors.emit_message = jpeg_sink_ignore;
    sink.errors.output_message = jpeg_sink_ignore_text;
    sink.destination.init_destination = jpeg_sink_begin;
    sink.destination.empty_output_buffer = jpeg_sink_full;
    sink.destination.term_destination = jpeg_sink_end;
    jpeg_sink_write(&sink);
    jpeg_destroy_compress(&sink.codec);
    return sink.status;
}
