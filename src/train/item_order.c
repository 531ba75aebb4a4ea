/* SPDX-License-Identifier: Apache-2.0
 *
 * item_order.c: shuffling (Fisher and Yates), then sorting within stretches by (length, place), which leaves
 * nothing to chance.
 */
#include "train/item_order.h"

#include "base/memory.h"
#include "base/rng.h"

#include <string.h>

/* About how many bytes of text a token has. */
#define BYTES_PER_TOKEN 4

static uint32_t order_length(const hg_llava_set *set, size_t index, int64_t image_positions)
{
    hg_llava_item item;
    uint64_t n = 0;
    if (hg_llava_read(set, index, &item, NULL) != HG_STATUS_OK)
        return 0;
    for (size_t i = 0; i < item.n_turns; i++)
        n += strlen(item.turns[i].question) + strlen(item.turns[i].answer);
    n = n / BYTES_PER_TOKEN + item.n_images * (uint64_t)image_positions + item.n_codes;
    hg_llava_item_deinit(&item);
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

hg_status hg_item_order_init(hg_item_order *o, const hg_llava_set *set, const hg_item_order_how *how,
                             hg_error *err)
{
    size_t n = hg_llava_n_items(set);
    *o = (hg_item_order){
        .n_items = n, .shuffle = how->shuffle, .seed = how->seed, .batch = (size_t)how->batch, .epoch = -1};
    o->items = n > UINT32_MAX ? NULL : hg_mem_array(n, sizeof *o->items);
    bool sorts = how->by_length && o->items != NULL;
    if (sorts) {
        o->group = (size_t)how->batch * HG_ITEM_ORDER_GROUP_STEPS;
        o->lengths = hg_mem_array(n, sizeof *o->lengths);
        o->spare = hg_mem_array(n, sizeof *o->spare);
    }
    if (o->items == NULL || (sorts && (o->lengths == NULL || o->spare == NULL))) {
        hg_item_order_deinit(o);
        return hg_error_memory(err, n * sizeof *o->items, "the order of the data");
    }
    for (size_t i = 0; i < n && sorts; i++)
        o->lengths[i] = order_length(set, i, how->image_positions);
    if (how->per_picture <= 1)
        return HG_STATUS_OK;
    hg_status status = hg_picture_groups_init(&o->pictures, set, (size_t)how->per_picture, err);
    if (status != HG_STATUS_OK)
        hg_item_order_deinit(o);
    return status;
}

void hg_item_order_deinit(hg_item_order *o)
{
    hg_mem_free(o->items);
    hg_mem_free(o->lengths);
    hg_mem_free(o->spare);
    hg_picture_groups_deinit(&o->pictures);
    *o = (hg_item_order){0};
}

/* Shuffles n pieces of `size` items; the last piece may be short and then keeps its place. */
static void order_shuffle(uint32_t *items, size_t n_items, size_t size, hg_rng *rng)
{
    for (size_t i = n_items / size; i > 1; i--) {
        size_t j = (size_t)(hg_rng_next(rng) % i);
        for (size_t k = 0; k < size; k++) {
            uint32_t other = items[j * size + k];
            items[j * size + k] = items[(i - 1) * size + k];
            items[(i - 1) * size + k] = other;
        }
    }
}

/* Sorts items by length, equal ones staying in order (merge sort, bottom up). */
static void order_sort(const uint32_t *lengths, uint32_t *items, size_t n, uint32_t *spare)
{
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t begin = 0; begin < n; begin += 2 * width) {
            size_t middle = begin + width < n ? begin + width : n;
            size_t end = begin + 2 * width < n ? begin + 2 * width : n;
            size_t a = begin, b = middle;
            for (size_t i = begin; i < end; i++) {
                bool first = b == end || (a < middle && lengths[items[a]] <= lengths[items[b]]);
                spare[i] = first ? items[a++] : items[b++];
            }
        }
        memcpy(items, spare, n * sizeof *items);
    }
}

static void order_make(hg_item_order *o, int64_t epoch)
{
    hg_rng rng;
    hg_rng_init(&rng, o->seed * 1000003U + (uint64_t)epoch);
    for (size_t i = 0; i < o->n_items; i++)
        o->items[i] = (uint32_t)i;
    if (o->pictures.n_items > 0)
        hg_picture_groups_deal(&o->pictures, o->shuffle ? &rng : NULL, o->items);
    else if (o->shuffle)
        order_shuffle(o->items, o->n_items, 1, &rng);
    for (size_t begin = 0; o->group > 0 && begin < o->n_items; begin += o->group) {
        size_t left = o->n_items - begin, n = left < o->group ? left : o->group;
        order_sort(o->lengths, o->items + begin, n, o->spare);
        if (o->shuffle)
            order_shuffle(o->items + begin, n, o->batch, &rng);
    }
    o->epoch = epoch;
}

size_t hg_item_order_at(hg_item_order *o, int64_t cursor)
{
    int64_t n = (int64_t)o->n_items, epoch = cursor / n;
    if (o->epoch != epoch)
        order_make(o, epoch);
    return o->items[cursor % n];
}
