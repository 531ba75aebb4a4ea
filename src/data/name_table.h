/* SPDX-License-Identifier: Apache-2.0
 *
 * name_table.h: numbers for names: the same name always gets the same number, counted from 0. And sets of
 * numbers that belong together.
 */
#ifndef HG_DATA_NAME_TABLE_H
#define HG_DATA_NAME_TABLE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hg_name_table {
    char **names;
    size_t n, capacity;
    uint32_t *slots; /* number + 1; 0: free */
    size_t n_slots;
} hg_name_table;

void hg_name_table_init(hg_name_table *t);
void hg_name_table_deinit(hg_name_table *t);

/* *number of the name; *added (may be NULL) is set when it is new. HG_STATUS_FAILED when memory is short. */
hg_status hg_name_table_get(hg_name_table *t, const char *name, size_t *number, bool *added,
                            hg_error *err) HG_MUST_CHECK;

/* Whether there is such a name. */
bool hg_name_table_has(const hg_name_table *t, const char *name);

/* Sets of numbers: parent[i] leads to the smallest member of i's set. */
size_t hg_group_find(uint32_t *parent, size_t i);
void hg_group_join(uint32_t *parent, size_t i, size_t j);

#endif
