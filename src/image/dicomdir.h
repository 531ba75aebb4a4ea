/* SPDX-License-Identifier: Apache-2.0
 *
 * dicomdir.h: the DICOMDIR of an exchange medium: the list of the files on it.
 */
#ifndef HG_IMAGE_DICOMDIR_H
#define HG_IMAGE_DICOMDIR_H

#include "base/buffer.h"

#define HG_DICOMDIR_MAX_FILES 20000

/* True when the bytes begin as a DICOMDIR does. */
bool hg_dicomdir_probe(const uint8_t *bytes, size_t n);

/* Appends the paths of its pictures, each ended by a zero, their parts joined with slashes. They are what the
 * file says: see hg_dicomdir_is_inside. HG_STATUS_INPUT when it is damaged or names none. */
hg_status hg_dicomdir_parse(hg_buffer *paths, const uint8_t *bytes, size_t n, hg_error *err) HG_MUST_CHECK;

/* False for a path that is empty, begins with a slash, or has an empty part or one of dots: it could lead out
 * of the DICOMDIR's folder. */
bool hg_dicomdir_is_inside(const char *path);

#endif
