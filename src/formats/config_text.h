/* SPDX-License-Identifier: Apache-2.0
 *
 * config_text.h: the text of a small settings file of a model folder.
 */
#ifndef HG_FORMATS_CONFIG_TEXT_H
#define HG_FORMATS_CONFIG_TEXT_H

#include "base/buffer.h"
#include "base/file.h"

#include <stdbool.h>

#define HG_CONFIG_MAX_DIM ((int64_t)1 << 20) /* no width, count or id table of a model is larger */

/* path = folder/name, text = its content (at most 4 MB), both to name errors by. `*found` is false, with
 * HG_STATUS_OK, when there is no such file; pass NULL when that is an error. hg_buffer_deinit in any case. */
hg_status hg_config_text_read(hg_buffer *text, char path[HG_PATH_BYTES], const char *folder, const char *name,
                              bool *found, hg_error *err) HG_MUST_CHECK;

#endif
