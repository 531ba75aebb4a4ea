/* SPDX-License-Identifier: Apache-2.0
 *
 * repack.c: the list of matrices, made twice: once to count, once to fill. A matrix is a thread's piece of
 * work.
 */
#include "model/repack.h"

#include "base/huge_pages.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "ops/prefetch_trial.h"
#include "tensor/interleave.h"

#include <errno.h>
#include <string.h>

/* Matrices begin at cache lines; whole groups of interleaved rows end there anyway. */
#define REPACK_ALIGN ((size_t)64)

typedef struct repack_item {
    hg_tensor *w;
    const hg_tensor_set *set; /* whose file it lies in */
    size_t offset;
    bool interleave;
} repack_item;

typedef struct repack_list {
    repack_item *items; /* NULL: they are only counted */
    size_t n, bytes;
    bool any; /* one is to be interleaved */
    uint8_t *to;
} repack_list;

static void list_add(repack_list *l, hg_tensor *w, const hg_tensor_set *set, bool may_interleave)
{
    if (w->data == NULL || w->n_dims != 2 || !hg_tensor_is_contiguous(w))
        return;
    bool interleave = may_interleave && hg_interleave_holds(w->dtype, w->shape[0], w->shape[1]);
    if (l->items != NULL)
        l->items[l->n] = (repack_item){w, set, l->bytes, interleave};
    l->n++;
    l->bytes += (hg_tensor_bytes(w) + REPACK_ALIGN - 1) / REPACK_ALIGN * REPACK_ALIGN;
    l->any = l->any || interleave;
}

/* Only H-LoRA's: other adapters cut their matrices. */
static void list_plugin(repack_list *l, const hg_healthgpt *m, const hg_plugin *plugin,
                        const hg_tensor_set *set)
{
    if (plugin->kind != HG_ADAPTER_HLORA)
        return;
    for (int64_t layer = 0; layer < plugin->n_layers; layer++) {
        for (int slot = 0; slot < HG_SLOT_COUNT; slot++) {
            if (!hg_slot_exists(&m->decoder.config, (hg_slot)slot))
                continue;
            hg_hlora *h = hg_plugin_get(plugin, layer, (hg_slot)slot);
            list_add(l, &h->a, set, true);
            list_add(l, &h->router, set, true);
            list_add(l, &h->b, set, true);
        }
    }
}

/* Heads stay in rows: drawing computes those of picture codes alone, which begin anywhere. */
static void list_make(repack_list *l, hg_healthgpt *m, const hg_model_parts *parts)
{
    static const hg_part plugins[HG_TASK_COUNT] = {HG_PART_COM, HG_PART_GEN};
    for (int64_t layer = 0; layer < m->decoder.config.n_layers; layer++) {
        for (int slot = 0; slot < HG_SLOT_COUNT; slot++)
            list_add(l, &m->decoder.layers[layer].weight[slot],
                     parts == NULL ? NULL : parts->sets[HG_PART_BASE], true);
    }
    for (int task = 0; task < HG_TASK_COUNT; task++) {
        if (!m->tasks[task].present)
            continue;
        list_plugin(l, m, &m->tasks[task].plugin, parts == NULL ? NULL : parts->sets[plugins[task]]);
        list_add(l, &m->tasks[task].head, NULL, false);
    }
}

uint64_t hg_repack_bytes(const hg_healthgpt *m)
{
    repack_list l = {0};
    list_make(&l, (hg_healthgpt *)(uintptr_t)m, NULL); /* counting changes nothing */
    return l.any ? l.bytes : 0;
}

static void repack_item_copy(void *arg, int64_t index, int worker)
{
    (void)worker;
    const repack_list *l = arg;
    const repack_item *item = &l->items[index];
    hg_tensor *w = item->w;
    const size_t bytes = hg_tensor_bytes(w),
                 group = hg_dtype_span(w->dtype, HG_INTERLEAVE_ROWS * w->shape[1]);
    const uint8_t *from = w->data;
    uint8_t *to = l->to + item->offset;
    if (item->interleave) {
        for (size_t at = 0; at < bytes; at += group)
            hg_interleave_pack(w->dtype, w->shape[1], from + at, to + at);
    } else {
        memcpy(to, from, bytes);
    }
    w->data = to;
    w->interleaved = item->interleave;
    if (item->set != NULL)
        hg_tensor_set_release(item->set, from, bytes);
}

/* How to read the copy, and keys and values, which are read like the first matrix, a frozen layer's. */
static void repack_choose(hg_healthgpt *m, const repack_list *l, const hg_kernels *kernels)
{
    hg_tensor **matrices = hg_mem_array(l->n, sizeof *matrices);
    if (matrices == NULL)
        return;
    for (size_t i = 0; i < l->n; i++)
        matrices[i] = l->items[i].w;
    hg_prefetch_choose(kernels, l->n, matrices);
    if (l->n > 0)
        m->cache_prefetch = matrices[0]->prefetch;
    hg_mem_free(matrices);
}

int hg_repack(hg_healthgpt *m, const hg_model_parts *parts, const hg_kernels *kernels, int n_threads)
{
    repack_list l = {0};
    list_make(&l, m, parts);
    l.items = hg_mem_array(l.n, sizeof *l.items);
    l.to = hg_huge_pages_map(l.bytes);
    if (l.items == NULL || l.to == NULL) {
        hg_mem_free(l.items);
        hg_huge_pages_unmap(l.to, l.bytes);
        return ENOMEM;
    }
    m->repacked = l.to;
    m->repacked_bytes = l.bytes;
    l.n = l.bytes = 0;
    list_make(&l, m, parts);
    hg_parallel_for(n_threads, (int64_t)l.n, repack_item_copy, &l);
    repack_choose(m, &l, kernels);
    hg_mem_free(l.items);
    return 0;
}
