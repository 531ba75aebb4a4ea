/* SPDX-License-Identifier: Apache-2.0
 *
 * gguf_value.c: typed access to GGUF metadata. Writers differ in the integer types they choose for one key,
 * so any of them serves, with a range check; nothing is converted between numbers, strings and booleans.
 */
#include "formats/gguf_value.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const struct gguf_type {
    const char *name;
    size_t bytes;
} gguf_types[] = {
    [HG_GGUF_U8] = {"u8", 1},       [HG_GGUF_I8] = {"i8", 1},     [HG_GGUF_U16] = {"u16", 2},
    [HG_GGUF_I16] = {"i16", 2},     [HG_GGUF_U32] = {"u32", 4},   [HG_GGUF_I32] = {"i32", 4},
    [HG_GGUF_F32] = {"f32", 4},     [HG_GGUF_BOOL] = {"bool", 1}, [HG_GGUF_STRING] = {"string", 0},
    [HG_GGUF_ARRAY] = {"array", 0}, [HG_GGUF_U64] = {"u64", 8},   [HG_GGUF_I64] = {"i64", 8},
    [HG_GGUF_F64] = {"f64", 8},
};

/* A whole number of either signedness: the value is -1 - magnitude when negative. */
typedef struct gguf_integer {
    bool negative;
    uint64_t magnitude;
} gguf_integer;

size_t hg_gguf_type_bytes(hg_gguf_type type)
{
    return gguf_types[type].bytes;
}

const char *hg_gguf_type_name(hg_gguf_type type)
{
    return gguf_types[type].name;
}

uint64_t hg_gguf_load(const uint8_t *data, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)data[i] << (8 * i);
    return value;
}

const char *hg_gguf_value_key(const hg_gguf_value *v)
{
    return v->key;
}

hg_gguf_type hg_gguf_value_type(const hg_gguf_value *v)
{
    return v->type;
}

static bool load_integer(hg_gguf_type type, const uint8_t *data, gguf_integer *out)
{
    size_t n = gguf_types[type].bytes;
    switch (type) {
    case HG_GGUF_U8:
    case HG_GGUF_U16:
    case HG_GGUF_U32:
    case HG_GGUF_U64:
        *out = (gguf_integer){false, hg_gguf_load(data, n)};
        return true;
    case HG_GGUF_I8:
    case HG_GGUF_I16:
    case HG_GGUF_I32:
    case HG_GGUF_I64: {
        uint64_t bits = hg_gguf_load(data, n), mask = UINT64_MAX >> (64 - 8 * n);
        bool negative = (bits >> (8 * n - 1)) != 0;
        *out = (gguf_integer){negative, negative ? ~bits & mask : bits};
        return true;
    }
    default:
        return false;
    }
}

static bool load_float(hg_gguf_type type, const uint8_t *data, double *out)
{
    if (type == HG_GGUF_F32) {
        uint32_t bits = (uint32_t)hg_gguf_load(data, 4);
        float value;
        memcpy(&value, &bits, sizeof value);
        *out = (double)value;
        return true;
    }
    if (type == HG_GGUF_F64) {
        uint64_t bits = hg_gguf_load(data, 8);
        memcpy(out, &bits, sizeof *out);
        return true;
    }
    return false;
}

static hg_status value_need(const hg_gguf *g, const char *key, const hg_gguf_value **out, hg_error *err)
{
    *out = hg_gguf_find(g, key);
    if (*out == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "GGUF: key '%s' is missing", key);
    return HG_STATUS_OK;
}

static hg_status value_wrong_type(const hg_gguf_value *v, const char *expected, hg_error *err)
{
    return hg_error_set(err, HG_STATUS_INPUT, "GGUF: key '%s' is of type %s, expected %s", v->key,
                        gguf_types[v->type].name, expected);
}

static hg_status need_integer(const hg_gguf *g, const char *key, gguf_integer *out, hg_error *err)
{
    const hg_gguf_value *v = NULL;
    hg_status status = value_need(g, key, &v, err);
    if (status == HG_STATUS_OK && !load_integer(v->type, v->data, out))
        status = value_wrong_type(v, "an integer", err);
    return status;
}

/* An integer that fits 0..maximum. */
static hg_status need_unsigned(const hg_gguf *g, const char *key, uint64_t maximum, uint64_t *out,
                               hg_error *err)
{
    gguf_integer number = {0};
    hg_status status = need_integer(g, key, &number, err);
    if (status != HG_STATUS_OK)
        return status;
    if (number.negative || number.magnitude > maximum)
        return hg_error_set(err, HG_STATUS_INPUT, "GGUF: key '%s' is negative or larger than %" PRIu64, key,
                            maximum);
    *out = number.magnitude;
    return HG_STATUS_OK;
}

hg_status hg_gguf_get_u32(const hg_gguf *g, const char *key, uint32_t *out, hg_error *err)
{
    uint64_t value = 0;
    hg_status status = need_unsigned(g, key, UINT32_MAX, &value, err);
    if (status == HG_STATUS_OK)
        *out = (uint32_t)value;
    return status;
}

