/* SPDX-License-Identifier: Apache-2.0
 *
 * json_file.h: bounded JSON (through jansson, which limits depth), and typed members with range checks.
 * Getters take the object's name for error texts: "config.json: hidden_size is 0, expected 1 to 1048576". A
 * member that is missing or null gets the default.
 */
#ifndef HG_FORMATS_JSON_FILE_H
#define HG_FORMATS_JSON_FILE_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HG_JSON_CONFIG_BYTES ((size_t)4 << 20) /* largest settings file */

/* Parses an object; duplicate keys are refused, whole numbers beyond 64 bits are real numbers. The result is
 * the caller's (json_decref). `what` begins the error text. */
hg_status hg_json_parse(json_t **out, const char *what, const char *text, size_t bytes, size_t max_bytes,
                        hg_error *err) HG_MUST_CHECK;

/* A whole number of minimum..maximum. */
hg_status hg_json_get_int(const json_t *object, const char *what, const char *key, int64_t minimum,
                          int64_t maximum, int64_t *value, hg_error *err) HG_MUST_CHECK;

/* As above, but HG_STATUS_INPUT when it is missing. */
hg_status hg_json_need_int(const json_t *object, const char *what, const char *key, int64_t minimum,
                           int64_t maximum, int64_t *value, hg_error *err) HG_MUST_CHECK;

hg_status hg_json_get_double(const json_t *object, const char *what, const char *key, double minimum,
                             double maximum, double *value, hg_error *err) HG_MUST_CHECK;
hg_status hg_json_get_bool(const json_t *object, const char *what, const char *key, bool *value,
                           hg_error *err) HG_MUST_CHECK;

/* Copies a string of less than `capacity` bytes; left as it was when missing. */
hg_status hg_json_get_text(const json_t *object, const char *what, const char *key, char *value,
                           size_t capacity, hg_error *err) HG_MUST_CHECK;

#endif
