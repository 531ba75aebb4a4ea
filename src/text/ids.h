/* SPDX-License-Identifier: Apache-2.0
 *
 * ids.h: a growable list of token ids with a maximum.
 */
#ifndef HG_TEXT_IDS_H
#define HG_TEXT_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hg_ids {
    int32_t *data; /* n ids; NULL until there is room for some */
    size_t n;
    size_t capacity;
    size_t max; /* n may not pass this */
} hg_ids;

/* An empty list that may grow to `max` ids; allocates nothing. */
void hg_ids_init(hg_ids *ids, size_t max);
void hg_ids_deinit(hg_ids *ids);

/* Makes room, so that appending `n` ids allocates nothing; false when memory is short or the maximum would be
 * passed. */
bool hg_ids_reserve(hg_ids *ids, size_t n);

/* Appends; false when memory is short or the maximum would be passed (nothing is appended then). */
bool hg_ids_push(hg_ids *ids, int32_t id);

#endif
