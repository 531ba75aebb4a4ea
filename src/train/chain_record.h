/* SPDX-License-Identifier: Apache-2.0
 *
 * chain_record.h: settings.txt in the folder of a chain's stage: what the stage was begun with. A chain that
 * is continued with other settings or data would make a model of which nobody can say what it is made from:
 * it is refused, and what differs is told.
 */
#ifndef HG_TRAIN_CHAIN_RECORD_H
#define HG_TRAIN_CHAIN_RECORD_H

#include "base/buffer.h"
#include "base/file.h"

#define HG_CHAIN_RECORD_MAX_BYTES ((size_t)1 << 16)

/* Appends `name = HASH`, or `none` for the path "". HG_STATUS_INPUT for a file that cannot be read. */
hg_status hg_chain_record_add_file(hg_buffer *record, const char *name, const char *path,
                                   hg_error *err) HG_MUST_CHECK;

/* Writes FOLDER/settings.txt when the stage has not begun yet: there is neither a checkpoint nor the file
 * `finished`. Otherwise, when it is to be continued, compares: HG_STATUS_USAGE when a line differs. `record`
 * holds lines `key = value`, always the same keys in the same order. */
hg_status hg_chain_record_keep(const char *folder, const char *finished, const hg_buffer *record, bool resume,
                               hg_error *err) HG_MUST_CHECK;

#endif
