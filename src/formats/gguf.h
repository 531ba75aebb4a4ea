/* SPDX-License-Identifier: Apache-2.0
 *
 * gguf.h: GGUF versions 2 and 3, little-endian.
 *
 *     "GGUF", u32 version, u64 n_tensors, u64 n_values
 *     n_values x  { string key, u32 type, value }           string: u64 bytes, bytes
 *     n_tensors x { string name, u32 n_dims, u64 dims[n_dims] innermost first, u32 type, u64 offset }
 *     padding to general.alignment (32), then the data, where the offsets count from
 *
 * Everything borrowed from an hg_gguf lives until it is closed. Strings are bytes with a length: files do not
 * promise UTF-8 and may hold zeros.
 */
#ifndef HG_FORMATS_GGUF_H
#define HG_FORMATS_GGUF_H

#include "base/error.h"
#include "formats/tensor_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The numbers are the file's. */
typedef enum hg_gguf_type {
    HG_GGUF_U8 = 0,
    HG_GGUF_I8 = 1,
    HG_GGUF_U16 = 2,
    HG_GGUF_I16 = 3,
    HG_GGUF_U32 = 4,
    HG_GGUF_I32 = 5,
    HG_GGUF_F32 = 6,
    HG_GGUF_BOOL = 7,
    HG_GGUF_STRING = 8,
    HG_GGUF_ARRAY = 9,
    HG_GGUF_U64 = 10,
    HG_GGUF_I64 = 11,
    HG_GGUF_F64 = 12
} hg_gguf_type;

typedef struct hg_gguf_text {
    const char *data; /* not terminated */
    size_t size;
} hg_gguf_text;

typedef struct hg_gguf hg_gguf;
typedef struct hg_gguf_value hg_gguf_value;

/* Reads a file; one without tensors (a vocabulary) is allowed. */
hg_status hg_gguf_open(hg_gguf **out, const char *path, hg_error *err) HG_MUST_CHECK;

/* The same on memory that outlives it. */
hg_status hg_gguf_open_memory(hg_gguf **out, const uint8_t *data, size_t size, hg_error *err) HG_MUST_CHECK;
void hg_gguf_close(hg_gguf *g); /* NULL is allowed */

bool hg_gguf_detect(const uint8_t *data, size_t size);

/* All metadata, in the file's order. */
size_t hg_gguf_n_values(const hg_gguf *g);
const hg_gguf_value *hg_gguf_get_value(const hg_gguf *g, size_t i);

const hg_gguf_value *hg_gguf_find(const hg_gguf *g, const char *key); /* NULL: no such key */
const char *hg_gguf_value_key(const hg_gguf_value *v);
hg_gguf_type hg_gguf_value_type(const hg_gguf_value *v);
const char *hg_gguf_type_name(hg_gguf_type type); /* "u32", "string", ... */

/* Scalars by key. HG_STATUS_INPUT, naming the key, when it is missing, of another type, or out of the
 * result's range; any integer type serves for integers, f32 and f64 (finite) for f32. `*out` is only written
 * on success. */
hg_status hg_gguf_get_u32(const hg_gguf *g, const char *key, uint32_t *out, hg_error *err) HG_MUST_CHECK;
hg_status hg_gguf_get_i32(const hg_gguf *g, const char *key, int32_t *out, hg_error *err) HG_MUST_CHECK;
hg_status hg_gguf_get_u64(const hg_gguf *g, const char *key, uint64_t *out, hg_error *err) HG_MUST_CHECK;
hg_status hg_gguf_get_f32(const hg_gguf *g, const char *key, float *out, hg_error *err) HG_MUST_CHECK;
hg_status hg_gguf_get_bool(const hg_gguf *g, const char *key, bool *out, hg_error *err) HG_MUST_CHECK;
hg_status hg_gguf_get_string(const hg_gguf *g, const char *key, hg_gguf_text *out,
                             hg_error *err) HG_MUST_CHECK;

/* True when the key holds exactly this string. */
bool hg_gguf_string_is(const hg_gguf *g, const char *key, const char *text);

/* Arrays by key. With HG_GGUF_STRING the elements must be strings, with HG_GGUF_I32 any integers, with
 * HG_GGUF_F32 f32 or f64, with HG_GGUF_BOOL booleans; other `kind`s are HG_STATUS_USAGE. */
hg_status hg_gguf_get_array(const hg_gguf *g, const char *key, hg_gguf_type kind, const hg_gguf_value **out,
                            hg_error *err) HG_MUST_CHECK;
size_t hg_gguf_array_count(const hg_gguf_value *array);

/* Element i < count of an array got with the kind that matches. Integers outside i32 give the nearest i32. */
hg_gguf_text hg_gguf_array_string(const hg_gguf_value *array, size_t i);
int32_t hg_gguf_array_i32(const hg_gguf_value *array, size_t i);
float hg_gguf_array_f32(const hg_gguf_value *array, size_t i);
bool hg_gguf_array_bool(const hg_gguf_value *array, size_t i);

/* Pushes all tensors, dimensions in PyTorch's order. Types that hg_dtype lacks are listed as unsupported.
 * Extents were checked on opening. */
hg_status hg_gguf_list_tensors(const hg_gguf *g, hg_tensor_list *out, hg_error *err) HG_MUST_CHECK;

/* The file's number of an element type; HG_DTYPE_F64 has one too (28), though tensors of it are not used. */
uint32_t hg_gguf_tensor_type(hg_dtype dtype);

#endif
