/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_image_info.h: `healthgpt image info`: what an image is and how it is shown, as text or as JSON.
 */
#ifndef HG_CLI_CLI_IMAGE_INFO_H
#define HG_CLI_CLI_IMAGE_INFO_H

#include <healthgpt/image.h>

#include <jansson.h>

void cli_image_info_print(const hg_image *image);

/* A new object, or NULL when memory is short. */
json_t *cli_image_info_json(const hg_image *image);

/* What was shown of a scan: frame, slice and window; NULL for PNG and JPEG, and when memory is short. */
json_t *cli_image_shown_json(const hg_image *image);

/* The series of a folder or DICOMDIR, as lines or as a list; nothing for a file. */
void cli_image_series_print(const char *path);
json_t *cli_image_series_json(const char *path);

/* One line for a file that is made from the image: the frame or slice and the window that were shown. */
void cli_image_describe(char *out, size_t n, const hg_image *image);

/* On stderr, for scans: the window in use, and what the reader noted. */
void cli_image_note(const hg_image *image);

#endif
