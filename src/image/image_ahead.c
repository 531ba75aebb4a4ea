/* SPDX-License-Identifier: Apache-2.0
 *
 * image_ahead.c: a list that is searched from its beginning: it is short.
 */
#include "image/image_ahead.h"

#include "base/memory.h"
#include "image/image_list.h"

#include <string.h>

/* Most pictures of a lot, and about the most bytes. */
#define AHEAD_MOST 256
#define AHEAD_BYTES ((size_t)32 << 20)

void hg_image_ahead_init(hg_image_ahead *a, size_t each)
{
    *a = (hg_image_ahead){.each = each};
}

static void ahead_empty(hg_image_ahead *a)
{
    for (size_t i = 0; i < a->n; i++)
        hg_mem_free(a->items[i].path);
    a->n = 0;
    a->is_read = false;
}

void hg_image_ahead_deinit(hg_image_ahead *a)
{
    ahead_empty(a);
    hg_mem_free(a->items);
    hg_mem_free(a->samples);
    *a = (hg_image_ahead){.each = a->each};
}

static hg_status ahead_reserve(hg_image_ahead *a, hg_error *err)
{
    size_t most = AHEAD_BYTES / (a->each == 0 ? 1 : a->each);
    if (a->capacity > 0)
        return HG_STATUS_OK;
    most = most < 1 ? 1 : most > AHEAD_MOST ? AHEAD_MOST : most;
    a->items = hg_mem_array(most, sizeof *a->items);
    a->samples = hg_mem_array(most, a->each);
    if (a->items == NULL || a->samples == NULL)
        return hg_error_memory(err, most * a->each, "pictures");
    a->capacity = most;
    return HG_STATUS_OK;
}

static hg_image_ahead_item *ahead_find(const hg_image_ahead *a, const char *path)
{
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->items[i].path, path) == 0)
            return &a->items[i];
    }
    return NULL;
}

hg_status hg_image_ahead_push(hg_image_ahead *a, const char *path, hg_error *err)
{
    if (a->is_read)
        ahead_empty(a);
    hg_status status = ahead_reserve(a, err);
    if (status != HG_STATUS_OK || a->n == a->capacity || ahead_find(a, path) != NULL)
        return status;
    a->items[a->n] = (hg_image_ahead_item){.path = hg_mem_string(path)};
    if (a->items[a->n].path == NULL)
        return hg_error_memory(err, strlen(path), "a path");
    a->n++;
    return HG_STATUS_OK;
}

typedef struct ahead_job {
    hg_image_ahead *ahead;
    hg_image_prepare_fn prepare;
    const void *user;
} ahead_job;

static hg_status ahead_take(void *user, size_t index, const hg_image *image, hg_status status,
                            const hg_error *why, hg_error *err)
{
    const ahead_job *job = user;
    hg_image_ahead_item *item = &job->ahead->items[index];
    (void)err;
    item->status = status;
    item->why = *why;
    if (status == HG_STATUS_OK)
        item->status =
            job->prepare(job->user, image, job->ahead->samples + index * job->ahead->each, &item->why);
    return HG_STATUS_OK;
}

hg_status hg_image_ahead_read(hg_image_ahead *a, hg_image_prepare_fn prepare, const void *user, hg_error *err)
{
    const char *paths[AHEAD_MOST];
    ahead_job job = {a, prepare, user};
    if (a->is_read)
        return HG_STATUS_OK;
    for (size_t i = 0; i < a->n; i++)
        paths[i] = a->items[i].path;
    hg_status status = hg_image_read_list(paths, a->n, ahead_take, &job, err);
    if (status != HG_STATUS_OK)
        ahead_empty(a);
    a->is_read = true;
    return status;
}

const hg_image_ahead_item *hg_image_ahead_find(const hg_image_ahead *a, const char *path)
{
    return a->is_read ? ahead_find(a, path) : NULL;
}

const uint8_t *hg_image_ahead_samples(const hg_image_ahead *a, const hg_image_ahead_item *item)
{
    return a->samples + (size_t)(item - a->items) * a->each;
}
