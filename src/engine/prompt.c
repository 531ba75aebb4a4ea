/* SPDX-License-Identifier: Apache-2.0
 *
 * prompt.c: growable list of positions. Images are told apart by a 64-bit FNV-1a hash of their prepared
 * pixels: they come from one session's own user, who gains nothing from a collision.
 */
#include "engine/prompt.h"

#include "base/memory.h"

#include <string.h>

#define PROMPT_MAX_ITEMS ((int64_t)1 << 24)

void hg_prompt_deinit(hg_prompt *p)
{
    for (int64_t i = 0; i < p->n_images; i++)
        hg_mem_free(p->images[i].pixels);
    hg_mem_free(p->images);
    hg_mem_free(p->items);
    *p = (hg_prompt){0};
}

hg_status hg_prompt_reserve(hg_prompt *p, int64_t n, hg_error *err)
{
    if (n > PROMPT_MAX_ITEMS - p->n_items)
        return hg_error_set(err, HG_STATUS_INPUT, "a prompt of more than %lld positions",
                            (long long)PROMPT_MAX_ITEMS);
    if (p->n_items + n <= p->capacity)
        return HG_STATUS_OK;
    int64_t capacity = 2 * (p->n_items + n);
    hg_prompt_item *items = hg_mem_resize(p->items, (size_t)capacity, sizeof *items);
    if (items == NULL)
        return hg_error_memory(err, (unsigned long long)capacity * sizeof *items, "the prompt");
    p->items = items;
    p->capacity = capacity;
    return HG_STATUS_OK;
}

hg_status hg_prompt_push_token(hg_prompt *p, int32_t id, hg_error *err)
{
    hg_status status = hg_prompt_reserve(p, 1, err);
    if (status == HG_STATUS_OK)
        p->items[p->n_items++] = (hg_prompt_item){.id = id};
    return status;
}

static uint64_t prompt_fingerprint(const float *pixels, int64_t n)
{
    uint64_t hash = 14695981039346656037U;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &pixels[i], sizeof bits);
        hash = (hash ^ bits) * 1099511628211U;
    }
    return hash;
}

hg_status hg_prompt_push_image(hg_prompt *p, float *pixels, int64_t n, int64_t n_rows, hg_error *err)
{
    hg_prompt_image *images = hg_mem_resize(p->images, (size_t)p->n_images + 1, sizeof *images);
    if (images != NULL)
        p->images = images;
    hg_status status = images == NULL ? hg_error_memory(err, sizeof *images, "the prompt")
                                      : hg_prompt_reserve(p, n_rows, err);
    if (status != HG_STATUS_OK) {
        hg_mem_free(pixels);
        return status;
    }
    uint64_t content = prompt_fingerprint(pixels, n);
    p->images[p->n_images++] = (hg_prompt_image){pixels, content};
    for (int64_t row = 0; row < n_rows; row++)
        p->items[p->n_items++] = (hg_prompt_item){HG_PROMPT_IMAGE, (int32_t)row, content};
    return HG_STATUS_OK;
}

int64_t hg_prompt_common(const hg_prompt *a, const hg_prompt *b)
{
    int64_t n = a->n_items < b->n_items ? a->n_items : b->n_items, i = 0;
    while (i < n && a->items[i].id == b->items[i].id && a->items[i].row == b->items[i].row &&
           a->items[i].content == b->items[i].content)
        i++;
    return i;
}

void hg_prompt_truncate(hg_prompt *p, int64_t n)
{
    if (n < p->n_items)
        p->n_items = n;
}

hg_status hg_prompt_copy_items(hg_prompt *to, const hg_prompt *from, hg_error *err)
{
    to->n_items = 0;
    hg_status status = hg_prompt_reserve(to, from->n_items, err);
    if (status == HG_STATUS_OK && from->n_items > 0)
        memcpy(to->items, from->items, (size_t)from->n_items * sizeof *to->items);
    if (status == HG_STATUS_OK)
        to->n_items = from->n_items;
    return status;
}
