/* SPDX-License-Identifier: Apache-2.0
 *
 * config_text.c: reads a settings file with a bound on its size.
 */
#include "formats/config_text.h"

#define CONFIG_MAX_BYTES ((size_t)4 << 20)

hg_status hg_config_text_read(hg_buffer *text, char path[HG_PATH_BYTES], const char *folder, const char *name,
                              bool *found, hg_error *err)
{
    hg_buffer_init(text, CONFIG_MAX_BYTES);
    hg_status status = hg_path_join(path, folder, name, err);
    if (status != HG_STATUS_OK)
        return status;
    if (found != NULL) {
        *found = hg_file_exists(path);
        if (!*found)
            return HG_STATUS_OK;
    }
    return hg_file_read(path, text, err);
}
