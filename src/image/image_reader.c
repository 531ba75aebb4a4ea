/* SPDX-License-Identifier: Apache-2.0
 *
 * image_reader.c: the registry of formats, and what is the same for all of them: finding the reader, turning
 * the picture upright, and leaving an empty image behind after a failure. Reading a file lies in
 * image_child.c.
 */
#include "image/image_reader.h"

#include "image/dicom_reader.h"
#include "image/jpeg_reader.h"
#include "image/nifti_reader.h"
#include "image/npy_reader.h"
#include "image/orient.h"
#include "image/png_reader.h"
#include "image/series_reader.h"
#include "image/slide_reader.h"
#include "image/synthetic_mark.h"
#include "image/tiff_reader.h"

/* In this order: a whole slide is a TIFF file of a kind; a DICOM file may begin with 128 bytes of anything.
 */
static const hg_image_format *const reader_formats[] = {&hg_slide_format, &hg_dicom_format, &hg_png_format,
                                                        &hg_jpeg_format,  &hg_tiff_format,  &hg_nifti_format,
                                                        &hg_npy_format};

const hg_image_format *hg_image_format_find(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < sizeof reader_formats / sizeof reader_formats[0]; i++) {
        if (reader_formats[i]->probe(bytes, n))
            return reader_formats[i];
    }
    return NULL;
}

/* A window on a grey picture: its samples become a frame for a moment. */
static hg_status reader_window(hg_image *image, const char *window, hg_error *err)
{
    hg_image shown;
    hg_image_init(&shown);
    hg_frame frame = {.width = image->width,
                      .height = image->height,
                      .channels = image->channels,
                      .type = image->bits == 16 ? HG_SAMPLE_TYPE_U16 : HG_SAMPLE_TYPE_U8,
                      .samples = image->samples};
    hg_display display = hg_display_default(frame.type);
    display.colour = image->channels == 1 ? HG_DISPLAY_COLOUR_GREY : HG_DISPLAY_COLOUR_RGB;
    hg_image_source source = {
        .scan = true, .n_frames = 1, .n_slices = 1, .bits_stored = image->bits, .slope = 1};
    hg_status status = hg_display_apply(&shown, &frame, &display, window, &source, err);
    if (status != HG_STATUS_OK) {
        hg_image_deinit(&shown);
        return status;
    }
    shown.orientation = image->orientation;
    shown.source = source;
    hg_image_deinit(image);
    *image = shown;
    return HG_STATUS_OK;
}

static hg_status reader_read_picture(hg_image *image, const hg_image_format *format,
                                     const hg_image_file *bytes, const hg_image_view *view,
                                     const hg_image_limits *limits, hg_error *err)
{
    if (view->frame != 0 || view->axis != HG_IMAGE_AXIS_DEFAULT ||
        (view->slice != 0 && view->slice != HG_IMAGE_MIDDLE) || view->level > 0 || view->region[2] > 0)
        return hg_error_set(err, HG_STATUS_USAGE,
                            "a %s file has one picture: no frame, slice, axis, level or region",
                            format->name);
    hg_status status = format->read(image, bytes->data, bytes->n, limits, err);
    if (status == HG_STATUS_OK && view->window != NULL)
        status = reader_window(image, view->window, err);
    return status;
}

static hg_status reader_read_scan(hg_image *images, size_t *n, const hg_image_format *format,
                                  const hg_image_file *bytes, const hg_image_request *request, hg_error *err)
{
    hg_scan scan;
    hg_status status = hg_scan_open(&scan, format->scan, bytes, request->view, request->limits, err);
    if (status != HG_STATUS_OK)
        return status;
    *n = hg_scan_count(&scan, request->view, request->wanted);
    if (request->describe) {
        status = hg_scan_choose(&scan, request->view, err);
        images[0].source = scan.source;
    } else
        status = hg_scan_show(&scan, request->view, images, *n, err);
    hg_scan_close(&scan);
    return status;
}

hg_status hg_image_decode_all(hg_image *images, size_t *n, const hg_image_format *format,
                              const hg_image_file *bytes, const hg_image_request *request, hg_error *err)
{
    const hg_image_limits usual = hg_image_limits_default();
    const hg_image_view first = hg_image_view_default();
    hg_image_request r = *request;
    r.limits = r.limits != NULL ? r.limits : &usual;
    r.view = r.view != NULL ? r.view : &first;
    r.wanted = r.wanted == 0 ? 1 : r.wanted;
    *n = 1;
    hg_status status;
    const hg_image_file stack = {.members = bytes, .n_members = 1};
    if (format == &hg_dicom_format && hg_series_is_stack(bytes)) {
        format = &hg_series_format;
        bytes = &stack;
    }
    if (format->read == NULL)
        status = reader_read_scan(images, n, format, bytes, &r, err);
    else
        status =
            r.describe ? HG_STATUS_OK : reader_read_picture(images, format, bytes, r.view, r.limits, err);
    bool synthetic = status == HG_STATUS_OK && !r.describe && hg_synthetic_mark_find(bytes);
    for (size_t i = 0; status == HG_STATUS_OK && !r.describe && i < *n; i++) {
        images[i].format = format->name;
        images[i].synthetic = synthetic;
        status = hg_image_orient(&images[i], images[i].orientation, err);
    }
    for (size_t i = 0; status != HG_STATUS_OK && i < *n; i++)
        hg_image_deinit(&images[i]);
    return status;
}

hg_status hg_image_decode(hg_image *image, const hg_image_format *format, const hg_image_file *bytes,
                          const hg_image_view *view, const hg_image_limits *limits, hg_error *err)
{
    const hg_image_request request = {.view = view, .limits = limits};
    size_t n;
    return hg_image_decode_all(image, &n, format, bytes, &request, err);
}
