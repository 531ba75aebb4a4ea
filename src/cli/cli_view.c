/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_view.c: parsing of the options that choose a picture of a file.
 */
#include "cli_view.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

cli_view cli_view_default(void)
{
    return (cli_view){.view = hg_image_view_default()};
}

static bool view_number(int *out, const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end != 0 || value < 0 || value > INT_MAX)
        return false;
    *out = (int)value;
    return true;
}

static bool view_count(int *out, const char *text)
{
    return view_number(out, text) && *out >= 1 && *out <= HG_IMAGE_MAX_PICTURES;
}

static bool view_region(int region[4], const char *text)
{
    hg_roi roi;
    hg_error err;
    if (hg_roi_parse(&roi, text, &err) != HG_STATUS_OK || roi.shape != HG_ROI_SHAPE_BOX)
        return false;
    region[0] = roi.x;
    region[1] = roi.y;
    region[2] = roi.width;
    region[3] = roi.height;
    return true;
}

/* Takes one more --roi; a message of its own when it is wrong. */
static bool view_roi(cli_view *v, const char *text, hg_status *status, hg_error *err)
{
    if (v->n_rois == HG_ROI_MAX) {
        *status = err->code = HG_STATUS_USAGE;
        snprintf(err->text, sizeof err->text, "--roi: at most %d regions", HG_ROI_MAX);
    } else
        *status = hg_roi_parse(&v->rois[v->n_rois], text, err);
    v->n_rois += *status == HG_STATUS_OK;
    return true;
}

bool cli_view_take(cli_view *v, int code, const char *argument, hg_status *status, hg_error *err)
{
    bool ok = true;
    const char *name = "";
    hg_image_view *view = &v->view;
    switch (code) {
    case CLI_VIEW_WINDOW:
        view->window = argument;
        break;
    case CLI_VIEW_FRAME:
        name = "--frame must be a number from 0";
        ok = view_number(&view->frame, argument);
        break;
    case CLI_VIEW_SLICE:
        name = "--slice must be a number from 0";
        ok = view_number(&view->slice, argument);
        break;
    case CLI_VIEW_AXIS:
        name = "--axis must be axial, coronal or sagittal";
        ok = hg_image_axis_find(argument, &view->axis);
        break;
    case CLI_VIEW_SERIES:
        view->series = argument;
        break;
    case CLI_VIEW_SLICES:
        name = "--slices must be a number from 1 to 256";
        ok = view_count(&v->n_slices, argument);
        break;
    case CLI_VIEW_MONTAGE:
        name = "--montage must be a number from 1 to 256";
        ok = view_count(&v->n_montage, argument);
        break;
    case CLI_VIEW_ROI:
        return view_roi(v, argument, status, err);
    case CLI_VIEW_LEVEL:
        name = "--level must be a number from 0";
        ok = view_number(&view->level, argument);
        break;
    case CLI_VIEW_REGION:
        name = "--region must be X,Y,WIDTH,HEIGHT in pixels";
        ok = view_region(view->region, argument);
        break;
    default:
        return false;
    }
    if (!ok) {
        *status = err->code = HG_STATUS_USAGE;
        snprintf(err->text, sizeof err->text, "%s, not %.100s", name, argument);
    }
    return true;
}

static hg_status view_usage(hg_error *err, const char *text)
{
    err->code = HG_STATUS_USAGE;
    snprintf(err->text, sizeof err->text, "%s", text);
    return HG_STATUS_USAGE;
}

static hg_status view_check(const cli_view *view, hg_error *err)
{
    if (view->n_slices > 0 && view->n_montage > 0)
        return view_usage(err, "--slices gives several pictures, --montage one: choose one of the two");
    if ((view->n_slices > 1 || view->n_montage > 1) && view->view.slice != HG_IMAGE_MIDDLE)
        return view_usage(err, "--slice names one picture: use it without --slices and --montage");
    return HG_STATUS_OK;
}

hg_status cli_view_count(const cli_view *view, const char *path, size_t *n, hg_error *err)
{
    hg_image_source source;
    hg_status status = view_check(view, err);
    if (status != HG_STATUS_OK)
        return status;
    return hg_image_describe(path, &view->view, view->n_slices > 0 ? (size_t)view->n_slices : 1, n, &source,
                             err);
}

/* Puts the marked picture in the place of the other. */
static hg_status view_mark(const cli_view *view, hg_image **image, hg_error *err)
{
    hg_image *marked;
    if (view->n_rois == 0)
        return HG_STATUS_OK;
    hg_status status = hg_roi_draw(&marked, *image, view->rois, view->n_rois, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_image_close(*image);
    *image = marked;
    return HG_STATUS_OK;
}

static hg_status view_open_montage(const cli_view *view, const char *path, hg_image **image, hg_error *err)
{
    hg_image *tiles[HG_IMAGE_MAX_PICTURES];
    size_t n;
    hg_status status = hg_image_open_slices(tiles, (size_t)view->n_montage, &n, path, &view->view, err);
    if (status != HG_STATUS_OK)
        return status;
    status = hg_image_montage(image, tiles, n, err);
    for (size_t i = 0; i < n; i++)
        hg_image_close(tiles[i]);
    return status;
}

hg_status cli_view_open(const cli_view *view, const char *path, hg_image **image, hg_error *err)
{
    *image = NULL;
    hg_status status = view_check(view, err);
    if (status != HG_STATUS_OK)
        return status;
    if (view->n_slices > 0)
        return view_usage(err, "--slices gives several pictures, and one is wanted here: use --montage");
    status = view->n_montage > 0 ? view_open_montage(view, path, image, err)
                                 : hg_image_open_view(image, path, &view->view, err);
    if (status == HG_STATUS_OK)
        status = view_mark(view, image, err);
    if (status != HG_STATUS_OK) {
        hg_image_close(*image);
        *image = NULL;
    }
    return status;
}

hg_status cli_view_open_all(const cli_view *view, const char *path, hg_image **images, size_t max, size_t *n,
                            hg_error *err)
{
    hg_image *several[HG_IMAGE_MAX_PICTURES];
    *n = 0;
    if (max < 1)
        return view_usage(err, "too many images");
    hg_status status = view_check(view, err);
    if (status != HG_STATUS_OK)
        return status;
    if (view->n_slices == 0) {
        *n = 1;
        return cli_view_open(view, path, images, err);
    }
    status = hg_image_open_slices(several, (size_t)view->n_slices, n, path, &view->view, err);
    for (size_t i = 0; status == HG_STATUS_OK && i < *n; i++) {
        if (i < max)
            images[i] = several[i];
        else
            hg_image_close(several[i]);
    }
    hg_status marked = status;
    for (size_t i = 0; marked == HG_STATUS_OK && i < *n && i < max; i++)
        marked = view_mark(view, &images[i], err);
    if (marked != status) {
        for (size_t i = 0; i < *n && i < max; i++)
            hg_image_close(images[i]);
        return marked;
    }
    if (status == HG_STATUS_OK && *n > max) {
        *n = max;
        for (size_t i = 0; i < max; i++)
            hg_image_close(images[i]);
        status = view_usage(err, "too many images");
    }
    return status;
}
