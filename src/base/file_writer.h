/* SPDX-License-Identifier: Apache-2.0
 *
 * file_writer.h: writes a file piece by piece under a temporary name beside its path, and gives it its name
 * only when it is complete and on the disk: the path is either as it was or the whole new file.
 */
#ifndef HG_BASE_FILE_WRITER_H
#define HG_BASE_FILE_WRITER_H

#include "base/error.h"
#include "base/file.h"

#include <stddef.h>

typedef struct hg_file_writer {
    int fd; /* -1 when closed */
    char path[HG_PATH_BYTES];
    char temporary[HG_PATH_BYTES];
} hg_file_writer;

/* Removes what writers of `path` left behind that were ended in the middle. Files that are being written, by
 * this process or another, are let be. */
void hg_file_writer_sweep(const char *path);

/* HG_STATUS_FAILED, with path and reason, when the folder cannot be written to. */
hg_status hg_file_writer_open(hg_file_writer *w, const char *path, hg_error *err) HG_MUST_CHECK;

hg_status hg_file_writer_write(hg_file_writer *w, const void *bytes, size_t n, hg_error *err) HG_MUST_CHECK;

/* Flushes to disk and renames. The writer is closed afterwards, whatever the result. */
hg_status hg_file_writer_commit(hg_file_writer *w, hg_error *err) HG_MUST_CHECK;

/* Removes the temporary file; does nothing on a closed writer. */
void hg_file_writer_abandon(hg_file_writer *w);

#endif
