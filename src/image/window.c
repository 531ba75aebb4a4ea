/* SPDX-License-Identifier: Apache-2.0
 *
 * window.c: window functions and presets. LINEAR is defined with c - 0.5 and w - 1, so that a window of width
 * 256 around 128 maps 0..255 to itself; LINEAR_EXACT is the plain ramp. Presets are LINEAR.
 */
#include "image/window.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    double centre;
    double width;
} window_presets[] = {{"brain", 50, 100},   {"lung", -500, 1400},     {"bone", 400, 1000},
                      {"abdomen", 40, 350}, {"mediastinum", 50, 350}, {"stroke", 40, 40}};

#define WINDOW_PRESETS (sizeof window_presets / sizeof window_presets[0])

const char *hg_window_preset_get(size_t i, double *centre, double *width)
{
    if (i >= WINDOW_PRESETS)
        return NULL;
    *centre = window_presets[i].centre;
    *width = window_presets[i].width;
    return window_presets[i].name;
}

const char *hg_window_origin_name(hg_window_origin origin)
{
    static const char *const names[] = {"none", "user", "preset", "table", "file", "percentile", "range"};
    return (size_t)origin < sizeof names / sizeof names[0] ? names[origin] : "unknown";
}

uint16_t hg_lut_get(const hg_lut *lut, double value)
{
    double at = floor(value) - (double)lut->first;
    if (!(at > 0)) /* also when the value is not a number */
        return lut->entries[0];
    return lut->entries[at >= (double)lut->n ? lut->n - 1 : (size_t)at];
}

static double window_clip(double y)
{
    if (!(y > 0)) /* also when it is not a number */
        return 0;
    return y > 1 ? 1 : y;
}

double hg_window_apply(hg_window_function function, double centre, double width, double value)
{
    switch (function) {
    case HG_WINDOW_FUNCTION_LINEAR:

        if (width <= 1)
            return value > centre - 0.5 ? 1 : 0;
        return window_clip((value - (centre - 0.5)) / (width - 1) + 0.5);
    case HG_WINDOW_FUNCTION_LINEAR_EXACT:
        return window_clip((value - centre) / width + 0.5);
    case HG_WINDOW_FUNCTION_SIGMOID:
        return window_clip(1 / (1 + exp(-4 * (value - centre) / width)));
    }
    return 0;
}

hg_status hg_window_check(hg_window_function function, double centre, double width, hg_error *err)
{
    double least = function == HG_WINDOW_FUNCTION_LINEAR ? 1 : 0;
    if (isfinite(centre) && isfinite(width) && width >= least && width > 0)
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_INPUT, "a window of centre %g and width %g is not possible", centre,
                        width);
}

static bool window_parse_number(const char **text, char end_mark, double *out)
{
    char *end;
    *out = strtod(*text, &end);
    bool ok = end != *text && *end == end_mark && isfinite(*out);
    *text = end + 1;
    return ok;
}

hg_status hg_window_parse(hg_image_window *window, const char *text, hg_error *err)
{
    *window = (hg_image_window){0};
    for (size_t i = 0; i < WINDOW_PRESETS; i++) {
        if (strcmp(text, window_presets[i].name) == 0) {
            window->centre = window_presets[i].centre;
            window->width = window_presets[i].width;
            snprintf(window->name, sizeof window->name, "%s", text);
            return HG_STATUS_OK;
        }
    }
    const char *at = text;
    if (!window_parse_number(&at, ',', &window->centre) || !window_parse_number(&at, 0, &window->width) ||
        window->width < 1)
        return hg_error_set(err, HG_STATUS_USAGE,
                            "window '%s': CENTRE,WIDTH (at least 1) or one of brain, lung, bone, abdomen, "
                            "mediastinum, stroke",
                            text);
    return HG_STATUS_OK;
}