hg_status hg_gguf_get_u64(const hg_gguf *g, const char *key, uint64_t *out, hg_error *err)
{
    return need_unsigned(g, key, UINT64_MAX, out, err);
}

hg_status hg_gguf_get_i32(const hg_gguf *g, const char *key, int32_t *out, hg_error *err)
{
    gguf_integer number = {0};
    hg_status status = need_integer(g, key, &number, err);
    if (status != HG_STATUS_OK)
        return status;
    if (number.magnitude > INT32_MAX)
        return hg_error_set(err, HG_STATUS_INPUT, "GGUF: key '%s' does not fit 32 bits", key);
    *out = number.negative ? -1 - (int32_t)number.magnitude : (int32_t)number.magnitude;
    return HG_STATUS_OK;
}

hg_status hg_gguf_get_f32(const hg_gguf *g, const char *key, float *out, hg_error *err)
{
    const hg_gguf_value *v = NULL;
    double value = 0;
    hg_status status = value_need(g, key, &v, err);
    if (status != HG_STATUS_OK)
        return status;
    if (!load_float(v->type, v->data, &value))
        return value_wrong_type(v, "a floating point number", err);
    if (!isfinite((float)value))
        return hg_error_set(err, HG_STATUS_INPUT, "GGUF: key '%s' is %g, not a finite number", key, value);
    *out = (float)value;
    return HG_STATUS_OK;
}

hg_status hg_gguf_get_bool(const hg_gguf *g, const char *key, bool *out, hg_error *err)
{
    const hg_gguf_value *v = NULL;
    hg_status status = value_need(g, key, &v, err);
    if (status != HG_STATUS_OK)
        return status;
    if (v->type != HG_GGUF_BOOL)
        return value_wrong_type(v, "bool", err);
    *out = v->data[0] != 0;
    return HG_STATUS_OK;
}

hg_status hg_gguf_get_string(const hg_gguf *g, const char *key, hg_gguf_text *out, hg_error *err)
{
    const hg_gguf_value *v = NULL;
    hg_status status = value_need(g, key, &v, err);
    if (status != HG_STATUS_OK)
        return status;
    if (v->type != HG_GGUF_STRING)
        return value_wrong_type(v, "string", err);
    *out = v->text;
    return HG_STATUS_OK;
}

bool hg_gguf_string_is(const hg_gguf *g, const char *key, const char *text)
{
    const hg_gguf_value *v = hg_gguf_find(g, key);
    return v != NULL && v->type == HG_GGUF_STRING && v->text.size == strlen(text) &&
           memcmp(v->text.data, text, v->text.size) == 0;
}

/* Whether elements of `type` can be read as `kind`. */
static bool element_fits(hg_gguf_type type, hg_gguf_type kind)
{
    static const uint8_t zeros[8];
    gguf_integer integer;
    double number;
    if (kind == HG_GGUF_I32)
        return load_integer(type, zeros, &integer);
    if (kind == HG_GGUF_F32)
        return load_float(type, zeros, &number);
    return type == kind;
}

hg_status hg_gguf_get_array(const hg_gguf *g, const char *key, hg_gguf_type kind, const hg_gguf_value **out,
                            hg_error *err)
{
    if (kind != HG_GGUF_STRING && kind != HG_GGUF_I32 && kind != HG_GGUF_F32 && kind != HG_GGUF_BOOL)
        return hg_error_set(err, HG_STATUS_USAGE, "GGUF: arrays cannot be read as type %d", (int)kind);
    const hg_gguf_value *v = NULL;
    hg_status status = value_need(g, key, &v, err);
    if (status != HG_STATUS_OK)
        return status;
    if (v->type != HG_GGUF_ARRAY)
        return value_wrong_type(v, "array", err);
    if (!element_fits(v->element, kind))
        return hg_error_set(err, HG_STATUS_INPUT, "GGUF: key '%s' is an array of %s, expected %s", key,
                            gguf_types[v->element].name, gguf_types[kind].name);
    *out = v;
    return HG_STATUS_OK;
}

size_t hg_gguf_array_count(const hg_gguf_value *array)
{
    return array->count;
}

hg_gguf_text hg_gguf_array_string(const hg_gguf_value *array, size_t i)
{
    return array->strings[i];
}

int32_t hg_gguf_array_i32(const hg_gguf_value *array, size_t i)
{
    gguf_integer number = {false, 0};
    load_integer(array->element, array->data + i * gguf_types[array->element].bytes, &number);
    if (number.magnitude > INT32_MAX)
        return number.negative ? INT32_MIN : INT32_MAX;
    return number.negative ? -1 - (int32_t)number.magnitude : (int32_t)number.magnitude;
}

float hg_gguf_array_f32(const hg_gguf_value *array, size_t i)
{
    double number = 0;
    load_float(array->element, array->data + i * gguf_types[array->element].bytes, &number);
    return (float)number;
}

bool hg_gguf_array_bool(const hg_gguf_value *array, size_t i)
{
    return array->data[i] != 0;
}
