/* SPDX-License-Identifier: Apache-2.0
 *
 * image_writer.c: chooses the encoder by the ending of the path, checks the options once for all, and writes
 * the encoded file through hg_file_write. Invariant: a synthetic picture leaves only with its marks.
 */
#include "image/image_writer.h"

#include "base/file.h"
#include "base/memory.h"
#include "image/jpeg_writer.h"
#include "image/nifti_writer.h"
#include "image/png_writer.h"
#include "image/record_modules.h"
#include "image/rgb.h"
#include "image/tiff_writer.h"

#include <string.h>
#include <strings.h>

#define WRITER_DEFAULT_QUALITY 95
#define WRITER_KEY_MAX 79 /* of a PNG text chunk */

/* An encoded file is hardly larger than its samples; the sum leaves room for headers and notes. */
#define WRITER_EXTRA_BYTES ((size_t)1 << 24)

hg_status hg_image_type_of(hg_image_type *type, const char *path, hg_error *err)
{
    static const struct {
        const char *ending;
        hg_image_type type;
    } endings[] = {{".png", HG_IMAGE_TYPE_PNG},         {".jpg", HG_IMAGE_TYPE_JPEG},
                   {".jpeg", HG_IMAGE_TYPE_JPEG},       {".tif", HG_IMAGE_TYPE_TIFF},
                   {".tiff", HG_IMAGE_TYPE_TIFF},       {".nii", HG_IMAGE_TYPE_NIFTI},
                   {".nii.gz", HG_IMAGE_TYPE_NIFTI_GZ}, {".dcm", HG_IMAGE_TYPE_DICOM}};
    const char *name = hg_path_name(path);
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t m = strlen(endings[i].ending);
        if (n >= m && strcasecmp(name + n - m, endings[i].ending) == 0) {
            *type = endings[i].type;
            return HG_STATUS_OK;
        }
    }
    return hg_error_set(err, HG_STATUS_USAGE,
                        "'%s' must end in .png, .jpg, .jpeg, .tif, .tiff, .nii, .nii.gz or .dcm", path);
}

static bool writer_key_good(const char *key)
{
    size_t n = strlen(key);
    if (n < 1 || n > WRITER_KEY_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (key[i] < 0x20 || key[i] > 0x7e)
            return false;
    }
    return true;
}

static hg_status writer_check(const hg_image_save_options *options, hg_error *err)
{
    if (options->quality < 1 || options->quality > 100)
        return hg_error_set(err, HG_STATUS_USAGE, "JPEG quality %d; 1..100 are possible", options->quality);
    for (size_t i = 0; i < options->n_notes; i++) {
        if (!writer_key_good(options->notes[i].key))
            return hg_error_set(err, HG_STATUS_USAGE,
                                "key of note %zu: 1..%d printable ASCII characters are needed", i,
                                WRITER_KEY_MAX);
    }
    return HG_STATUS_OK;
}

static hg_status writer_encode_jpeg(hg_buffer *out, const hg_image *image,
                                    const hg_image_save_options *options, hg_error *err)
{
    if (image->bits == 8 && (image->channels == 1 || image->channels == 3))
        return hg_jpeg_encode(out, image, options, err);
    hg_image opaque;
    hg_image_init(&opaque);
    hg_status status = hg_image_to_opaque(&opaque, image, err);
    if (status == HG_STATUS_OK)
        status = hg_jpeg_encode(out, &opaque, options, err);
    hg_image_deinit(&opaque);
    return status;
}

/* The notes of a synthetic picture, then the caller's, in a new array. */
static hg_status writer_mark(hg_image_save_options *options, hg_image_note **notes, hg_error *err)
{
    size_t n = options->n_notes;
    *notes = hg_mem_array(n + 2, sizeof **notes);
    if (*notes == NULL)
        return hg_error_memory(err, (n + 2) * sizeof **notes, "the notes of an image");
    (*notes)[0] = (hg_image_note){"Software", HG_IMAGE_SYNTHETIC_SOFTWARE};
    (*notes)[1] = (hg_image_note){"Comment", HG_IMAGE_SYNTHETIC_COMMENT};
    if (n > 0)
        memcpy(*notes + 2, options->notes, n * sizeof **notes);
    options->notes = *notes;
    options->n_notes = n + 2;
    return HG_STATUS_OK;
}

/* The mark of a synthetic picture is added there; here come the caller's notes. */
static hg_status writer_encode_dicom(hg_buffer *out, const hg_image *image,
                                     const hg_image_save_options *options, hg_error *err)
{
    hg_buffer comment;
    hg_buffer_init(&comment, WRITER_EXTRA_BYTES);
    bool ok = true;
    for (size_t i = image->synthetic ? 2 : 0; ok && i < options->n_notes; i++)
        ok = hg_buffer_push_format(&comment, "%s%s: %s", comment.size > 0 ? ". " : "", options->notes[i].key,
                                   options->notes[i].value);
    const hg_record_options record = {.comment = hg_buffer_text(&comment)};
    hg_status status = ok ? hg_record_encode_image(out, image, &record, err)
                          : hg_error_memory(err, WRITER_EXTRA_BYTES, "the notes of an image");
    hg_buffer_deinit(&comment);
    return status;
}

static hg_status writer_encode(hg_buffer *out, const hg_image *image, hg_image_type type,
                               const hg_image_save_options *options, hg_error *err)
{
    switch (type) {
    case HG_IMAGE_TYPE_JPEG:
        return writer_encode_jpeg(out, image, options, err);
    case HG_IMAGE_TYPE_TIFF:
        return hg_tiff_encode(out, image, options, err);
    case HG_IMAGE_TYPE_NIFTI:
    case HG_IMAGE_TYPE_NIFTI_GZ:
        return hg_nifti_encode(out, image, options, type == HG_IMAGE_TYPE_NIFTI_GZ, err);
    case HG_IMAGE_TYPE_DICOM:
        return writer_encode_dicom(out, image, options, err);
    case HG_IMAGE_TYPE_PNG:
    default:
        return hg_png_encode(out, image, options, err);
    }
}

hg_status hg_image_encode(hg_buffer *out, const hg_image *image, hg_image_type type,
                          const hg_image_save_options *options, hg_error *err)
{
    hg_image_save_options used = {0};
    if (options != NULL)
        used = *options;
    if (used.quality == 0)
        used.quality = WRITER_DEFAULT_QUALITY;
    hg_status status = writer_check(&used, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_image_note *notes = NULL;
    if (image->synthetic)
        status = writer_mark(&used, &notes, err);
    if (status == HG_STATUS_OK)
        status = writer_encode(out, image, type, &used, err);
    hg_mem_free(notes);
    return status;
}

hg_status hg_image_save(const hg_image *image, const char *path, const hg_image_save_options *options,
                        hg_error *err)
{
    hg_image_type type = HG_IMAGE_TYPE_PNG;
    hg_status status = hg_image_type_of(&type, path, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_buffer file;
    hg_buffer_init(&file, 2 * hg_image_bytes(image) + WRITER_EXTRA_BYTES);
    status = hg_image_encode(&file, image, type, options, err);
    if (status == HG_STATUS_OK)
        status = hg_file_write(path, file.data, file.size, err);
    else
        status = hg_error_prefix(err, status, "%s", path);
    hg_buffer_deinit(&file);
    return status;
}

hg_status hg_image_can_save(const char *path, hg_error *err)
{
    hg_image_type type;
    return hg_image_type_of(&type, path, err);
}
