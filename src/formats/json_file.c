/* SPDX-License-Identifier: Apache-2.0
 *
 * json_file.c: jansson behind limits. Its own messages are passed on with line and column.
 */
#include "formats/json_file.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

hg_status hg_json_parse(json_t **out, const char *what, const char *text, size_t bytes, size_t max_bytes,
                        hg_error *err)
{
    *out = NULL;
    if (bytes > max_bytes)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %zu bytes, at most %zu are read", what, bytes,
                            max_bytes);
    json_error_t reason;
    json_t *root = json_loadb(bytes == 0 ? "" : text, bytes, JSON_REJECT_DUPLICATES, &reason);
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
