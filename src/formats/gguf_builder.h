/* SPDX-License-Identifier: Apache-2.0
 *
 * gguf_builder.h: collects the metadata of a GGUF file to be written, in the file's own encoding. The first
 * failure sticks: later calls do nothing, and hg_gguf_builder_status tells, so that a list of keys reads as
 * one. Keys must be new; that is checked when the status is asked for.
 */
#ifndef HG_FORMATS_GGUF_BUILDER_H
#define HG_FORMATS_GGUF_BUILDER_H

#include "base/buffer.h"
#include "formats/gguf.h"

typedef struct hg_gguf_builder {
    hg_buffer bytes;   /* n_values encoded values, one after the other */
    uint64_t n_values; /* keys so far */
    uint64_t n_left;   /* elements that the array begun last still wants */
    hg_gguf_type element;
    hg_error error;
} hg_gguf_builder;

void hg_gguf_builder_init(hg_gguf_builder *b);
void hg_gguf_builder_deinit(hg_gguf_builder *b);

/* Scalars. Text is bytes; `n` of them, or up to the zero. */
void hg_gguf_put_u32(hg_gguf_builder *b, const char *key, uint32_t value);
void hg_gguf_put_i32(hg_gguf_builder *b, const char *key, int32_t value);
void hg_gguf_put_u64(hg_gguf_builder *b, const char *key, uint64_t value);
void hg_gguf_put_f32(hg_gguf_builder *b, const char *key, float value);
void hg_gguf_put_f64(hg_gguf_builder *b, const char *key, double value);
void hg_gguf_put_bool(hg_gguf_builder *b, const char *key, bool value);
void hg_gguf_put_text(hg_gguf_builder *b, const char *key, const char *text);
void hg_gguf_put_bytes(hg_gguf_builder *b, const char *key, const char *bytes, size_t n);

/* A value that another file has, as it is. */
void hg_gguf_put_value(hg_gguf_builder *b, const hg_gguf_value *value);

/* Begins an array of `count` elements, which must be pushed right behind it with the call of its type
 * (HG_GGUF_STRING, I32, U32, F32, BOOL or U8). */
void hg_gguf_begin_array(hg_gguf_builder *b, const char *key, hg_gguf_type element, uint64_t count);
void hg_gguf_push_i32(hg_gguf_builder *b, int32_t value);
void hg_gguf_push_u32(hg_gguf_builder *b, uint32_t value);
void hg_gguf_push_f32(hg_gguf_builder *b, float value);
void hg_gguf_push_bool(hg_gguf_builder *b, bool value);
void hg_gguf_push_u8(hg_gguf_builder *b, uint8_t value);
void hg_gguf_push_text(hg_gguf_builder *b, const char *bytes, size_t n);

/* The first failure: memory (HG_STATUS_FAILED), or a wrong use (HG_STATUS_USAGE): a bad or repeated key, an
 * array with too few or other elements. */
hg_status hg_gguf_builder_status(const hg_gguf_builder *b, hg_error *err) HG_MUST_CHECK;

#endif
