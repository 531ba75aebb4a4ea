/* SPDX-License-Identifier: Apache-2.0
 *
 * png_writer.c: libpng into a buffer. Errors come by longjmp; png_sink holds all that must survive one.
 */
#include "image/png_writer.h"

#include <png.h>
#include <string.h>

typedef struct png_sink {
    png_structp png;
    png_infop info;
    hg_buffer *out;
    const hg_image *image;
    const hg_image_save_options *options;
    hg_error *err;
    hg_status status;
} png_sink;

static void png_sink_fail(png_structp png, png_const_charp text)
{
    png_sink *sink = png_get_error_ptr(png);
    if (sink->status == HG_STATUS_OK)
        sink->status = hg_error_set(sink->err, HG_STATUS_FAILED, "cannot encode PNG: %s", text);
    png_longjmp(png, 1);
}

static void png_sink_ignore(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void png_sink_push(png_structp png, png_bytep bytes, size_t n)
{
    png_sink *sink = png_get_io_ptr(png);
    if (hg_buffer_push(sink->out, bytes, n))
        return;
    sink->status = hg_error_memory(sink->err, n, "a PNG");
    png_error(png, "out of memory");
}

static void png_sink_flush(png_structp png)
{
    (void)png;
}

static bool png_is_ascii(const char *text)
{
    for (; *text != 0; text++) {
        if ((unsigned char)*text >= 0x80)
            return false;
    }
    return true;
}

/* One at a time: libpng copies it, so no array is needed. Its fields are not const, but it only reads. */
static void png_sink_note(png_sink *sink, const hg_image_note *note)
{
    char key[80];
    char none[1] = "";
    strncpy(key, note->key, sizeof key - 1);
    key[sizeof key - 1] = 0;
    png_text text = {.key = key, .text = (char *)(uintptr_t)note->value, .lang = none, .lang_key = none};
    bool ascii = png_is_ascii(note->value);
    text.compression = ascii ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
    text.text_length = ascii ? strlen(note->value) : 0;
    text.itxt_length = ascii ? 0 : strlen(note->value);
    png_set_text(sink->png, sink->info, &text, 1);
}

static void png_sink_write(png_sink *sink)
{
    static const int colour_types[5] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                        PNG_COLOR_TYPE_RGB_ALPHA};
    const hg_image *image = sink->image;
    if (setjmp(png_jmpbuf(sink->png)) != 0)
        return;
    png_set_write_fn(sink->png, sink, png_sink_push, png_sink_flush);
    png_set_IHDR(sink->png, sink->info, (png_uint_32)image->width, (png_uint_32)image->height, image->bits,
                 colour_types[image->channels], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    for (size_t i = 0; i < sink->options->n_notes; i++)
        png_sink_note(sink, &sink->options->notes[i]);
    png_write_info(sink->png, sink->info);
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    if (image->bits == 16 && first == 1)
        png_set_swap(sink->png); /* PNG is big-endian */
    const uint8_t *samples = image->samples;
    for (int y = 0; y < image->height; y++)
        png_write_row(sink->png, samples + (size_t)y * hg_image_row_bytes(image));
    png_write_end(sink->png, NULL);
}

hg_status hg_png_encode(hg_buffer *out, const hg_image *image, const hg_image_save_options *options,
                        hg_error *err)
{
    png_sink sink = {.out = out, .image = image, .options = options, .err = err};
    sink.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &sink, png_sink_fail, png_sink_ignore);
    if (sink.png != NULL)
        sink.info = png_create_info_struct(sink.png);
    if (sink.info == NULL)
        sink.status = hg_error_memory(err, sizeof sink, "a PNG writer");
    else
        png_sink_write(&sink);
    png_destroy_write_struct(&sink.png, &sink.info);
    return sink.status;
}
