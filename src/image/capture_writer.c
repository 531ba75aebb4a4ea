/* SPDX-License-Identifier: Apache-2.0
 *
 * capture_writer.c: a picture as a Secondary Capture image. A synthetic one says so in six places: image
 * type, series and derivation description, comments, conversion type, and its pixels.
 */
#include "base/file.h"
#include "image/burn_in.h"
#include "image/record_modules.h"
#include "image/rgb.h"

#include <stdio.h>
#include <string.h>

#define TAG(group, element) HG_DICOM_TAG(group, element)
#define CAPTURE_CLASS "1.2.840.10008.5.1.4.1.1.7"
#define CAPTURE_EXTRA_BYTES ((size_t)1 << 20)

/* Of several sources the first one with loss counts. */
static void capture_put_lossy(hg_record_writer *w)
{
    const hg_record *lossy = NULL;
    for (size_t i = 0; lossy == NULL && i < w->options.n_sources; i++) {
        const hg_record *record = w->options.sources[i].record;
        const char *said = record != NULL ? record->values[HG_RECORD_LOSSY] : NULL;
        lossy = said != NULL && strcmp(said, "01") == 0 ? record : NULL;
    }
    hg_dicom_put_text(w->build, TAG(0x0028, 0x2110), lossy != NULL ? "01" : "00");
    const hg_record_id ids[2] = {HG_RECORD_LOSSY_RATIO, HG_RECORD_LOSSY_METHOD};
    for (int i = 0; lossy != NULL && i < 2; i++) {
        if (lossy->values[ids[i]] != NULL)
            hg_dicom_put_text(w->build, hg_record_table[ids[i]].tag, lossy->values[ids[i]]);
    }
}

/* Whether the picture shows who the patient is: as far as the source says. The mark says nothing of them. */
static void capture_put_burned_in(hg_record_writer *w)
{
    const char *said = w->first != NULL ? w->first->values[HG_RECORD_BURNED_IN] : NULL;
    if (said != NULL && (strcmp(said, "YES") == 0 || strcmp(said, "NO") == 0))
        hg_dicom_put_text(w->build, TAG(0x0028, 0x0301), said);
    else if (w->options.n_sources == 0 && w->options.model_name != NULL)
        hg_dicom_put_text(w->build, TAG(0x0028, 0x0301), "NO"); /* drawn from text */
}

static hg_status capture_put_sources(hg_record_writer *w, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < w->options.n_sources; i++) {
        if (!hg_record_can_refer(&w->options.sources[i]))
            continue;
        hg_dicom_begin(w->build, TAG(0x0008, 0x2112));
        status = hg_record_put_reference(w, &w->options.sources[i], err);
        hg_record_put_code(w, TAG(0x0040, 0xa170), "121322", "DCM",
                           "Source image for image processing operation");
        hg_dicom_end(w->build);
    }
    return status;
}

static void capture_put_texts(hg_record_writer *w, bool synthetic)
{
    char text[1024], comment[1024];
    const char *description = w->options.description != NULL ? w->options.description : "";
    const char *more = w->options.comment != NULL ? w->options.comment : "";
    const char *mark = synthetic ? HG_IMAGE_SYNTHETIC_COMMENT : "";
    const char *between = synthetic && description[0] != 0 ? ". " : "";
    snprintf(text, sizeof text, "%s%s%.700s", mark, between, description);
    snprintf(comment, sizeof comment, "%s%s%.700s", mark, synthetic && more[0] != 0 ? ". " : "", more);
    if (text[0] != 0)
        hg_dicom_put_text(w->build, TAG(0x0008, 0x2111), text);
    if (comment[0] != 0)
        hg_dicom_put_text(w->build, TAG(0x0020, 0x4000), comment);
}

