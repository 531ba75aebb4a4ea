/* SPDX-License-Identifier: Apache-2.0
 *
 * key_fields.c: see key_fields.h.
 */
#include "package/key_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void key_name(char key[HG_KEY_BYTES], const char *prefix, const char *name)
{
    snprintf(key, HG_KEY_BYTES, "%s.%s", prefix, name);
}

static void field_put(hg_gguf_builder *b, const char *key, const hg_key_field *f, const uint8_t *at)
{
    switch (f->kind) {
    case HG_KEY_I64:
        hg_gguf_put_u32(b, key, (uint32_t) * (const int64_t *)(const void *)at);
        break;
    case HG_KEY_I32:
        hg_gguf_put_i32(b, key, *(const int32_t *)(const void *)at);
        break;
    case HG_KEY_INT:
        hg_gguf_put_u32(b, key, (uint32_t) * (const int *)(const void *)at);
        break;
    case HG_KEY_F32:
        hg_gguf_put_f32(b, key, *(const float *)(const void *)at);
        break;
    case HG_KEY_F64:
        hg_gguf_put_f32(b, key, (float)*(const double *)(const void *)at);
        break;
    case HG_KEY_BOOL:
        hg_gguf_put_bool(b, key, *(const bool *)(const void *)at);
        break;
    case HG_KEY_TEXT:
        if (*at != 0)
            hg_gguf_put_text(b, key, (const char *)at);
        break;
    }
}

void hg_key_fields_put(hg_gguf_builder *b, const char *prefix, const hg_key_field *fields, const void *from)
{
    for (; fields->key != NULL; fields++) {
        char key[HG_KEY_BYTES];
        key_name(key, prefix, fields->key);
        field_put(b, key, fields, (const uint8_t *)from + fields->offset);
    }
}

static hg_status get_whole(const hg_gguf *g, const char *key, const hg_key_field *f, int64_t *out,
                           hg_error *err)
{
    int32_t value = 0;
    hg_status status = hg_gguf_get_i32(g, key, &value, err);
    if (status != HG_STATUS_OK)
        return status;
    if (value < (int64_t)f->min || value > (int64_t)f->max)
        return hg_error_set(err, HG_STATUS_INPUT, "GGUF: %s is %" PRId32 ", expected %.0f to %.0f", key,
                            value, f->min, f->max);
    *out = value;
    return HG_STATUS_OK;
}

static hg_status get_real(const hg_gguf *g, const char *key, const hg_key_field *f, float *out, hg_error *err)
{
    float value = 0;
    hg_status status = hg_gguf_get_f32(g, key, &value, err);
    if (status != HG_STATUS_OK)
        return status;
    if (!((double)value >= f->min && (double)value <= f->max))
        return hg_error_set(err, HG_STATUS_INPUT, "GGUF: %s is %g, expected %g to %g", key, (double)value,
                            f->min, f->max);
    *out = value;
    return HG_STATUS_OK;
}

static hg_status field_get(const hg_gguf *g, const char *key, const hg_key_field *f, uint8_t *at,
                           hg_error *err)
{
    int64_t whole = 0;
    float real = 0;
    hg_status status = HG_STATUS_OK;
    if (f->kind == HG_KEY_I64 || f->kind == HG_KEY_I32 || f->kind == HG_KEY_INT)
        status = get_whole(g, key, f, &whole, err);
    else if (f->kind == HG_KEY_F32 || f->kind == HG_KEY_F64)
        status = get_real(g, key, f, &real, err);
    if (status != HG_STATUS_OK)
        return status;
    switch (f->kind) {
    case HG_KEY_I64:
        *(int64_t *)(void *)at = whole;
        break;
    case HG_KEY_I32:
        *(int32_t *)(void *)at = (int32_t)whole;
        break;
    case HG_KEY_INT:
        *(int *)(void *)at = (int)whole;
        break;
    case HG_KEY_F32:
        *(float *)(void *)at = real;
        break;
    case HG_KEY_F64:
        *(double *)(void *)at = (double)real;
        break;
    case HG_KEY_BOOL:
        return hg_gguf_get_bool(g, key, (bool *)(void *)at, err);
    case HG_KEY_TEXT:
        return hg_key_get_text(g, key, (char *)at, (size_t)f->max, err);
    }
    return HG_STATUS_OK;
}

hg_status hg_key_fields_get(const hg_gguf *g, const char *prefix, const hg_key_field *fields, void *to,
                            hg_error *err)
{
    for (; fields->key != NULL; fields++) {
        char key[HG_KEY_BYTES];
        key_name(key, prefix, fields->key);
        if (hg_gguf_find(g, key) == NULL && (fields->optional || fields->kind == HG_KEY_TEXT))
            continue;
        hg_status status = field_get(g, key, fields, (uint8_t *)to + fields->offset, err);
        if (status != HG_STATUS_OK)
            return status;
    }
    return HG_STATUS_OK;
}

hg_status hg_key_get_i64s(const hg_gguf *g, const char *key, int64_t minimum, int64_t maximum, int max,
                          int64_t *values, int *n, hg_error *err)
{
    const hg_gguf_value *array = NULL;
    hg_status status = hg_gguf_get_array(g, key, HG_GGUF_I32, &array, err);
    if (status != HG_STATUS_OK)
        return status;
    size_t count = hg_gguf_array_count(array);
    if (count > (size_t)max)
        return hg_error_set(err, HG_STATUS_INPUT, "GGUF: %s has %zu numbers, at most %d", key, count, max);
    for (size_t i = 0; i < count; i++) {
        values[i] = hg_gguf_array_i32(array, i);
        if (values[i] < minimum || values[i] > maximum)
            return hg_error_set(err, HG_STATUS_INPUT,
                                "GGUF: %s: number %zu is %" PRId64 ", expected %" PRId64 " to %" PRId64, key,
                                i, values[i], minimum, maximum);
    }
    *n = (int)count;
    return HG_STATUS_OK;
}

void hg_key_put_i64s(hg_gguf_builder *b, const char *key, const int64_t *values, int n)
{
    hg_gguf_begin_array(b, key, HG_GGUF_I32, (uint64_t)n);
    for (int i = 0; i < n; i++)
        hg_gguf_push_i32(b, (int32_t)values[i]);
}

hg_status hg_key_get_text(const hg_gguf *g, const char *key, char *out, size_t capacity, hg_error *err)
{
    hg_gguf_text text = {0};
    hg_status status = hg_gguf_get_string(g, key, &text, err);
    if (status != HG_STATUS_OK)
        return status;
    if (text.size >= capacity || memchr(text.data, 0, text.size) != NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "GGUF: %s: %zu bytes, at most %zu without zeros are read",
                            key, text.size, capacity - 1);
    memcpy(out, text.data, text.size);
    out[text.size] = 0;
    return HG_STATUS_OK;
}
