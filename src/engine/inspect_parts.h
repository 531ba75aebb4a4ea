/* SPDX-License-Identifier: Apache-2.0
 *
 * inspect_parts.h: weights described as JSON, for inspect.c and inspect_card.c.
 */
#ifndef HG_ENGINE_INSPECT_PARTS_H
#define HG_ENGINE_INSPECT_PARTS_H

#include "package/source_parts.h"

#include <jansson.h>

/* Numbers and bytes of tensors, by type. */
typedef struct hg_inspect_sizes {
    size_t n_tensors, n_unsupported;
    size_t n[HG_DTYPE_COUNT];
    uint64_t bytes[HG_DTYPE_COUNT];
    uint64_t total; /* bytes of the tensors that can be used */
} hg_inspect_sizes;

void hg_inspect_count(hg_inspect_sizes *sizes, const hg_tensor_set *set); /* adds the set's tensors */

/* "tensors_count", "bytes", "types": {"f16": 3} and "bytes_by_type". */
void hg_inspect_put_sizes(json_t *to, const hg_inspect_sizes *sizes);

/* The text with U+FFFD for what is not UTF-8: names, paths and messages may be any bytes. */
json_t *hg_inspect_text(const char *text);

/* to[key] = text, unless it is empty. */
void hg_inspect_put_text(json_t *to, const char *key, const char *text);

/* What opened weights hold, with every tensor on request. */
json_t *hg_inspect_set(const hg_tensor_set *set, const char *path, bool with_tensors);

/* All parts by name; empty objects for those that are missing. Their sizes are added to `sizes`. */
json_t *hg_inspect_parts(const hg_source *s, const hg_part_problems *problems, bool with_tensors,
                         hg_inspect_sizes *sizes);

#endif