/* The general image and SC equipment modules. */
static hg_status capture_put_image(hg_record_writer *w, const hg_image *image, hg_error *err)
{
    bool synthetic = image->synthetic;
    hg_dicom_put_text(w->build, TAG(0x0008, 0x0008),
                      synthetic ? "DERIVED\\SECONDARY\\OTHER\\SYNTHETIC" : "DERIVED\\SECONDARY");
    hg_dicom_put_text(w->build, TAG(0x0008, 0x0064), synthetic ? "SYN" : "WSD");
    hg_dicom_put_text(w->build, TAG(0x0008, 0x0023), w->date);
    hg_dicom_put_text(w->build, TAG(0x0008, 0x0033), w->time);
    hg_dicom_put_text(w->build, TAG(0x0020, 0x0020), "");
    capture_put_texts(w, synthetic);
    capture_put_lossy(w);
    capture_put_burned_in(w);
    const double *spacing = image->source.spacing;
    if (!synthetic && spacing[0] > 0 && spacing[1] > 0 && image->orientation == 1) {
        char text[34]; /* between rows, then between columns */
        snprintf(text, sizeof text, "%.8g\\%.8g", spacing[1], spacing[0]);
        hg_dicom_put_text(w->build, TAG(0x0028, 0x0030), text);
    }
    return capture_put_sources(w, err);
}

static void capture_put_pixels(hg_record_writer *w, const hg_image *image)
{
    hg_dicom_put_word(w->build, TAG(0x0028, 0x0002), (uint16_t)image->channels);
    hg_dicom_put_text(w->build, TAG(0x0028, 0x0004), image->channels == 1 ? "MONOCHROME2" : "RGB");
    if (image->channels == 3)
        hg_dicom_put_word(w->build, TAG(0x0028, 0x0006), 0);
    hg_dicom_put_word(w->build, TAG(0x0028, 0x0010), (uint16_t)image->height);
    hg_dicom_put_word(w->build, TAG(0x0028, 0x0011), (uint16_t)image->width);
    hg_dicom_put_word(w->build, TAG(0x0028, 0x0100), (uint16_t)image->bits);
    hg_dicom_put_word(w->build, TAG(0x0028, 0x0101), (uint16_t)image->bits);
    hg_dicom_put_word(w->build, TAG(0x0028, 0x0102), (uint16_t)(image->bits - 1));
    hg_dicom_put_word(w->build, TAG(0x0028, 0x0103), 0);
    hg_dicom_put_pixels(w->build, image->samples, hg_image_bytes(image), image->bits);
}

static hg_status capture_encode(hg_buffer *out, const hg_image *image, hg_record_writer *w, hg_error *err)
{
    hg_status status = hg_record_put_modules(w, CAPTURE_CLASS, "OT",
                                             image->synthetic ? HG_RECORD_MARK : "Secondary capture", err);
    if (status == HG_STATUS_OK)
        status = capture_put_image(w, image, err);
    if (status != HG_STATUS_OK)
        return status;
    capture_put_pixels(w, image);
    return hg_record_writer_finish(w, out, err);
}

/* A copy that may be drawn on and whose layout a Secondary Capture may have. */
static hg_status capture_copy(hg_image *copy, const hg_image *image, hg_error *err)
{
    bool plain = image->channels == 1 || (image->channels == 3 && image->bits == 8);
    hg_image_init(copy);
    hg_status status =
        plain ? hg_image_alloc(copy, image->width, image->height, image->channels, image->bits, err)
              : hg_image_to_opaque(copy, image, err);
    if (status == HG_STATUS_OK && plain)
        memcpy(copy->samples, image->samples, hg_image_bytes(image));
    copy->synthetic = image->synthetic;
    copy->orientation = image->orientation;
    copy->source = image->source;
    return status;
}

hg_status hg_record_encode_image(hg_buffer *out, const hg_image *image, const hg_record_options *options,
                                 hg_error *err)
{
    hg_image copy;
    hg_record_writer w;
    hg_status status = capture_copy(&copy, image, err);
    if (status == HG_STATUS_OK && copy.synthetic && (options == NULL || !options->no_burn_in))
        status = hg_burn_in(&copy, HG_RECORD_MARK, err);
    if (status == HG_STATUS_OK) {
        status = hg_record_writer_init(&w, options, err);
        if (status == HG_STATUS_OK)
            status = capture_encode(out, &copy, &w, err);
        hg_record_writer_deinit(&w);
    }
    hg_image_deinit(&copy);
    return status;
}

hg_status hg_record_save_image(const hg_image *image, const char *path, const hg_record_options *options,
                               hg_error *err)
{
    hg_buffer file;
    hg_buffer_init(&file, 2 * hg_image_bytes(image) + CAPTURE_EXTRA_BYTES);
    hg_status status = hg_record_encode_image(&file, image, options, err);
    if (status == HG_STATUS_OK)
        status = hg_file_write(path, file.data, file.size, err);
    else
        status = hg_error_prefix(err, status, "%s", path);
    hg_buffer_deinit(&file);
    return status;
}
