/* SPDX-License-Identifier: Apache-2.0
 *
 * series_reader.h: many DICOM files as one volume. The format has no content of its own to be known by: a
 * folder or a DICOMDIR names its files, which become the members of one hg_image_file.
 */
#ifndef HG_IMAGE_SERIES_READER_H
#define HG_IMAGE_SERIES_READER_H

#include "image/image_reader.h"

extern const hg_image_format hg_series_format;

/* True for one file (not a series) whose frames are slices of a volume, as enhanced CT and MR have it: it is
 * read as a series of one member. */
bool hg_series_is_stack(const hg_image_file *file);

/* The series among the members, the first `max` of *n. */
hg_status hg_series_list(hg_image_series *series, size_t max, size_t *n, const hg_image_file *bytes,
                         hg_error *err) HG_MUST_CHECK;

#endif
