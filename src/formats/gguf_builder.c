/* SPDX-License-Identifier: Apache-2.0
 *
 * gguf_builder.c: values are encoded as they come, so a builder is little more than a buffer. Whether keys
 * repeat is found by reading the bytes back with the reader that everybody else uses.
 */
#include "formats/gguf_builder.h"

#include "formats/gguf_value.h"

#include <inttypes.h>
#include <string.h>

/* Vocabularies and chat templates take a few megabytes; the reader keeps an index of all of it in memory. */
#define BUILDER_MAX_BYTES ((size_t)1 << 30)
#define BUILDER_MAX_KEY 65535

void hg_gguf_builder_init(hg_gguf_builder *b)
{
    *b = (hg_gguf_builder){.element = HG_GGUF_U8};
    hg_buffer_init(&b->bytes, BUILDER_MAX_BYTES);
}

void hg_gguf_builder_deinit(hg_gguf_builder *b)
{
    hg_buffer_deinit(&b->bytes);
}

static bool builder_failed(const hg_gguf_builder *b)
{
    return b->error.code != HG_STATUS_OK;
}

static void builder_push(hg_gguf_builder *b, const void *bytes, size_t n)
{
    if (!builder_failed(b) && !hg_buffer_push(&b->bytes, bytes, n))
        (void)hg_error_memory(&b->error, n, "metadata of a GGUF file");
}

/* The lowest n <= 8 bytes, little-endian. */
static void builder_push_number(hg_gguf_builder *b, uint64_t value, size_t n)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    builder_push(b, bytes, n);
}

static void builder_push_string(hg_gguf_builder *b, const char *bytes, size_t n)
{
    builder_push_number(b, n, 8);
    if (n > 0)
        builder_push(b, bytes, n);
}

