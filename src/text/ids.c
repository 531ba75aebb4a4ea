/* SPDX-License-Identifier: Apache-2.0
 *
 * ids.c: growth by doubling.
 */
#include "text/ids.h"

#include "base/memory.h"

void hg_ids_init(hg_ids *ids, size_t max)
{
    *ids = (hg_ids){.max = max};
}

void hg_ids_deinit(hg_ids *ids)
{
    hg_mem_free(ids->data);
    hg_ids_init(ids, ids->max);
}

static bool ids_resize(hg_ids *ids, size_t capacity)
{
    int32_t *data = hg_mem_resize(ids->data, capacity, sizeof *data);
    if (data == NULL)
        return false;
    ids->data = data;
    ids->capacity = capacity;
    return true;
}

bool hg_ids_reserve(hg_ids *ids, size_t n)
{
    if (n > ids->max - ids->n)
        return false;
    return n <= ids->capacity - ids->n || ids_resize(ids, ids->n + n);
}

bool hg_ids_push(hg_ids *ids, int32_t id)
{
    if (ids->n == ids->max)
        return false;
    if (ids->n == ids->capacity && !ids_resize(ids, ids->capacity == 0 ? 64 : 2 * ids->capacity))
        return false;
    ids->data[ids->n++] = id;
    return true;
}
