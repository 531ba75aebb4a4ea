/* SPDX-License-Identifier: Apache-2.0
 *
 * scan.c: what is the same for every format of measurements: which place of the file is wanted, and the way
 * from there through the reader and the display to an image.
 */
#include "image/scan.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

hg_image_view hg_image_view_default(void)
{
    return (hg_image_view){.slice = HG_IMAGE_MIDDLE, .level = HG_IMAGE_AFAR};
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

void hg_scan_note(hg_image_source *source, const char *format, ...)
{
    size_t at = strlen(source->note), size = sizeof source->note;
    va_list args;
    if (at > 0 && at + 2 < size) {
        memcpy(source->note + at, "; ", 3);
        at += 2;
    }
    va_start(args, format);
    vsnprintf(source->note + at, size - at, format, args);
    va_end(args);
}

hg_status hg_scan_open(hg_scan *scan, const hg_scan_format *format, const hg_image_file *bytes,
                       const hg_image_view *view, const hg_image_limits *limits, hg_error *err)
{
    const hg_image_view usual = hg_image_view_default();
    *scan = (hg_scan){
        .format = format, .limits = *limits, .view = view != NULL ? view : &usual, .orientation = 1};
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
hg_status hg_scan_choose(hg_scan *scan, const hg_image_view *view, hg_error *err)
{
    hg_image_source *source = &scan->source;
    bool volume = scan->default_axis != HG_IMAGE_AXIS_DEFAULT;
    bool as_frame = !volume && view->slice != HG_IMAGE_MIDDLE && view->frame == 0;
    if (source->n_levels == 0 && (view->level > 0 || view->region[2] > 0))
        return hg_error_set(err, HG_STATUS_USAGE, "levels and regions are for whole slides");
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

int hg_scan_spread(size_t k, size_t n, int total)
{
    if (n + 2 <= (size_t)total)
        return (int)(((double)k + 1) * (total - 1) / ((double)n + 1) + 0.5);
    return (int)((2 * (double)k + 1) * total / (2 * (double)n));
}

static bool scan_is_volume(const hg_scan *scan)
{
    return scan->default_axis != HG_IMAGE_AXIS_DEFAULT;
}

size_t hg_scan_count(const hg_scan *scan, const hg_image_view *view, size_t wanted)
{
    int axis = view->axis != HG_IMAGE_AXIS_DEFAULT ? (int)view->axis : scan->default_axis;
    size_t places = (size_t)(scan_is_volume(scan) ? scan->n_slices[axis] : scan->source.n_frames);
    return wanted < places ? wanted : places;
}

static void shots_free(hg_scan_shot *shots, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        hg_frame_deinit(&shots[i].frame);
        hg_display_deinit(&shots[i].display);
    }
}

hg_status hg_scan_check_pictures(const hg_scan *scan, uint64_t width, uint64_t height, size_t n,
                                 hg_error *err)
{
    hg_status status = hg_image_check_size(&scan->limits, width, height, err);
    if (status == HG_STATUS_OK && width * height > scan->limits.max_pixels / n)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%zu pictures of %llu x %llu pixels: at most %llu pixels together are accepted",
                            n, (unsigned long long)width, (unsigned long long)height,
                            (unsigned long long)scan->limits.max_pixels);
    return status;
}

/* Reads the shots' places; what was read stays to be freed whatever the result. */
static hg_status scan_read_shots(hg_scan *scan, hg_scan_shot *shots, size_t n, hg_error *err)
{
    if (scan->format->read_shots != NULL)
        return scan->format->read_shots(scan, shots, n, err);
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < n; i++) {
        scan->source = shots[i].source;
        status = scan->format->read(scan, &shots[i].frame, err);
        shots[i].source = scan->source;
        shots[i].display = scan->display; /* its tables change hands */
        scan->display = (hg_display){0};
        if (status == HG_STATUS_OK)
            status = hg_scan_check_pictures(scan, (uint64_t)shots[i].frame.width,
                                            (uint64_t)shots[i].frame.height, n, err);
    }
    return status;
}

