/* SPDX-License-Identifier: Apache-2.0
 *
 * name_table.c: open addressing, at most half full.
 */
#include "data/name_table.h"

#include "base/memory.h"

#include <string.h>

void hg_name_table_init(hg_name_table *t)
{
    *t = (hg_name_table){0};
}

void hg_name_table_deinit(hg_name_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        hg_mem_free(t->names[i]);
    hg_mem_free(t->names);
    hg_mem_free(t->slots);
    *t = (hg_name_table){0};
}

static uint64_t hash_name(const char *name)
{
    uint64_t h = 14695981039346656037U;
    for (; *name != 0; name++)
        h = (h ^ (unsigned char)*name) * 1099511628211U;
    return h ^ (h >> 29);
}

/* Where the name stands, or the free slot where it would. */
static size_t find_slot(const hg_name_table *t, const char *name)
{
    size_t at = (size_t)hash_name(name) & (t->n_slots - 1);
    while (t->slots[at] != 0 && strcmp(t->names[t->slots[at] - 1], name) != 0)
        at = (at + 1) & (t->n_slots - 1);
    return at;
}

static hg_status grow(hg_name_table *t, hg_error *err)
{
    size_t capacity = t->capacity == 0 ? 512 : 2 * t->capacity;
    if (capacity > (size_t)1 << 30)
        return hg_error_set(err, HG_STATUS_INPUT, "more than %zu names", t->n);
    char **names = hg_mem_resize(t->names, capacity, sizeof *names);
    if (names == NULL)
        return hg_error_memory(err, capacity * sizeof *names, "names");
    t->names = names;
    uint32_t *slots = hg_mem_array(2 * capacity, sizeof *slots);
    if (slots == NULL)
        return hg_error_memory(err, 2 * capacity * sizeof *slots, "names");
    hg_mem_free(t->slots);
    t->slots = slots;
    t->n_slots = 2 * capacity;
    t->capacity = capacity;
    for (size_t i = 0; i < t->n; i++)
        t->slots[find_slot(t, t->names[i])] = (uint32_t)(i + 1);
    return HG_STATUS_OK;
}

hg_status hg_name_table_get(hg_name_table *t, const char *name, size_t *number, bool *added, hg_error *err)
{
    if (t->n == t->capacity) {
        hg_status status = grow(t, err);
        if (status != HG_STATUS_OK)
            return status;
    }
    size_t slot = find_slot(t, name);
    bool is_new = t->slots[slot] == 0;
    if (is_new) {
        t->names[t->n] = hg_mem_string(name);
        if (t->names[t->n] == NULL)
            return hg_error_memory(err, strlen(name), "a name");
        t->slots[slot] = (uint32_t)++t->n;
    }
    if (added != NULL)
        *added = is_new;
    *number = t->slots[slot] - 1;
    return HG_STATUS_OK;
}

bool hg_name_table_has(const hg_name_table *t, const char *name)
{
    return t->n_slots > 0 && t->slots[find_slot(t, name)] != 0;
}

size_t hg_group_find(uint32_t *parent, size_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

void hg_group_join(uint32_t *parent, size_t i, size_t j)
{
    size_t a = hg_group_find(parent, i), b = hg_group_find(parent, j);
    if (a < b)
        parent[b] = (uint32_t)a;
    else
        parent[a] = (uint32_t)b;
}
