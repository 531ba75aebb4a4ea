/* SPDX-License-Identifier: Apache-2.0
 *
 * scan.c: what is the same for every format of measurements: which place of the file is wanted, and the way
 * from there through the reader and the display to an image.
 */
#include "image/scan.h"

#include <stdio.h>
#include <string.h>

hg_image_view hg_image_view_default(void)
{
    return (hg_image_view){.slice = HG_IMAGE_MIDDLE};
}

bool hg_image_axis_find(const char *name, hg_image_axis *axis)
{
    static const char *const names[3][2] = {{"sagittal", "x"}, {"coronal", "y"}, {"axial", "z"}};
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i][0]) == 0 || strcmp(name, names[i][1]) == 0) {
            *axis = (hg_image_axis)(HG_IMAGE_AXIS_SAGITTAL + i);
            return true;
        }
    }
    return false;
}

hg_status hg_scan_open(hg_scan *scan, const hg_scan_format *format, const hg_image_file *bytes,
                       const hg_image_limits *limits, hg_error *err)
{
    *scan = (hg_scan){.format = format, .limits = *limits, .orientation = 1};
    scan->source = (hg_image_source){.scan = true, .n_frames = 1, .n_slices = 1, .slope = 1};
    for (int axis = 0; axis < 4; axis++)
        scan->n_slices[axis] = 1;
    hg_status status = format->open(scan, bytes, err);
    if (status != HG_STATUS_OK)
        format->close(scan);
    return status;
}

/* Frame, axis and slice of the source from those that are wanted. A file of many frames that is no volume
 * takes a slice as a frame, because that is what its user means. */
static hg_status scan_choose(hg_scan *scan, const hg_image_view *view, hg_error *err)
{
    hg_image_source *source = &scan->source;
    bool volume = scan->default_axis != HG_IMAGE_AXIS_DEFAULT;
    bool as_frame = !volume && view->slice != HG_IMAGE_MIDDLE && view->frame == 0;
    if (!volume && view->axis != HG_IMAGE_AXIS_DEFAULT)
        return hg_error_set(err, HG_STATUS_USAGE, "an axis is for volumes, which this file is not");
    source->axis = view->axis != HG_IMAGE_AXIS_DEFAULT ? view->axis : (hg_image_axis)scan->default_axis;
    source->frame = as_frame ? view->slice : view->frame;
    source->n_slices = scan->n_slices[source->axis];
    source->slice = view->slice == HG_IMAGE_MIDDLE || as_frame ? source->n_slices / 2 : view->slice;
    if (source->frame < 0 || source->frame >= source->n_frames)
        return hg_error_set(err, HG_STATUS_USAGE, "there is no frame %d; the file has 0..%d", source->frame,
                            source->n_frames - 1);
    if (source->slice < 0 || source->slice >= source->n_slices)
        return hg_error_set(err, HG_STATUS_USAGE, "there is no slice %d; the axis has 0..%d", source->slice,
                            source->n_slices - 1);
    return HG_STATUS_OK;
}

hg_status hg_scan_read(hg_scan *scan, const hg_image_view *view, hg_frame *frame, hg_error *err)
{
    hg_status status = scan_choose(scan, view, err);
    if (status == HG_STATUS_OK)
        status = scan->format->read(scan, frame, err);
    if (status != HG_STATUS_OK)
        hg_frame_deinit(frame);
    return status;
}

/* Pixels are shown as they are stored, also those that are not square; more than 1 % is worth a note. */
static void scan_note_aspect(hg_image_source *source)
{
    double x = source->spacing[0], y = source->spacing[1];
    if (x > 0 && y > 0 && (x > 1.01 * y || y > 1.01 * x) && source->note[0] == 0)
        snprintf(source->note, sizeof source->note, "pixels are not square: %g mm across, %g mm down", x, y);
}

hg_status hg_scan_show(hg_scan *scan, const hg_image_view *view, hg_image *image, hg_error *err)
{
    hg_frame frame = {0};
    hg_status status = hg_scan_read(scan, view, &frame, err);
    if (status != HG_STATUS_OK)
        return status;
    scan_note_aspect(&scan->source);
    status = hg_display_apply(image, &frame, &scan->display, view->window, &scan->source, err);
    hg_frame_deinit(&frame);
    image->source = scan->source;
    image->orientation = scan->orientation;
    return status;
}

void hg_scan_close(hg_scan *scan)
{
    scan->format->close(scan);
}
