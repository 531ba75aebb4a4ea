/* SPDX-License-Identifier: Apache-2.0
 *
 * jpeg_reader.c: libjpeg-turbo behind the reader interface. As with PNG, errors come by longjmp and all that
 * must survive lies in jpeg_job. The library would fill a file that is cut short with grey; the source
 * manager here reports it instead. Its warnings (a damaged entropy code, and so on) are ignored, as Pillow
 * ignores them. Invariant: the accurate integer transform and smooth chroma upsampling, the defaults of the
 * library and of Pillow, so that both give the same bytes.
 */
#include "image/jpeg_reader.h"

#include "base/memory.h"
#include "image/exif.h"
#include "image/rgb.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs FILE and does not include it */

#include <jpeglib.h>

/* A Huffman code has at least one bit and codes the first value of at least one block of 64 samples. */
#define JPEG_MAX_SAMPLES_PER_BYTE 512

/* A progressive file may name any number of scans, each of which is a pass over the whole picture. Real ones
 * have about ten. */
#define JPEG_MAX_SCANS 200

#define JPEG_MARKER_EXIF (JPEG_APP0 + 1)

typedef struct jpeg_job {
    struct jpeg_decompress_struct codec;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    const uint8_t *bytes;
    size_t n;
    uint8_t *cmyk; /* one row, of four-component files only */
    hg_image *image;
    const hg_image_limits *limits;
    hg_error *err;
    hg_status status;
} jpeg_job;

