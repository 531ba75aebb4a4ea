/* SPDX-License-Identifier: Apache-2.0
 *
 * error.c: formatting of error texts. Invariant: the text is always terminated and always one printable line,
 * because parts of it come from untrusted files.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void error_clean(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != 0; c++) {
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
}

hg_status hg_error_set(hg_error *err, hg_status code, const char *format, ...)
{
    if (err == NULL)
        return code;
    /* Formatted aside first: the arguments may point into err->text itself. */
    char text[HG_ERROR_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_clean(text);
    err->code = code;
    memcpy(err->text, text, sizeof text);
    return code;
}

hg_status hg_error_prefix(hg_error *err, hg_status code, const char *format, ...)
{
    if (err == NULL)
        return code;
    char prefix[HG_ERROR_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    char text[2 * HG_ERROR_TEXT_BYTES + 2];
    snprintf(text, sizeof text, "%s: %s", prefix, err->text);
    text[HG_ERROR_TEXT_BYTES - 1] = 0;
    error_clean(text);
    err->code = code;
    memcpy(err->text, text, HG_ERROR_TEXT_BYTES);
    return code;
}

hg_status hg_error_memory(hg_error *err, unsigned long long bytes, const char *what)
{
    return hg_error_set(err, HG_STATUS_FAILED, "out of memory (%llu bytes for %s)", bytes, what);
}
