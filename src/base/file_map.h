/* SPDX-License-Identifier: Apache-2.0
 *
 * file_map.h: a file as read-only memory. Weights are used straight from the map: pages come in when they are
 * read and are shared between processes.
 */
#ifndef HG_BASE_FILE_MAP_H
#define HG_BASE_FILE_MAP_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hg_file_map {
    const uint8_t *data; /* `size` bytes, read-only; NULL for an empty file */
    size_t size;
    bool is_copy; /* the bytes are memory of this process, no longer the file's (hg_file_map_use_huge) */
} hg_file_map;

/* Maps a regular file. HG_STATUS_INPUT when it is missing, a folder, or cannot be read; the error names the
 * path. The file must not be shortened by others while it is mapped (the system would end the process), as
 * for every mapped program. */
hg_status hg_file_map_open(hg_file_map *map, const char *path, hg_error *err) HG_MUST_CHECK;
void hg_file_map_close(hg_file_map *map);

/* Reads the file into memory and keeps it there until the map is closed (mlock). Returns 0, or the errno of
 * why the system does not allow it; the map is as good as before then. */
int hg_file_map_lock(const hg_file_map *map);

/* Bytes that this process may lock; UINT64_MAX when nothing limits it. */
uint64_t hg_file_map_lock_limit(void);

/* How far maps have come to lie in huge pages. */
typedef struct hg_huge_use {
    bool copy; /* wanted: a copy in memory of this process's own */
    int n_threads;
    uint64_t bytes, copied; /* of all files asked for so far, and of those that were copied */
    int reason;             /* errno of the last one that could not be copied; 0: all were */
} hg_huge_use;

/* Asks the system to keep the map in pages of 2 MiB. Without `copy` this costs nothing, and it is up to the
 * file system: parts of the file that are already in its cache in small pages stay so. With `copy` the bytes,
 * at the same addresses, become memory of this process's own, which takes reading all of the file, as much
 * memory as it is long, and is shared with no other process; the file's own pages are let go of as it goes
 * on. Nobody else may use the map meanwhile. A map that cannot be copied is as good as before. */
void hg_file_map_use_huge(hg_file_map *map, hg_huge_use *use);

/* Lets go of the memory of `n` bytes at `from`, if they lie in the map: they come back from the file when
 * they are read again. Work that goes through a large file once keeps its memory small with it. */
void hg_file_map_release(const hg_file_map *map, const void *from, size_t n);

#endif
