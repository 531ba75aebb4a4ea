/* SPDX-License-Identifier: Apache-2.0
 *
 * settings_file.c: cuts a settings file into sections, keys and values.
 */
#include "train/settings_file.h"

#include "base/buffer.h"
#include "base/file.h"

#include <string.h>

#define SETTINGS_MAX_BYTES ((size_t)1 << 20)

static char *trim(char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    size_t n = strlen(text);
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t' || text[n - 1] == '\r'))
        text[--n] = 0;
    if (n >= 2 && text[0] == '"' && text[n - 1] == '"') {
        text[n - 1] = 0;
        text++;
    }
    return text;
}

static hg_status read_line(char *line, const hg_settings_listener *listener, hg_error *err)
{
    line = trim(line);
    if (line[0] == 0 || line[0] == '#' || line[0] == ';')
        return HG_STATUS_OK;
    if (line[0] == '[') {
        char *end = strchr(line, ']');
        if (end == NULL || end[1] != 0)
            return hg_error_set(err, HG_STATUS_INPUT, "a section is [STAGE]");
        *end = 0;
        return listener->on_section(listener->user, line + 1, err);
    }
    char *equals = strchr(line, '=');
    if (equals == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "no '=' in '%.60s'", line);
    *equals = 0;
    const char *key = trim(line);
    return listener->on_value(listener->user, key, trim(equals + 1), err);
}

hg_status hg_settings_file_read(const char *path, const hg_settings_listener *listener, hg_error *err)
{
    hg_buffer text;
    hg_buffer_init(&text, SETTINGS_MAX_BYTES);
    hg_status status = hg_file_read(path, &text, err);
    char *line = (char *)text.data;
    for (int number = 1; status == HG_STATUS_OK && line != NULL; number++) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end = 0;
        if (read_line(line, listener, err) != HG_STATUS_OK)
            status = hg_error_prefix(err, HG_STATUS_INPUT, "%s:%d", path, number);
        line = end == NULL ? NULL : end + 1;
    }
    hg_buffer_deinit(&text);
    return status;
}