hg_status hg_scan_read(hg_scan *scan, const hg_image_view *view, hg_frame *frame, hg_error *err)
{
    hg_status status = hg_scan_choose(scan, view, err);
    hg_display_deinit(&scan->display);
    hg_scan_shot shot = {.source = scan->source};
    if (status == HG_STATUS_OK)
        status = scan_read_shots(scan, &shot, 1, err);
    if (status != HG_STATUS_OK) {
        shots_free(&shot, 1);
        return status;
    }
    *frame = shot.frame;
    scan->display = shot.display;
    scan->source = shot.source;
    return HG_STATUS_OK;
}

/* Pixels are shown as they are stored, also those that are not square; more than 1 % is worth a note. */
static void scan_note_aspect(hg_image_source *source)
{
    double x = source->spacing[0], y = source->spacing[1];
    if (x > 0 && y > 0 && (x > 1.01 * y || y > 1.01 * x))
        hg_scan_note(source, "pixels are not square: %g mm across, %g mm down", x, y);
}

/* Fills the sources of the shots: the place of the view, or places spread over all. */
static hg_status scan_aim(hg_scan *scan, const hg_image_view *view, hg_scan_shot *shots, size_t n,
                          hg_error *err)
{
    hg_image_view place = *view;
    for (size_t i = 0; i < n; i++) {
        if (n > 1 && scan_is_volume(scan))
            place.slice = hg_scan_spread(i, n, scan->n_slices[scan->source.axis]);
        else if (n > 1)
            place.frame = hg_scan_spread(i, n, scan->source.n_frames);
        hg_status status = hg_scan_choose(scan, &place, err);
        if (status != HG_STATUS_OK)
            return status;
        shots[i].source = scan->source;
    }
    return HG_STATUS_OK;
}

/* One window for several pictures, where each would get one of its own values. */
static hg_status scan_pool(hg_scan_shot *shots, size_t n, const char *window, hg_error *err)
{
    const hg_frame *frames[HG_IMAGE_MAX_PICTURES];
    hg_display *displays[HG_IMAGE_MAX_PICTURES];
    for (size_t i = 0; i < n; i++) {
        frames[i] = &shots[i].frame;
        displays[i] = &shots[i].display;
        if (window != NULL || shots[i].source.n_windows > 0)
            return HG_STATUS_OK;
    }
    return n > 1 ? hg_display_pool(displays, frames, n, err) : HG_STATUS_OK;
}

static hg_status scan_show_shots(hg_scan *scan, const hg_image_view *view, hg_scan_shot *shots,
                                 hg_image *images, size_t n, hg_error *err)
{
    hg_status status = scan_aim(scan, view, shots, n, err);
    if (status == HG_STATUS_OK)
        status = scan_read_shots(scan, shots, n, err);
    if (status == HG_STATUS_OK)
        status = scan_pool(shots, n, view->window, err);
    for (size_t i = 0; status == HG_STATUS_OK && i < n; i++) {
        scan_note_aspect(&shots[i].source);
        status = hg_display_apply(&images[i], &shots[i].frame, &shots[i].display, view->window,
                                  &shots[i].source, err);
        images[i].source = shots[i].source;
        images[i].orientation = scan->orientation;
        hg_frame_deinit(&shots[i].frame); /* before the next picture needs memory */
    }
    return status;
}

hg_status hg_scan_show(hg_scan *scan, const hg_image_view *view, hg_image *images, size_t n, hg_error *err)
{
    hg_status status = hg_scan_choose(scan, view, err); /* also sets the axis that places are spread over */
    if (status != HG_STATUS_OK)
        return status;
    if (n < 1 || n > HG_IMAGE_MAX_PICTURES)
        return hg_error_set(err, HG_STATUS_USAGE, "%zu pictures of a file; 1..%d are possible", n,
                            HG_IMAGE_MAX_PICTURES);
    hg_scan_shot *shots = hg_mem_array(n, sizeof *shots);
    if (shots == NULL)
        return hg_error_memory(err, n * sizeof *shots, "pictures");
    status = scan_show_shots(scan, view, shots, images, n, err);
    shots_free(shots, n);
    hg_mem_free(shots);
    return status;
}

void hg_scan_close(hg_scan *scan)
{
    hg_display_deinit(&scan->display);
    scan->format->close(scan);
}
