/* SPDX-License-Identifier: Apache-2.0
 *
 * bpe_merge.c: symbols as a linked list in an array, possible joins in a binary heap. A join makes entries
 * about its old neighbours stale; they stay in the heap and are known by giving another token when they come
 * up. Each symbol enters at most two new entries when it grows, so the heap holds fewer than 3 n.
 */
#include "text/bpe_merge.h"

#include "base/memory.h"

void hg_bpe_work_deinit(hg_bpe_work *w)
{
    hg_mem_free(w->symbols);
    hg_mem_free(w->heap);
    *w = (hg_bpe_work){0};
}

void hg_bpe_work_reset(hg_bpe_work *w)
{
    w->n_symbols = 0;
    w->n_heap = 0;
}

bool hg_bpe_work_push(hg_bpe_work *w, uint32_t start, uint32_t size, int32_t id)
{
    if (w->n_symbols == w->symbols_capacity) {
        size_t capacity = w->symbols_capacity == 0 ? 64 : 2 * w->symbols_capacity;
        hg_bpe_symbol *symbols = hg_mem_resize(w->symbols, capacity, sizeof *symbols);
        if (symbols == NULL)
            return false;
        w->symbols = symbols;
        w->symbols_capacity = capacity;
    }
    int32_t at = (int32_t)w->n_symbols++;
    w->symbols[at] = (hg_bpe_symbol){start, size, at - 1, -1, id};
    if (at > 0)
        w->symbols[at - 1].next = at;
    return true;
}

static bool comes_before(const hg_bpe_candidate *a, const hg_bpe_candidate *b)
{
    return a->order != b->order ? a->order < b->order : a->left < b->left;
}

static bool heap_push(hg_bpe_work *w, hg_bpe_candidate item)
{
    if (w->n_heap == w->heap_capacity) {
        size_t capacity = w->heap_capacity == 0 ? 64 : 2 * w->heap_capacity;
        hg_bpe_candidate *heap = hg_mem_resize(w->heap, capacity, sizeof *heap);
        if (heap == NULL)
            return false;
        w->heap = heap;
        w->heap_capacity = capacity;
    }
    size_t at = w->n_heap++;
    while (at > 0 && comes_before(&item, &w->heap[(at - 1) / 2])) {
        w->heap[at] = w->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    w->heap[at] = item;
    return true;
}

static hg_bpe_candidate heap_pop(hg_bpe_work *w)
{
    hg_bpe_candidate top = w->heap[0], last = w->heap[--w->n_heap];
    size_t at = 0;
    for (size_t child = 1; child < w->n_heap; child = 2 * at + 1) {
        if (child + 1 < w->n_heap && comes_before(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!comes_before(&w->heap[child], &last))
            break;
        w->heap[at] = w->heap[child];
        at = child;
    }
    w->heap[at] = last;
    return top;
}

/* Enters the join of `left` and its next neighbour, if they join. */
static bool consider(hg_bpe_work *w, int32_t left, hg_bpe_pair_fn pair, const void *user)
{
    if (left < 0 || w->symbols[left].next < 0)
        return true;
    hg_bpe_candidate item = {0, left, 0};
    const hg_bpe_symbol *a = &w->symbols[left];
    return !pair(user, a, &w->symbols[a->next], &item.order, &item.id) || heap_push(w, item);
}

bool hg_bpe_work_merge(hg_bpe_work *w, hg_bpe_pair_fn pair, const void *user)
{
    for (size_t i = 0; i + 1 < w->n_symbols; i++) {
        if (!consider(w, (int32_t)i, pair, user))
            return false;
    }
    while (w->n_heap > 0) {
        hg_bpe_candidate item = heap_pop(w);
        hg_bpe_symbol *left = &w->symbols[item.left];
        if (left->size == 0 || left->next < 0)
            continue;
        hg_bpe_symbol *right = &w->symbols[left->next];
        uint32_t order;
        int32_t id;
        if (!pair(user, left, right, &order, &id) || id != item.id)
            continue;
        left->size += right->size;
        left->id = id;
        right->size = 0;
        left->next = right->next;
        if (right->next >= 0)
            w->symbols[right->next].prev = item.left;
        if (!consider(w, left->prev, pair, user) || !consider(w, item.left, pair, user))
            return false;
    }
    return true;
}
