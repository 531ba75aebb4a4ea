/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_view.c: parsing of the options that choose a picture of a file.
 */
#include "cli_view.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static bool view_number(int *out, const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end != 0 || value < 0 || value > INT_MAX)
        return false;
    *out = (int)value;
    return true;
}

bool cli_view_take(hg_image_view *view, int code, const char *argument, hg_status *status, hg_error *err)
{
    bool ok = true;
    const char *name = "";
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
    default:
        return false;
    }
    if (!ok) {
        *status = err->code = HG_STATUS_USAGE;
        snprintf(err->text, sizeof err->text, "%s, not %.100s", name, argument);
    }
    return true;
}
