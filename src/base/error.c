/* SPDX-License-Identifier: Apache-2.0
 *
 * error.c: formatting of error texts. Invariant: the text is always terminated and always one printable line,
 * because parts of it come from untrusted files.
 */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* Stores what fits of `text`, which may be longer. */
static hg_status error_keep(hg_error *err, hg_status code, const char *text)
{
    size_t n = strnlen(text, HG_ERROR_TEXT_BYTES);
    if (n == HG_ERROR_TEXT_BYTES) {
        n--;
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) /* inside a UTF-8 character */
            n--;
    }
    for (size_t i = 0; i < n; i++)
        err->text[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
    err->text[n] = 0;
    err->code = code;
    return code;
}

hg_status hg_error_set_list(hg_error *err, hg_status code, const char *format, va_list args)
{
    if (err == NULL)
        return code;
    /* Formatted aside first: the arguments may point into err->text itself. */
    char text[HG_ERROR_TEXT_BYTES + 1];
    vsnprintf(text, sizeof text, format, args);
    return error_keep(err, code, text);
}

hg_status hg_error_set(hg_error *err, hg_status code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    hg_error_set_list(err, code, format, args);
    va_end(args);
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
    return error_keep(err, code, text);
}

hg_status hg_error_memory(hg_error *err, unsigned long long bytes, const char *what)
{
    return hg_error_set(err, HG_STATUS_FAILED, "out of memory (%llu bytes for %s)", bytes, what);
}