static bool jpeg_probe(const uint8_t *bytes, size_t n)
{
    return n >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

static jpeg_job *jpeg_job_of(j_common_ptr codec)
{
    return codec->client_data;
}

static void jpeg_fail(j_common_ptr codec)
{
    jpeg_job *job = jpeg_job_of(codec);
    char text[JMSG_LENGTH_MAX];
    codec->err->format_message(codec, text);
    size_t at = job->n - job->source.bytes_in_buffer;
    job->status =
        hg_error_set(job->err, HG_STATUS_INPUT, "damaged JPEG near byte %zu of %zu: %s", at, job->n, text);
    longjmp(job->jump, 1);
}

static void jpeg_ignore(j_common_ptr codec, int level)
{
    (void)codec;
    (void)level;
}

static void jpeg_ignore_text(j_common_ptr codec)
{
    (void)codec;
}

static void jpeg_source_nothing(j_decompress_ptr codec)
{
    (void)codec;
}

/* Called when the bytes are used up. */
static boolean jpeg_source_end(j_decompress_ptr codec)
{
    jpeg_job *job = jpeg_job_of((j_common_ptr)codec);
    job->status = hg_error_set(job->err, HG_STATUS_INPUT,
                               "the JPEG is cut short: it ends at byte %zu without its end mark", job->n);
    longjmp(job->jump, 1);
}

static void jpeg_source_skip(j_decompress_ptr codec, long n)
{
    if (n <= 0)
        return;
    if ((size_t)n > codec->src->bytes_in_buffer)
        jpeg_source_end(codec);
    codec->src->next_input_byte += n;
    codec->src->bytes_in_buffer -= (size_t)n;
}

static void jpeg_count_scans(j_common_ptr codec)
{
    jpeg_job *job = jpeg_job_of(codec);
    if (job->codec.input_scan_number <= JPEG_MAX_SCANS)
        return;
    job->status = hg_error_set(job->err, HG_STATUS_INPUT, "the JPEG has more than %d scans", JPEG_MAX_SCANS);
    longjmp(job->jump, 1);
}

/* The size against the limits and against what so few bytes can hold; the components against those we know.
 */
static hg_status jpeg_check(const jpeg_job *job)
{
    const struct jpeg_decompress_struct *codec = &job->codec;
    hg_status status = hg_image_check_size(job->limits, codec->image_width, codec->image_height, job->err);
    if (status != HG_STATUS_OK)
        return status;
    int n = codec->num_components;
    if (n != 1 && n != 3 && n != 4)
        return hg_error_set(job->err, HG_STATUS_INPUT, "a JPEG with %d components; 1, 3 and 4 are known", n);
    uint64_t pixels = (uint64_t)codec->image_width * codec->image_height;
    if (!codec->arith_code && pixels / JPEG_MAX_SAMPLES_PER_BYTE > job->n)
        return hg_error_set(job->err, HG_STATUS_INPUT, "a JPEG of %zu bytes cannot hold %u x %u pixels",
                            job->n, codec->image_width, codec->image_height);
    return HG_STATUS_OK;
}

static void jpeg_read_orientation(jpeg_job *job)
{
    for (jpeg_saved_marker_ptr m = job->codec.marker_list; m != NULL; m = m->next) {
        bool exif = m->data_length >= 6 && m->data[0] == 'E' && m->data[1] == 'x' && m->data[2] == 'i';
        if (m->marker == JPEG_MARKER_EXIF && exif) {
            job->image->orientation = hg_exif_orientation(m->data, m->data_length);
            return;
        }
    }
}

/* Four components: libjpeg gives CMYK (from YCCK too), inverted as stored. */
static hg_status jpeg_read_cmyk_rows(jpeg_job *job, uint8_t *out, size_t row_bytes)
{
    size_t width = job->codec.output_width;
    job->cmyk = hg_mem_array(width, 4);
    if (job->cmyk == NULL)
        return hg_error_memory(job->err, width * 4, "a row of a JPEG");
    while (job->codec.output_scanline < job->codec.output_height) {
        uint8_t *row = out + job->codec.output_scanline * row_bytes;
        jpeg_read_scanlines(&job->codec, &job->cmyk, 1);
        for (size_t i = 0; i < 4 * width; i++)
            job->cmyk[i] = (uint8_t)(255 - job->cmyk[i]);
        hg_rgb_from_cmyk(row, job->cmyk, width);
    }
    return HG_STATUS_OK;
}

static hg_status jpeg_decode(jpeg_job *job)
{
    struct jpeg_decompress_struct *codec = &job->codec;
    jpeg_save_markers(codec, JPEG_MARKER_EXIF, 0xffff);
    jpeg_read_header(codec, TRUE);
    hg_status status = jpeg_check(job);
    if (status != HG_STATUS_OK)
        return status;
    jpeg_read_orientation(job);
    codec->out_color_space = codec->num_components == 1   ? JCS_GRAYSCALE
                             : codec->num_components == 3 ? JCS_RGB
                                                          : JCS_CMYK;
    codec->dct_method = JDCT_ISLOW;
    codec->do_fancy_upsampling = TRUE;
    jpeg_start_decompress(codec);
    status = hg_image_alloc(job->image, (int)codec->output_width, (int)codec->output_height,
                            codec->num_components == 1 ? 1 : 3, 8, job->err);
    if (status != HG_STATUS_OK)
        return status;
    uint8_t *out = job->image->samples;
    size_t row_bytes = hg_image_row_bytes(job->image);
    if (codec->num_components == 4)
        status = jpeg_read_cmyk_rows(job, out, row_bytes);
    while (status == HG_STATUS_OK && codec->output_scanline < codec->output_height) {
        uint8_t *row = out + codec->output_scanline * row_bytes;
        jpeg_read_scanlines(codec, &row, 1);
    }
    if (status == HG_STATUS_OK)
        jpeg_finish_decompress(codec);
    return status;
}

/* Everything that can jump back happens below this call. */
static void jpeg_run(jpeg_job *job)
{
    if (setjmp(job->jump) != 0)
        return;
    jpeg_create_decompress(&job->codec);
    job->codec.src = &job->source;
    job->codec.progress = &job->progress;
    job->status = jpeg_decode(job);
}

static void jpeg_job_init(jpeg_job *job)
{
    job->codec.err = jpeg_std_error(&job->errors);
    job->codec.client_data = job;
    job->errors.error_exit = jpeg_fail;
    job->errors.emit_message = jpeg_ignore;
    job->errors.output_message = jpeg_ignore_text;
    job->source.next_input_byte = job->bytes;
    job->source.bytes_in_buffer = job->n;
    job->source.init_source = jpeg_source_nothing;
    job->source.fill_input_buffer = jpeg_source_end;
    job->source.skip_input_data = jpeg_source_skip;
    job->source.resync_to_restart = jpeg_resync_to_restart;
    job->source.term_source = jpeg_source_nothing;
    job->progress.progress_monitor = jpeg_count_scans;
}

static hg_status jpeg_read_image_bytes(hg_image *image, const uint8_t *bytes, size_t n,
                                       const hg_image_limits *limits, hg_error *err)
{
    jpeg_job job = {.bytes = bytes, .n = n, .image = image, .limits = limits, .err = err};
    jpeg_job_init(&job);
    jpeg_run(&job);
    jpeg_destroy_decompress(&job.codec);
    hg_mem_free(job.cmyk);
    return job.status;
}

const hg_image_format hg_jpeg_format = {.name = "jpeg", .probe = jpeg_probe, .read = jpeg_read_image_bytes};
