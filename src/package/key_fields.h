/* SPDX-License-Identifier: Apache-2.0
 *
 * key_fields.h: a settings struct as a table of keys, one line a member, that writes and reads it.
 */
#ifndef HG_PACKAGE_KEY_FIELDS_H
#define HG_PACKAGE_KEY_FIELDS_H

#include "formats/gguf.h"
#include "formats/gguf_builder.h"

#include <stddef.h>

typedef enum hg_key_kind {
    HG_KEY_I64,  /* int64_t, written as u32 */
    HG_KEY_I32,  /* int32_t */
    HG_KEY_INT,  /* int, written as u32 */
    HG_KEY_F32,  /* float */
    HG_KEY_F64,  /* double, written as f32 */
    HG_KEY_BOOL, /* bool */
    HG_KEY_TEXT  /* char[max], with its zero; left out when empty */
} hg_key_kind;

typedef struct hg_key_field {
    const char *key; /* behind the prefix */
    hg_key_kind kind;
    size_t offset; /* of the member */
    double min, max;
    bool optional; /* may be missing: the member stays as it is */
} hg_key_field;

#define HG_KEY_BYTES 128

/* Keys are "<prefix>.<key>"; tables end with a NULL key. */
void hg_key_fields_put(hg_gguf_builder *b, const char *prefix, const hg_key_field *fields, const void *from);
hg_status hg_key_fields_get(const hg_gguf *g, const char *prefix, const hg_key_field *fields, void *to,
                            hg_error *err) HG_MUST_CHECK;

/* Arrays of 0..max whole numbers in minimum..maximum; *n is their count. */
hg_status hg_key_get_i64s(const hg_gguf *g, const char *key, int64_t minimum, int64_t maximum, int max,
                          int64_t *values, int *n, hg_error *err) HG_MUST_CHECK;
void hg_key_put_i64s(hg_gguf_builder *b, const char *key, const int64_t *values, int n);

/* A text without zeros, copied with one; HG_STATUS_INPUT when it does not fit. */
hg_status hg_key_get_text(const hg_gguf *g, const char *key, char *out, size_t capacity,
                          hg_error *err) HG_MUST_CHECK;

#endif
