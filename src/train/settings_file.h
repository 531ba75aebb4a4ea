/* SPDX-License-Identifier: Apache-2.0
 *
 * settings_file.h: the form of a settings file: lines `key = value`, `#` or `;` for remarks, and sections
 * `[NAME]`. What keys and sections there are is the reader's business.
 */
#ifndef HG_TRAIN_SETTINGS_FILE_H
#define HG_TRAIN_SETTINGS_FILE_H

#include "base/error.h"

/* Who hears what the file says, in its order. Texts are without the blanks and quotes around them, and live
 * during the call. */
typedef struct hg_settings_listener {
    hg_status (*on_section)(void *user, const char *name, hg_error *err);
    hg_status (*on_value)(void *user, const char *key, const char *value, hg_error *err);
    void *user;
} hg_settings_listener;

/* HG_STATUS_INPUT as "FILE:LINE: ..." for a line of no such form or one that the listener refuses; a file of
 * more than 1 MiB is refused. */
hg_status hg_settings_file_read(const char *path, const hg_settings_listener *listener,
                                hg_error *err) HG_MUST_CHECK;

#endif
