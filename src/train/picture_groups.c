/* SPDX-License-Identifier: Apache-2.0
 *
 * picture_groups.c: items are sorted by a hash of what they name, then groups by their first items. Two
 * pictures of one hash would merely be one group: what is shared is found out where the pixels are.
 */
#include "train/picture_groups.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* An item on its way to its group. */
typedef struct keyed_item {
    uint64_t key;
    uint32_t first; /* the first item of that key */
    uint32_t index;
} keyed_item;

/* FNV-1a, with the text's end. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    size_t n = strlen(text) + 1;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (uint8_t)text[i]) * 1099511628211U;
    return hash;
}

/* *alone: the item belongs to no picture. */
static uint64_t item_key(const hg_llava_set *set, size_t index, bool *alone)
{
    hg_llava_item item;
    uint64_t key = 14695981039346656037U;
    *alone = true;
    if (hg_llava_read(set, index, &item, NULL) != HG_STATUS_OK)
        return 0;
    *alone = item.n_images == 0;
    key = hash_text(key, item.draws ? "draw" : "ask");
    for (size_t i = 0; i < item.n_images; i++)
        key = hash_text(key, item.images[i]);
    hg_llava_item_deinit(&item);
    return key;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_key(const void *a, const void *b)
{
    const keyed_item *x = a, *y = b;
    return x->key != y->key ? compare_numbers(x->key, y->key) : compare_numbers(x->index, y->index);
}

static int by_first(const void *a, const void *b)
{
    const keyed_item *x = a, *y = b;
    return x->first != y->first ? compare_numbers(x->first, y->first) : compare_numbers(x->index, y->index);
}

/* Items with the group of each, group after group. */
static void sort_items(const hg_llava_set *set, keyed_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool alone;
        items[i] = (keyed_item){item_key(set, i, &alone), 0, (uint32_t)i};
        items[i].first = alone ? (uint32_t)i : UINT32_MAX;
    }
    qsort(items, n, sizeof *items, by_key);
    const keyed_item *group = NULL; /* its first item */
    for (size_t i = 0; i < n; i++) {
        if (items[i].first != UINT32_MAX)
            continue;
        if (group == NULL || group->key != items[i].key)
            group = &items[i];
        items[i].first = group->index;
    }
    qsort(items, n, sizeof *items, by_first);
}

static void list_stretches(hg_picture_groups *g, const keyed_item *items, size_t largest)
{
    for (size_t i = 0; i < g->n_items; i++) {
        g->members[i] = items[i].index;
        bool begins = i == 0 || items[i].first != items[i - 1].first;
        if (begins)
            g->groups[g->n_groups++] = (hg_picture_stretch){(uint32_t)i, 0};
        if (begins || g->dealt[g->n_dealt - 1].n == largest)
            g->dealt[g->n_dealt++] = (hg_picture_stretch){(uint32_t)i, 0};
        g->groups[g->n_groups - 1].n++;
        g->dealt[g->n_dealt - 1].n++;
    }
}

hg_status hg_picture_groups_init(hg_picture_groups *g, const hg_llava_set *set, size_t largest, hg_error *err)
{
    size_t n = hg_llava_n_items(set);
    keyed_item *items = hg_mem_array(n, sizeof *items);
    *g = (hg_picture_groups){.n_items = n,
                             .members = hg_mem_array(n, sizeof *g->members),
                             .groups = hg_mem_array(n, sizeof *g->groups),
                             .dealt = hg_mem_array(n, sizeof *g->dealt),
                             .mixed = hg_mem_array(n, sizeof *g->mixed),
                             .order = hg_mem_array(n, sizeof *g->order)};
    bool ok = items != NULL && g->members != NULL && g->groups != NULL && g->dealt != NULL &&
              g->mixed != NULL && g->order != NULL && n <= UINT32_MAX;
    if (ok) {
        sort_items(set, items, n);
        list_stretches(g, items, largest);
    } else {
        hg_picture_groups_deinit(g);
    }
    hg_mem_free(items);
    return ok ? HG_STATUS_OK : hg_error_memory(err, n * sizeof *items, "the pictures of the data");
}

void hg_picture_groups_deinit(hg_picture_groups *g)
{
    hg_mem_free(g->members);
    hg_mem_free(g->groups);
    hg_mem_free(g->dealt);
    hg_mem_free(g->mixed);
    hg_mem_free(g->order);
    *g = (hg_picture_groups){0};
}

/* Fisher and Yates. */
static void shuffle_members(uint32_t *x, size_t n, hg_rng *rng)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)(hg_rng_next(rng) % i);
        uint32_t other = x[j];
        x[j] = x[i - 1];
        x[i - 1] = other;
    }
}

static void shuffle_stretches(hg_picture_stretch *x, size_t n, hg_rng *rng)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)(hg_rng_next(rng) % i);
        hg_picture_stretch other = x[j];
        x[j] = x[i - 1];
        x[i - 1] = other;
    }
}

void hg_picture_groups_deal(hg_picture_groups *g, hg_rng *rng, uint32_t *items)
{
    size_t at = 0;
    memcpy(g->mixed, g->members, g->n_items * sizeof *g->mixed);
    memcpy(g->order, g->dealt, g->n_dealt * sizeof *g->order);
    for (size_t i = 0; i < g->n_groups && rng != NULL; i++)
        shuffle_members(g->mixed + g->groups[i].begin, g->groups[i].n, rng);
    if (rng != NULL)
        shuffle_stretches(g->order, g->n_dealt, rng);
    for (size_t i = 0; i < g->n_dealt; i++) {
        memcpy(items + at, g->mixed + g->order[i].begin, g->order[i].n * sizeof *items);
        at += g->order[i].n;
    }
}
