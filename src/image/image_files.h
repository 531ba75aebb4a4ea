/* SPDX-License-Identifier: Apache-2.0
 *
 * image_files.h: from a path to the bytes that a decoder needs: one file, the two of a pair, or the DICOM
 * files of a folder or of a DICOMDIR.
 */
#ifndef HG_IMAGE_IMAGE_FILES_H
#define HG_IMAGE_IMAGE_FILES_H

#include "base/file_map.h"
#include "image/image_reader.h"

#define HG_IMAGE_MAX_FILES 20000
#define HG_IMAGE_MAX_FOLDERS 4 /* levels below the one that is named */

typedef struct hg_image_files {
    const hg_image_format *format;
    hg_image_file file;
    hg_file_map map;
    hg_file_map pair;
    int fd;            /* 0: none */
    hg_file_map *maps; /* of the members, in their order */
    hg_image_file *members;
    size_t n;
    size_t n_missing; /* files that a DICOMDIR names and that are not there */
} hg_image_files;

/* Maps what lies at the path. HG_STATUS_INPUT when it is missing, empty, or nothing that a reader knows; the
 * error does not name the path. To be closed whatever the result. */
hg_status hg_image_files_open(hg_image_files *files, const char *path, hg_error *err) HG_MUST_CHECK;
void hg_image_files_close(hg_image_files *files);

/* The same for `n` bytes in memory, borrowed. To be closed, too. */
hg_status hg_image_files_view(hg_image_files *files, const uint8_t *bytes, size_t n,
                              hg_error *err) HG_MUST_CHECK;

#endif
