/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_image_info.c: an image's description. The choice of window is always part of it: a scan shown in the
 * wrong one looks like another scan.
 */
#include "cli_image_info.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const info_kinds[5] = {"", "grey", "grey+alpha", "rgb", "rgb+alpha"};
static const char *const info_axes[4] = {"", "sagittal", "coronal", "axial"};
static const char *const info_functions[3] = {"LINEAR", "LINEAR_EXACT", "SIGMOID"};

static json_t *info_window_json(const hg_image_window *window)
{
    return json_pack("{s:f, s:f, s:s}", "centre", window->centre, "width", window->width, "name",
                     window->name);
}

json_t *cli_image_shown_json(const hg_image *image)
{
    const hg_image_source *source = hg_image_get_source(image);
    if (!source->scan)
        return NULL;
    json_t *shown =
        json_pack("{s:i, s:i, s:s, s:s, s:s, s:b}", "frame", source->frame, "slice", source->slice, "axis",
                  info_axes[source->axis], "window_from", hg_window_origin_name(source->origin), "function",
                  info_functions[source->function], "inverted", (int)source->inverted);
    if (shown != NULL)
        json_object_set_new(shown, "window", info_window_json(&source->window));
    return shown;
}

static json_t *info_scan_json(const hg_image_source *source)
{
    json_t *windows = json_array();
    for (int i = 0; i < source->n_windows; i++)
        json_array_append_new(windows, info_window_json(&source->windows[i]));
    json_t *scan = json_pack(
        "{s:s, s:s, s:s, s:s, s:i, s:b, s:b, s:i, s:i, s:[f,f,f], s:f, s:f, s:f, s:f, s:b, s:b, s:s, s:o}",
        "modality", source->modality, "photometric", source->photometric, "transfer_syntax",
        source->transfer_syntax, "orientation", source->orientation, "bits_stored", source->bits_stored,
        "signed", (int)source->is_signed, "float", (int)source->is_float, "frames", source->n_frames,
        "slices", source->n_slices, "spacing", source->spacing[0], source->spacing[1], source->spacing[2],
        "slope", source->slope, "intercept", source->intercept, "minimum", source->minimum, "maximum",
        source->maximum, "lossy", (int)source->lossy, "may_show_names", (int)source->burned_in, "note",
        source->note, "windows", windows);
    if (scan != NULL && source->n_levels > 0) {
        json_object_set_new(scan, "levels", json_integer(source->n_levels));
        json_object_set_new(scan, "level", json_integer(source->level));
    }
    if (scan != NULL && source->n_series > 0) {
        json_object_set_new(scan, "series", json_integer(source->series));
        json_object_set_new(scan, "series_uid", json_string(source->series_uid));
        json_object_set_new(scan, "files", json_integer(source->n_files));
    }
    return scan;
}

/* Longest list of series that is printed. */
#define INFO_MAX_SERIES 1000

json_t *cli_image_series_json(const char *path)
{
    hg_error err = {HG_STATUS_OK, ""};
    size_t n = 0;
    json_t *list = json_array();
    hg_image_series *series = calloc(INFO_MAX_SERIES, sizeof *series);
    if (series == NULL || hg_image_list_series(path, series, INFO_MAX_SERIES, &n, &err) != HG_STATUS_OK)
        n = 0;
    for (size_t i = 0; i < n && i < INFO_MAX_SERIES; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:i, s:i}", "uid", series[i].uid, "modality",
                                              series[i].modality, "pictures", series[i].n_pictures, "width",
                                              series[i].width, "height", series[i].height));
    free(series);
    return list;
}

void cli_image_series_print(const char *path)
{
    json_t *list = cli_image_series_json(path), *one;
    size_t i;
    json_array_foreach(list, i, one) printf(
        "--series %-3zu %s, %" JSON_INTEGER_FORMAT " pictures of %" JSON_INTEGER_FORMAT
        " x %" JSON_INTEGER_FORMAT ", %s\n",
        i, json_string_value(json_object_get(one, "modality")),
        json_integer_value(json_object_get(one, "pictures")),
        json_integer_value(json_object_get(one, "width")), json_integer_value(json_object_get(one, "height")),
        json_string_value(json_object_get(one, "uid")));
    json_decref(list);
}

json_t *cli_image_info_json(const hg_image *image)
{
    hg_image_info info = hg_image_get_info(image);
    const hg_image_source *source = hg_image_get_source(image);
    json_t *object =
        json_pack("{s:s, s:i, s:i, s:i, s:s, s:i, s:i, s:b, s:b}", "format", info.format, "width", info.width,
                  "height", info.height, "channels", info.channels, "kind", info_kinds[info.channels], "bits",
                  info.bits, "orientation", info.orientation, "orientation_applied", info.orientation != 1,
                  "synthetic", (int)info.synthetic);
    if (object != NULL && source->scan) {
        json_object_set_new(object, "scan", info_scan_json(source));
        json_object_set_new(object, "shown", cli_image_shown_json(image));
    }
    return object;
}

