/* SPDX-License-Identifier: Apache-2.0
 *
 * png_reader.c: libpng behind the reader interface. libpng reports errors by longjmp, so everything that must
 * survive one lies in png_job, whose address no jump can spoil; the code between setjmp and the clean-up owns
 * nothing else. Ancillary chunks that are of no use here (texts, profiles) are skipped unread, because they
 * are compressed and would only cost time and memory.
 */
#include "image/png_reader.h"

#include "base/checked.h"
#include "image/exif.h"

#include <png.h>
#include <string.h>

/* Deflate cannot shrink more than this: 258 bytes become at least 2 bits. */
#define PNG_MAX_RATIO 1032

typedef struct png_job {
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    size_t n;
    size_t at; /* of the next byte to read */
    hg_image *image;
    const hg_image_limits *limits;
    hg_error *err;
    hg_status status;
} png_job;

static bool png_probe(const uint8_t *bytes, size_t n)
{
    return n >= 8 && png_sig_cmp(bytes, 0, 8) == 0;
}

static void png_fail(png_structp png, png_const_charp text)
{
    png_job *job = png_get_error_ptr(png);
    /* A failure of ours already has its text and comes through here only for the jump. */
    if (job->status == HG_STATUS_OK)
        job->status = hg_error_set(job->err, HG_STATUS_INPUT, "damaged PNG near byte %zu of %zu: %s", job->at,
                                   job->n, text);
    png_longjmp(png, 1);
}

static void png_ignore(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void png_pull(png_structp png, png_bytep out, size_t n)
{
    png_job *job = png_get_io_ptr(png);
    if (!hg_checked_range(job->at, n, job->n)) {
        job->status = hg_error_set(job->err, HG_STATUS_INPUT,
                                   "the PNG is cut short: %zu bytes wanted at byte %zu, but it has %zu", n,
                                   job->at, job->n);
        png_error(png, "cut short");
    }
    memcpy(out, job->bytes + job->at, n);
    job->at += n;
}

/* The size against the limits and against what so few bytes can hold. */
static hg_status png_check(const png_job *job)
{
    uint64_t width = png_get_image_width(job->png, job->info);
    uint64_t height = png_get_image_height(job->png, job->info);
    hg_status status = hg_image_check_size(job->limits, width, height, job->err);
    if (status != HG_STATUS_OK)
        return status;
    uint64_t raw = (png_get_rowbytes(job->png, job->info) + 1) * height;
    if (raw / PNG_MAX_RATIO > job->n)
        return hg_error_set(job->err, HG_STATUS_INPUT,
                            "a PNG of %zu bytes cannot hold the %llu bytes of its %llu x %llu pixels", job->n,
                            (unsigned long long)raw, (unsigned long long)width, (unsigned long long)height);
    return HG_STATUS_OK;
}

/* Asks libpng for 8 or 16 bits of grey, grey+alpha, RGB or RGBA, and returns how often rows must be read. */
static int png_set_form(png_job *job)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    png_set_expand(job->png);
    if (first == 1)
        png_set_swap(job->png); /* PNG's 16 bits are big-endian, this machine's are not */
    int passes = png_set_interlace_handling(job->png);
    png_read_update_info(job->png, job->info);
    return passes;
}

static hg_status png_decode(png_job *job)
{
    png_read_info(job->png, job->info);
    hg_status status = png_check(job);
    if (status != HG_STATUS_OK)
        return status;
    int passes = png_set_form(job);
    status =
        hg_image_alloc(job->image, (int)png_get_image_width(job->png, job->info),
                       (int)png_get_image_height(job->png, job->info), png_get_channels(job->png, job->info),
                       png_get_bit_depth(job->png, job->info), job->err);
    if (status != HG_STATUS_OK)
        return status;
    size_t row_bytes = hg_image_row_bytes(job->image);
    if (png_get_rowbytes(job->png, job->info) != row_bytes)
        return hg_error_set(job->err, HG_STATUS_FAILED, "libpng gives rows of %zu bytes where %zu belong",
                            png_get_rowbytes(job->png, job->info), row_bytes);
    uint8_t *samples = job->image->samples;
    for (int pass = 0; pass < passes; pass++) {
        for (int y = 0; y < job->image->height; y++)
            png_read_row(job->png, samples + (size_t)y * row_bytes, NULL);
    }
    png_read_end(job->png, job->info);
    png_bytep exif = NULL;
    png_uint_32 exif_bytes = 0;
    if (png_get_eXIf_1(job->png, job->info, &exif_bytes, &exif) != 0)
        job->image->orientation = hg_exif_orientation(exif, exif_bytes);
    return HG_STATUS_OK;
}

/* Everything that can jump back happens below this call. */
static void png_run(png_job *job)
{
    static const png_byte skipped[] =
        "bKGD\0cHRM\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0"
        "sRGB\0tEXt\0tIME\0zTXt";
    if (setjmp(png_jmpbuf(job->png)) != 0)
        return;
    png_set_read_fn(job->png, job, png_pull);
    png_set_user_limits(job->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* png_check has the limits */
    png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_NEVER, skipped, (int)(sizeof skipped / 5));
    job->status = png_decode(job);
}

static hg_status png_read_image_bytes(hg_image *image, const uint8_t *bytes, size_t n,
                                      const hg_image_limits *limits, hg_error *err)
{
    png_job job = {.bytes = bytes, .n = n, .image = image, .limits = limits, .err = err};
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, png_fail, png_ignore);
    if (job.png != NULL)
        job.info = png_create_info_struct(job.png);
    if (job.info == NULL)
        job.status = hg_error_memory(err, sizeof job, "a PNG reader");
    else
        png_run(&job);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    return job.status;
}

const hg_image_format hg_png_format = {.name = "png", .probe = png_probe, .read = png_read_image_bytes};
