/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_image_info.c: an image's description. The choice of window is always part of it: a scan shown in the
 * wrong one looks like another scan.
 */
#include "cli_image_info.h"

#include <stdio.h>

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
    return scan;
}

json_t *cli_image_info_json(const hg_image *image)
{
    hg_image_info info = hg_image_get_info(image);
    const hg_image_source *source = hg_image_get_source(image);
    json_t *object =
        json_pack("{s:s, s:i, s:i, s:i, s:s, s:i, s:i, s:b}", "format", info.format, "width", info.width,
                  "height", info.height, "channels", info.channels, "kind", info_kinds[info.channels], "bits",
                  info.bits, "orientation", info.orientation, "orientation_applied", info.orientation != 1);
    if (object != NULL && source->scan) {
        json_object_set_new(object, "scan", info_scan_json(source));
        json_object_set_new(object, "shown", cli_image_shown_json(image));
    }
    return object;
}

static void info_print_place(const hg_image_source *source)
{
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
    if (source->scan)
        info_print_scan(source, info.channels == 1);
}

void cli_image_note(const hg_image *image)
{
    const hg_image_source *source = hg_image_get_source(image);
    if (!source->scan)
        return;
    if (hg_image_get_info(image).channels == 1)
        info_print_window(stderr, "window: ", source);
    if (source->note[0] != 0)
        fprintf(stderr, "note: %s\n", source->note);
}
