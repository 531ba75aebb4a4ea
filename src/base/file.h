/* SPDX-License-Identifier: Apache-2.0
 *
 * file.h: small whole files, paths and folders.
 */
#ifndef HG_BASE_FILE_H
#define HG_BASE_FILE_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HG_PATH_BYTES 4096

/* Appends the whole file to `out`; HG_STATUS_INPUT when it is missing or larger than the buffer's maximum. */
hg_status hg_file_read(const char *path, hg_buffer *out, hg_error *err) HG_MUST_CHECK;

/* Writes a new file under a temporary name beside `path`, flushes it to disk, then renames it: `path` is
 * either as it was or complete. HG_STATUS_FAILED when it cannot. */
hg_status hg_file_write(const char *path, const void *bytes, size_t n, hg_error *err) HG_MUST_CHECK;

/* Writes a file at once, neither under another name first nor flushed to disk: for many small files that
 * count for nothing until a list of them is written. HG_STATUS_FAILED when it cannot. */
hg_status hg_file_write_quick(const char *path, const void *bytes, size_t n, hg_error *err) HG_MUST_CHECK;

bool hg_file_exists(const char *path); /* a regular file (links followed) */
bool hg_folder_exists(const char *path);

/* Neither NULL nor "": the two ways to say that there is no path. */
bool hg_path_given(const char *path);

/* out = folder "/" name; HG_STATUS_INPUT when it is longer than HG_PATH_BYTES. */
hg_status hg_path_join(char out[HG_PATH_BYTES], const char *folder, const char *name,
                       hg_error *err) HG_MUST_CHECK;

/* The real path (links followed) of what lies at `name` in the folder; false when nothing is there, or when
 * it is not inside the folder. */
bool hg_path_resolve(char out[HG_PATH_BYTES], const char *folder, const char *name);

/* Bytes that the disk of a file at `path`, existing or not, has left; false when that is unknown. */
bool hg_file_free_bytes(const char *path, uint64_t *out);

/* The part after the last slash (borrowed from `path`). */
const char *hg_path_name(const char *path);

/* Calls `visit` with the name of every regular file of the folder, in byte order of the names. */
typedef hg_status (*hg_folder_visit)(void *user, const char *name, hg_error *err);
hg_status hg_folder_list(const char *path, hg_folder_visit visit, void *user, hg_error *err) HG_MUST_CHECK;

/* The same for the folder and those below it, at most `depth` (0..8) levels of them; links to folders are not
 * followed. `name` is the file's path from `path` on. A folder's own files come before those of the folders
 * in it. */
hg_status hg_folder_walk(const char *path, int depth, hg_folder_visit visit, void *user,
                         hg_error *err) HG_MUST_CHECK;

/* Makes the folder and those above it, as `mkdir -p`. */
hg_status hg_folder_create(const char *path, hg_error *err) HG_MUST_CHECK;

#endif
