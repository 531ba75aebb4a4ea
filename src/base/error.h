/* SPDX-License-Identifier: Apache-2.0
 *
 * error.h: fills the caller's hg_error.
 */
#ifndef HG_BASE_ERROR_H
#define HG_BASE_ERROR_H

#include <healthgpt/status.h>

#include <stdarg.h>

/* Writes `code` and the formatted text into `err` (which may be NULL) and returns `code`, so that a function
 * can end with `return hg_error_set(err, HG_STATUS_INPUT, "...", ...)`. Control characters (from file
 * contents) become '?', so the text stays one line; a text that is too long is cut after a whole character.
 */
hg_status hg_error_set(hg_error *err, hg_status code, const char *format, ...) HG_PRINTF(3, 4);
hg_status hg_error_set_list(hg_error *err, hg_status code, const char *format, va_list args) HG_PRINTF(3, 0);

/* Puts `format` and ": " before the text that `err` already holds; keeps its code and returns it. For callers
 * that know the file name which a parser of memory does not. */
hg_status hg_error_prefix(hg_error *err, hg_status code, const char *format, ...) HG_PRINTF(3, 4);

/* "out of memory (N bytes for WHAT)" as HG_STATUS_FAILED. */
hg_status hg_error_memory(hg_error *err, unsigned long long bytes, const char *what);

#endif