static uint32_t bits_of_f32(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Key and type of the next value. */
static void builder_begin(hg_gguf_builder *b, const char *key, hg_gguf_type type)
{
    size_t n = strlen(key);
    if (builder_failed(b))
        return;
    if (b->n_left != 0) {
        (void)hg_error_set(&b->error, HG_STATUS_USAGE,
                           "GGUF: an array before '%.60s' still wants %" PRIu64 " elements", key, b->n_left);
        return;
    }
    if (n == 0 || n > BUILDER_MAX_KEY) {
        (void)hg_error_set(&b->error, HG_STATUS_USAGE, "GGUF: a key of %zu bytes", n);
        return;
    }
    builder_push_string(b, key, n);
    builder_push_number(b, (uint64_t)type, 4);
    b->n_values++;
}

static void put_number(hg_gguf_builder *b, const char *key, hg_gguf_type type, uint64_t bits)
{
    builder_begin(b, key, type);
    builder_push_number(b, bits, hg_gguf_type_bytes(type));
}

void hg_gguf_put_u32(hg_gguf_builder *b, const char *key, uint32_t value)
{
    put_number(b, key, HG_GGUF_U32, value);
}

void hg_gguf_put_i32(hg_gguf_builder *b, const char *key, int32_t value)
{
    put_number(b, key, HG_GGUF_I32, (uint32_t)value);
}

void hg_gguf_put_u64(hg_gguf_builder *b, const char *key, uint64_t value)
{
    put_number(b, key, HG_GGUF_U64, value);
}

void hg_gguf_put_f32(hg_gguf_builder *b, const char *key, float value)
{
    put_number(b, key, HG_GGUF_F32, bits_of_f32(value));
}

void hg_gguf_put_f64(hg_gguf_builder *b, const char *key, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_number(b, key, HG_GGUF_F64, bits);
}

void hg_gguf_put_bool(hg_gguf_builder *b, const char *key, bool value)
{
    put_number(b, key, HG_GGUF_BOOL, value ? 1 : 0);
}

void hg_gguf_put_bytes(hg_gguf_builder *b, const char *key, const char *bytes, size_t n)
{
    builder_begin(b, key, HG_GGUF_STRING);
    builder_push_string(b, bytes, n);
}

void hg_gguf_put_text(hg_gguf_builder *b, const char *key, const char *text)
{
    hg_gguf_put_bytes(b, key, text, strlen(text));
}

void hg_gguf_put_value(hg_gguf_builder *b, const hg_gguf_value *value)
{
    if (value->type == HG_GGUF_STRING) {
        hg_gguf_put_bytes(b, value->key, value->text.data, value->text.size);
    } else if (value->type != HG_GGUF_ARRAY) {
        builder_begin(b, value->key, value->type);
        builder_push(b, value->data, hg_gguf_type_bytes(value->type));
    } else {
        hg_gguf_begin_array(b, value->key, value->element, value->count);
        b->n_left = 0; /* the elements come in one go */
        if (value->element != HG_GGUF_STRING && value->count > 0)
            builder_push(b, value->data, value->count * hg_gguf_type_bytes(value->element));
        for (size_t i = 0; value->element == HG_GGUF_STRING && i < value->count; i++)
            builder_push_string(b, value->strings[i].data, value->strings[i].size);
    }
}

void hg_gguf_begin_array(hg_gguf_builder *b, const char *key, hg_gguf_type element, uint64_t count)
{
    builder_begin(b, key, HG_GGUF_ARRAY);
    builder_push_number(b, (uint64_t)element, 4);
    builder_push_number(b, count, 8);
    b->element = element;
    b->n_left = count;
}

/* Counts one element of the array begun; false when it does not belong there. */
static bool builder_element(hg_gguf_builder *b, hg_gguf_type type)
{
    if (builder_failed(b))
        return false;
    if (b->n_left == 0 || b->element != type) {
        (void)hg_error_set(&b->error, HG_STATUS_USAGE,
                           "GGUF: an element of type %s in an array of %s with room for %" PRIu64,
                           hg_gguf_type_name(type), hg_gguf_type_name(b->element), b->n_left);
        return false;
    }
    b->n_left--;
    return true;
}

void hg_gguf_push_i32(hg_gguf_builder *b, int32_t value)
{
    if (builder_element(b, HG_GGUF_I32))
        builder_push_number(b, (uint32_t)value, 4);
}

void hg_gguf_push_u32(hg_gguf_builder *b, uint32_t value)
{
    if (builder_element(b, HG_GGUF_U32))
        builder_push_number(b, value, 4);
}

void hg_gguf_push_f32(hg_gguf_builder *b, float value)
{
    if (builder_element(b, HG_GGUF_F32))
        builder_push_number(b, bits_of_f32(value), 4);
}

void hg_gguf_push_bool(hg_gguf_builder *b, bool value)
{
    if (builder_element(b, HG_GGUF_BOOL))
        builder_push_number(b, value ? 1 : 0, 1);
}

void hg_gguf_push_u8(hg_gguf_builder *b, uint8_t value)
{
    if (builder_element(b, HG_GGUF_U8))
        builder_push_number(b, value, 1);
}

void hg_gguf_push_text(hg_gguf_builder *b, const char *bytes, size_t n)
{
    if (builder_element(b, HG_GGUF_STRING))
        builder_push_string(b, bytes, n);
}

static hg_status check_keys(const hg_gguf_builder *b, hg_error *err)
{
    hg_buffer file;
    hg_gguf *gguf = NULL;
    uint8_t head[24] = {'G', 'G', 'U', 'F', 3};
    for (size_t i = 0; i < 8; i++)
        head[16 + i] = (uint8_t)(b->n_values >> (8 * i));
    hg_buffer_init(&file, BUILDER_MAX_BYTES + sizeof head);
    hg_status status = HG_STATUS_OK;
    if (!hg_buffer_push(&file, head, sizeof head) ||
        (b->bytes.size > 0 && !hg_buffer_push(&file, b->bytes.data, b->bytes.size)))
        status = hg_error_memory(err, b->bytes.size, "metadata of a GGUF file");
    if (status == HG_STATUS_OK)
        status = hg_gguf_open_memory(&gguf, file.data, file.size, err);
    hg_gguf_close(gguf);
    hg_buffer_deinit(&file);
    if (status == HG_STATUS_INPUT) { /* what the reader refuses was put wrongly */
        status = HG_STATUS_USAGE;
        if (err != NULL)
            err->code = status;
    }
    return status;
}

hg_status hg_gguf_builder_status(const hg_gguf_builder *b, hg_error *err)
{
    if (builder_failed(b)) {
        if (err != NULL)
            *err = b->error;
        return b->error.code;
    }
    if (b->n_left != 0)
        return hg_error_set(err, HG_STATUS_USAGE, "GGUF: the last array still wants %" PRIu64 " elements",
                            b->n_left);
    return check_keys(b, err);
}
