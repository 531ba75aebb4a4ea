/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_view.h: the options that choose a picture of a file and its window: --window, --frame, --slice, --axis.
 */
#ifndef HG_CLI_CLI_VIEW_H
#define HG_CLI_CLI_VIEW_H

#include <healthgpt/image.h>

#include <getopt.h>

enum { CLI_VIEW_WINDOW = 'W', CLI_VIEW_FRAME = 'F', CLI_VIEW_SLICE = 'S', CLI_VIEW_AXIS = 'A' };

/* clang-format off */
#define CLI_VIEW_OPTIONS \
    {"window", required_argument, NULL, CLI_VIEW_WINDOW}, {"frame", required_argument, NULL, CLI_VIEW_FRAME}, \
    {"slice", required_argument, NULL, CLI_VIEW_SLICE}, {"axis", required_argument, NULL, CLI_VIEW_AXIS}
/* clang-format on */

#define CLI_VIEW_HELP                                                                                        \
    "  --window C,W|PRESET       brightness of scans: centre and width, or brain, lung, bone, abdomen,\n"    \
    "                            mediastinum, stroke; else the file's own\n"                                 \
    "  --frame N  --slice N      of files with many pictures, from 0 (first frame, middle slice)\n"          \
    "  --axis axial|coronal|sagittal\n"

/* Takes an option of these; false when `code` is none. `argument` must stay; on a bad one *status and *err
 * are set. */
bool cli_view_take(hg_image_view *view, int code, const char *argument, hg_status *status, hg_error *err);

#endif
