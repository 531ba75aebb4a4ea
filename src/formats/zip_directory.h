/* SPDX-License-Identifier: Apache-2.0
 *
 * zip_directory.h: where the entries of a zip archive in memory lie, so that stored ones can be used in
 * place. (libzip reads entries through copies and does not tell where they begin.) Checked: the directory and
 * every entry lie in the file, entries do not overlap, names are unique, and the local header repeats the
 * directory.
 */
#ifndef HG_FORMATS_ZIP_DIRECTORY_H
#define HG_FORMATS_ZIP_DIRECTORY_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hg_zip_entry {
    const char *name;    /* as in the archive, terminated; in the arena */
    const uint8_t *data; /* `bytes` as stored */
    size_t bytes;
    uint32_t crc32;    /* of the content; not checked here */
    bool is_stored;    /* neither compressed nor encrypted */
    uint64_t position; /* of the local header */
} hg_zip_entry;

typedef struct hg_zip_directory {
    hg_zip_entry *entries; /* in the directory's order */
    size_t n_entries;
    const hg_zip_entry **by_name;
} hg_zip_directory;

/* True when `data` begins with a zip entry. */
bool hg_zip_detect(const uint8_t *data, size_t size);

/* Reads the directory of an archive with at least one entry; zip64 is understood. All memory is the arena's.
 */
hg_status hg_zip_directory_read(hg_zip_directory *out, hg_arena *arena, const uint8_t *data, size_t size,
                                hg_error *err) HG_MUST_CHECK;

/* NULL when there is none of that name. */
const hg_zip_entry *hg_zip_directory_find(const hg_zip_directory *d, const char *name);

#endif
