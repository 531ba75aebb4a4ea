/* SPDX-License-Identifier: Apache-2.0
 *
 * json_file.c: jansson behind limits. Its own messages are passed on with line and column. Python writes
 * whole numbers of any length (transformers states "no limit" as 10^30); those beyond 64 bits become real
 * numbers.
 */
#include "formats/json_file.h"

#include "base/memory.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define LONGEST_INTEGER 18 /* digits that always fit 64 bits */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Rewrites in place the last two digits of each longer whole number outside strings as "e2": the same number,
 * rounded, as a real one. The length stays, so positions in error texts do too. */
static void shorten_integers(char *text, size_t bytes)
{
    bool in_string = false;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '"')
            in_string = !in_string;
        else if (in_string && text[i] == '\\')
            i++;
        if (in_string || !is_digit(text[i]))
            continue;
        size_t begin = i;
        while (i < bytes && is_digit(text[i]))
            i++;
        bool whole = (begin == 0 || strchr(".eE+", text[begin - 1]) == NULL) &&
                     (i == bytes || strchr(".eE", text[i]) == NULL);
        if (whole && i - begin > LONGEST_INTEGER)
            memcpy(text + i - 2, "e2", 2);
        i--;
    }
}

static json_t *json_load(const char *text, size_t bytes, json_error_t *reason)
{
    json_t *root = json_loadb(bytes == 0 ? "" : text, bytes, JSON_REJECT_DUPLICATES, reason);
    if (root != NULL || json_error_code(reason) != json_error_numeric_overflow)
        return root;
    char *copy = hg_mem_string_n(text, bytes);
    if (copy == NULL)
        return NULL;
    shorten_integers(copy, bytes);
    root = json_loadb(copy, bytes, JSON_REJECT_DUPLICATES, reason);
    hg_mem_free(copy);
    return root;
}

hg_status hg_json_parse(json_t **out, const char *what, const char *text, size_t bytes, size_t max_bytes,
                        hg_error *err)
{
    *out = NULL;
    if (bytes > max_bytes)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %zu bytes, at most %zu are read", what, bytes,
                            max_bytes);
    json_error_t reason;
    json_t *root = json_load(text, bytes, &reason);
    if (root == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: not valid JSON: line %d column %d: %s", what,
                            reason.line, reason.column, reason.text);
    if (!json_is_object(root)) {
        json_decref(root);
        return hg_error_set(err, HG_STATUS_INPUT, "%s: not a JSON object", what);
    }
    *out = root;
    return HG_STATUS_OK;
}

/* The member, or NULL when it is missing or null. */
static const json_t *json_member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

hg_status hg_json_get_int(const json_t *object, const char *what, const char *key, int64_t minimum,
                          int64_t maximum, int64_t *value, hg_error *err)
{
    const json_t *member = json_member(object, key);
    if (member == NULL)
        return HG_STATUS_OK;
    if (!json_is_integer(member))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s is not a whole number", what, key);
    json_int_t number = json_integer_value(member);
    if (number < minimum || number > maximum)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s is %" PRId64 ", expected %" PRId64 " to %" PRId64,
                            what, key, (int64_t)number, minimum, maximum);
    *value = number;
    return HG_STATUS_OK;
}

hg_status hg_json_need_int(const json_t *object, const char *what, const char *key, int64_t minimum,
                           int64_t maximum, int64_t *value, hg_error *err)
{
    if (json_member(object, key) == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s is missing", what, key);
    return hg_json_get_int(object, what, key, minimum, maximum, value, err);
}

hg_status hg_json_get_double(const json_t *object, const char *what, const char *key, double minimum,
                             double maximum, double *value, hg_error *err)
{
    const json_t *member = json_member(object, key);
    if (member == NULL)
        return HG_STATUS_OK;
    if (!json_is_number(member))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s is not a number", what, key);
    double number = json_number_value(member);
    if (!isfinite(number) || number < minimum || number > maximum)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s is %g, expected %g to %g", what, key, number,
                            minimum, maximum);
    *value = number;
    return HG_STATUS_OK;
}

hg_status hg_json_get_bool(const json_t *object, const char *what, const char *key, bool *value,
                           hg_error *err)
{
    const json_t *member = json_member(object, key);
    if (member == NULL)
        return HG_STATUS_OK;
    if (!json_is_boolean(member))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s is neither true nor false", what, key);
    *value = json_is_true(member);
    return HG_STATUS_OK;
}

hg_status hg_json_get_text(const json_t *object, const char *what, const char *key, char *value,
                           size_t capacity, hg_error *err)
{
    const json_t *member = json_member(object, key);
    if (member == NULL)
        return HG_STATUS_OK;
    if (!json_is_string(member))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s is not a string", what, key);
    /* jansson refuses zero bytes in strings, so this length is all of it. */
    size_t bytes = json_string_length(member);
    if (bytes >= capacity)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s has %zu bytes, at most %zu", what, key, bytes,
                            capacity - 1);
    memcpy(value, json_string_value(member), bytes + 1);
    return HG_STATUS_OK;
}
