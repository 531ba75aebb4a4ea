/* SPDX-License-Identifier: Apache-2.0
 *
 * image_child.h: decoding in a confined child process.
 */
#ifndef HG_IMAGE_IMAGE_CHILD_H
#define HG_IMAGE_IMAGE_CHILD_H

#include "image/image_files.h"
#include "image/image_list.h"
#include "image/sandbox.h"

/* As hg_image_decode_all, in a child. */
hg_status hg_image_decode_confined(hg_image *images, size_t *n, const hg_image_format *format,
                                   const hg_image_file *bytes, const hg_image_request *request,
                                   hg_error *err) HG_MUST_CHECK;

/* The first picture of each of many files, of which none needs a descriptor or has members: many in one
 * child. `take` is told by their places in `files`. */
hg_status hg_image_decode_list(const hg_image_files *files, size_t n, hg_image_list_take take, void *user,
                               hg_error *err) HG_MUST_CHECK;

/* Puts the path before an error that does not begin with it, as opening errors of the system do. Returns
 * `status`. */
hg_status hg_image_name_path(hg_status status, const char *path, hg_error *err);

/* Makes a child's text of n bytes one printable, ended line. */
void hg_image_clean_text(char *text, size_t n);

/* Time grows with the number of files. */
hg_sandbox_limits hg_image_child_limits(const hg_image_file *bytes);

#endif
