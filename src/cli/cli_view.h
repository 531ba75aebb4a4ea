/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_view.h: the options that choose pictures of a file and their window: --window, --frame, --slice,
 * --axis,
 * --series, --slices, --montage, --level, --region; and --roi, which marks them.
 */
#ifndef HG_CLI_CLI_VIEW_H
#define HG_CLI_CLI_VIEW_H

#include <healthgpt/roi.h>

#include <getopt.h>

enum {
    CLI_VIEW_WINDOW = 'W',
    CLI_VIEW_FRAME = 'F',
    CLI_VIEW_SLICE = 'S',
    CLI_VIEW_AXIS = 'A',
    CLI_VIEW_SERIES = 'E',
    CLI_VIEW_SLICES = 'N',
    CLI_VIEW_MONTAGE = 'M',
    CLI_VIEW_ROI = 'R',
    CLI_VIEW_LEVEL = 'L',
    CLI_VIEW_REGION = 'G'
};

/* clang-format off */
#define CLI_VIEW_OPTIONS \
    {"window", required_argument, NULL, CLI_VIEW_WINDOW}, {"frame", required_argument, NULL, CLI_VIEW_FRAME}, \
    {"slice", required_argument, NULL, CLI_VIEW_SLICE}, {"axis", required_argument, NULL, CLI_VIEW_AXIS}, \
    {"series", required_argument, NULL, CLI_VIEW_SERIES}, {"slices", required_argument, NULL, CLI_VIEW_SLICES}, \
    {"montage", required_argument, NULL, CLI_VIEW_MONTAGE}, {"roi", required_argument, NULL, CLI_VIEW_ROI}, \
    {"level", required_argument, NULL, CLI_VIEW_LEVEL}, {"region", required_argument, NULL, CLI_VIEW_REGION}
/* clang-format on */

#define CLI_VIEW_HELP                                                                                        \
    "  --window C,W|PRESET       brightness of scans: centre and width, or brain, lung, bone, abdomen,\n"    \
    "                            mediastinum, stroke; else the file's own\n"                                 \
    "  --frame N  --slice N      of files with many pictures, from 0 (first frame, middle slice)\n"          \
    "  --axis axial|coronal|sagittal\n"                                                                      \
    "  --montage N               one picture of N slices (or frames), evenly spaced, side by side\n"         \
    "  --series N|UID            of a folder or DICOMDIR with several series (the largest)\n"                \
    "  --level N  --region X,Y,WIDTH,HEIGHT   of a whole slide, in pixels of the level (seen from afar)\n"   \
    "  --roi X,Y,WIDTH,HEIGHT[,box|ellipse|arrow]   marks a region, in pixels of the picture; up to 6 "      \
    "times\n"

#define CLI_SLICES_HELP                                                                                      \
    "  --slices N                N pictures of a volume, evenly spaced along the axis, ends left out\n"

typedef struct cli_view {
    hg_image_view view;
    int n_slices;  /* --slices; 0: one picture a file */
    int n_montage; /* --montage; 0: none */
    hg_roi rois[HG_ROI_MAX];
    size_t n_rois; /* --roi, each time it stands */
} cli_view;

cli_view cli_view_default(void);

/* Takes an option of these; false when `code` is none. `argument` must stay; on a bad one *status and *err
 * are set. */
bool cli_view_take(cli_view *view, int code, const char *argument, hg_status *status, hg_error *err);

/* Pictures that the view gives of a path, at most; nothing is decoded. */
hg_status cli_view_count(const cli_view *view, const char *path, size_t *n, hg_error *err);

/* Opens them into images[0..*n), of which there is room for `max`; the caller closes them on success. */
hg_status cli_view_open_all(const cli_view *view, const char *path, hg_image **images, size_t max, size_t *n,
                            hg_error *err);

/* The one picture of a path; HG_STATUS_USAGE with --slices. */
hg_status cli_view_open(const cli_view *view, const char *path, hg_image **image, hg_error *err);

#endif