static void info_print_place(const hg_image_source *source)
{
    if (source->n_series > 0)
        printf("series       %d of %d, in %d DICOM files\n", source->series, source->n_series,
               source->n_files);
    if (source->n_levels > 0)
        printf("level        %d of %d\n", source->level, source->n_levels);
    if (source->n_frames > 1)
        printf("frame        %d of %d\n", source->frame, source->n_frames);
    if (source->n_slices > 1)
        printf("slice        %d of %d, %s\n", source->slice, source->n_slices, info_axes[source->axis]);
    if (source->spacing[0] > 0)
        printf("spacing      %g x %g x %g mm\n", source->spacing[0], source->spacing[1], source->spacing[2]);
}

static void info_print_window(FILE *to, const char *label, const hg_image_source *source)
{
    const hg_image_window *w = &source->window;
    fprintf(to, "%s", label);
    if (source->origin == HG_WINDOW_ORIGIN_NONE)
        fprintf(to, "none (as stored)");
    else if (source->origin >= HG_WINDOW_ORIGIN_PERCENTILE)
        fprintf(to, "%g to %g (%s)", w->centre - w->width / 2, w->centre + w->width / 2,
                source->origin == HG_WINDOW_ORIGIN_RANGE ? "all values" : "percentiles 1 and 99");
    else
        fprintf(to, "centre %g, width %g (%s%s%s), %s", w->centre, w->width,
                hg_window_origin_name(source->origin), w->name[0] != 0 ? ": " : "", w->name,
                info_functions[source->function]);
    fprintf(to, "%s\n", source->inverted ? ", inverted" : "");
}

static void info_print_scan(const hg_image_source *source, bool grey)
{
    if (source->modality[0] != 0)
        printf("modality     %s\n", source->modality);
    if (source->photometric[0] != 0)
        printf("photometric  %s\n", source->photometric);
    if (source->transfer_syntax[0] != 0)
        printf("syntax       %s%s\n", source->transfer_syntax, source->lossy ? " (lossy)" : "");
    if (source->orientation[0] != 0)
        printf("stored axes  %s\n", source->orientation);
    printf("stored bits  %d%s\n", source->bits_stored,
           source->is_float    ? " (float)"
           : source->is_signed ? " (signed)"
                               : "");
    info_print_place(source);
    if (grey) {
        printf("rescale      %g * stored + %g\n", source->slope, source->intercept);
        printf("values       %g to %g\n", source->minimum, source->maximum);
        info_print_window(stdout, "window       ", source);
    }
    for (int i = 0; i < source->n_windows; i++)
        printf("offered      centre %g, width %g%s%s\n", source->windows[i].centre, source->windows[i].width,
               source->windows[i].name[0] != 0 ? ": " : "", source->windows[i].name);
    if (source->burned_in)
        printf("warning      the picture may show a name or a date\n");
    if (source->note[0] != 0)
        printf("note         %s\n", source->note);
}

void cli_image_info_print(const hg_image *image)
{
    hg_image_info info = hg_image_get_info(image);
    const hg_image_source *source = hg_image_get_source(image);
    printf("format       %s\n", info.format);
    printf("size         %d x %d\n", info.width, info.height);
    printf("channels     %d (%s)\n", info.channels, info_kinds[info.channels]);
    printf("bits         %d\n", info.bits);
    printf("orientation  %d (%s)\n", info.orientation, info.orientation == 1 ? "as stored" : "applied");
    if (info.synthetic)
        printf("synthetic    drawn by healthgpt, not for diagnosis\n");
    if (source->scan)
        info_print_scan(source, info.channels == 1);
}

void cli_image_note(const hg_image *image)
{
    const hg_image_source *source = hg_image_get_source(image);
    if (hg_image_get_info(image).synthetic)
        fprintf(stderr, "note: the picture is synthetic: it was drawn by healthgpt\n");
    if (!source->scan)
        return;
    if (hg_image_get_info(image).channels == 1)
        info_print_window(stderr, "window: ", source);
    if (source->note[0] != 0)
        fprintf(stderr, "note: %s\n", source->note);
}

void cli_image_describe(char *out, size_t n, const hg_image *image)
{
    const hg_image_source *source = hg_image_get_source(image);
    const hg_image_window *w = &source->window;
    char place[80] = "", window[80] = "";
    if (source->n_slices > 1)
        snprintf(place, sizeof place, ", %s slice %d of %d", info_axes[source->axis], source->slice + 1,
                 source->n_slices);
    else if (source->n_frames > 1)
        snprintf(place, sizeof place, ", frame %d of %d", source->frame + 1, source->n_frames);
    if (source->scan && hg_image_get_info(image).channels == 1 && source->origin != HG_WINDOW_ORIGIN_NONE)
        snprintf(window, sizeof window, ", window centre %g, width %g%s", w->centre, w->width,
                 source->inverted ? ", inverted" : "");
    snprintf(out, n, "Converted from %s%s%s", hg_image_get_info(image).format, place, window);
}
