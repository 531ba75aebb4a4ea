/* SPDX-License-Identifier: Apache-2.0
 *
 * file_hash.h: SHA-256 of the files that a package was made from.
 */
#ifndef HG_PACKAGE_FILE_HASH_H
#define HG_PACKAGE_FILE_HASH_H

#include "base/error.h"

#include <healthgpt/progress.h>

#define HG_FILE_HASH_BYTES 65 /* 64 hexadecimal digits and a zero */

/* Progress in megabytes over several files: `done` grows by what is read. */
typedef struct hg_hash_progress {
    const hg_progress *progress;
    const char *stage;
    uint64_t done, total; /* bytes */
} hg_hash_progress;

/* Reads the file once, in pieces. */
hg_status hg_file_hash(const char *path, char out[HG_FILE_HASH_BYTES], hg_hash_progress *progress,
                       hg_error *err) HG_MUST_CHECK;

/* Counts `bytes` in; HG_STATUS_FAILED and "cancelled" when the caller wants to stop. */
hg_status hg_hash_progress_add(hg_hash_progress *p, uint64_t bytes, hg_error *err) HG_MUST_CHECK;

#endif
