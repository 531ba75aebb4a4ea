/* SPDX-License-Identifier: Apache-2.0
 *
 * gguf_value.h: how gguf.c and gguf_value.c share a metadata value.
 */
#ifndef HG_FORMATS_GGUF_VALUE_H
#define HG_FORMATS_GGUF_VALUE_H

#include "formats/gguf.h"

struct hg_gguf_value {
    const char *key;
    hg_gguf_type type;
    hg_gguf_type element;        /* of an array */
    size_t count;                /* of an array */
    const uint8_t *data;         /* scalars, or the elements of an array but of strings; may be misaligned */
    hg_gguf_text text;           /* of a string */
    const hg_gguf_text *strings; /* of an array of strings */
};

/* Bytes of a scalar type; 0 for strings and arrays. */
size_t hg_gguf_type_bytes(hg_gguf_type type);

/* An unsigned little-endian number of n <= 8 bytes. */
uint64_t hg_gguf_load(const uint8_t *data, size_t n);

#endif
