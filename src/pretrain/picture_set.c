/* SPDX-License-Identifier: Apache-2.0
 *
 * picture_set.c: a list with an index by path. Bytes are what resizing gives, so nothing is lost by keeping
 * them. They lie in huge pages: pictures are decoded in child processes, and with hundreds of megabytes in
 * small pages most of a fork's time goes into copying the page tables.
 */
#include "pretrain/picture_set.h"

#include "base/checked.h"
#include "base/huge_pages.h"
#include "base/memory.h"
#include "image/vq_input.h"

#include <healthgpt/image.h>

#include <math.h>
#include <string.h>

void hg_picture_set_init(hg_picture_set *set, int side, bool for_clip)
{
    *set = (hg_picture_set){.for_clip = for_clip, .side = side, .how = hg_clip_preparation_default()};
    set->how.size = side;
    hg_image_ahead_init(&set->ahead, 3 * (size_t)side * (size_t)side);
}

static size_t picture_bytes(const hg_picture_set *set)
{
    return 3 * (size_t)set->side * (size_t)set->side;
}

void hg_picture_set_deinit(hg_picture_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        hg_mem_free(set->paths[i]);
    hg_mem_free(set->paths);
    hg_huge_pages_unmap(set->samples, set->capacity * picture_bytes(set));
    hg_mem_free(set->slots);
    hg_image_ahead_deinit(&set->ahead);
    *set = (hg_picture_set){0};
}

/* ---- finding ---- */

static uint64_t path_number(const char *path)
{
    uint64_t hash = 14695981039346656037U;
    for (; *path != 0; path++)
        hash = (hash ^ (uint64_t)(unsigned char)*path) * 1099511628211U;
    return hash ^ (hash >> 32);
}

/* The slot of the path, or the empty one where it belongs. */
static size_t find_slot(const hg_picture_set *set, const char *path)
{
    size_t at = (size_t)path_number(path) & (set->n_slots - 1);
    while (set->slots[at] != 0 && strcmp(set->paths[set->slots[at] - 1], path) != 0)
        at = (at + 1) & (set->n_slots - 1);
    return at;
}

static hg_status grow(hg_picture_set *set, hg_error *err)
{
    if (set->n < set->capacity)
        return HG_STATUS_OK;
    size_t capacity = set->capacity == 0 ? 64 : 2 * set->capacity, n_slots = 2 * capacity;
    uint32_t *slots = hg_mem_array(n_slots, sizeof *slots);
    char **paths = hg_mem_resize(set->paths, capacity, sizeof *paths);
    if (paths != NULL)
        set->paths = paths;
    uint8_t *samples = NULL;
    size_t bytes;
    if (hg_checked_mul(capacity, picture_bytes(set), &bytes))
        samples = hg_huge_pages_map(bytes);
    if (slots == NULL || paths == NULL || samples == NULL) {
        hg_mem_free(slots);
        hg_huge_pages_unmap(samples, capacity * picture_bytes(set));
        return hg_error_memory(err, capacity * picture_bytes(set), "the pictures of the data");
    }
    if (set->n > 0)
        memcpy(samples, set->samples, set->n * picture_bytes(set));
    hg_huge_pages_unmap(set->samples, set->capacity * picture_bytes(set));
    set->samples = samples;
    hg_mem_free(set->slots);
    set->slots = slots;
    set->n_slots = n_slots;
    set->capacity = capacity;
    for (size_t i = 0; i < set->n; i++)
        set->slots[find_slot(set, set->paths[i])] = (uint32_t)i + 1;
    return HG_STATUS_OK;
}

/* The VQGAN's preparation gives numbers that stand for whole bytes. */
static hg_status prepare_vq(const hg_picture_set *set, const hg_image *image, uint8_t *out, hg_error *err)
{
    size_t n = picture_bytes(set) / 3;
    float *planes = hg_mem_array(3 * n, sizeof *planes);
    if (planes == NULL)
        return hg_error_memory(err, 3 * n * sizeof *planes, "a picture");
    hg_status status = hg_vq_input_f32(planes, image, set->side, err);
    for (size_t i = 0; i < n && status == HG_STATUS_OK; i++) {
        for (size_t c = 0; c < 3; c++)
            out[3 * i + c] = (uint8_t)lrintf((planes[c * n + i] + 1) * 127.5F);
    }
    hg_mem_free(planes);
    return status;
}

static hg_status prepare(const void *user, const hg_image *image, uint8_t *out, hg_error *err)
{
    const hg_picture_set *set = user;
    return set->for_clip ? hg_clip_input_u8(out, image, &set->how, err) : prepare_vq(set, image, out, err);
}

static hg_status read_alone(const hg_picture_set *set, const char *path, uint8_t *out, hg_error *err)
{
    hg_image *image = NULL;
    hg_status status = hg_image_open(&image, path, err);
    if (status == HG_STATUS_OK)
        status = prepare(set, image, out, err);
    hg_image_close(image);
    return status;
}

/* Picture `path`, which may have been expected, into `out`. */
static hg_status read_picture(const hg_picture_set *set, const char *path, uint8_t *out, hg_error *err)
{
    const hg_image_ahead_item *item = hg_image_ahead_find(&set->ahead, path);
    if (item == NULL)
        return read_alone(set, path, out, err);
    if (item->status == HG_STATUS_OK)
        memcpy(out, hg_image_ahead_samples(&set->ahead, item), picture_bytes(set));
    else if (err != NULL)
        *err = item->why;
    return item->status;
}

hg_status hg_picture_set_add(hg_picture_set *set, const char *path, uint32_t *index, hg_error *err)
{
    hg_status status = grow(set, err);
    if (status != HG_STATUS_OK)
        return status;
    size_t slot = find_slot(set, path);
    if (set->slots[slot] != 0) {
        *index = set->slots[slot] - 1;
        return HG_STATUS_OK;
    }
    status = read_picture(set, path, set->samples + set->n * picture_bytes(set), err);
    if (status != HG_STATUS_OK)
        return status;
    set->paths[set->n] = hg_mem_string(path);
    if (set->paths[set->n] == NULL)
        return hg_error_memory(err, strlen(path), "a path");
    *index = (uint32_t)set->n++;
    set->slots[slot] = *index + 1;
    return HG_STATUS_OK;
}

hg_status hg_picture_set_expect(hg_picture_set *set, const char *path, hg_error *err)
{
    bool known = set->n_slots > 0 && set->slots[find_slot(set, path)] != 0;
    return known ? HG_STATUS_OK : hg_image_ahead_push(&set->ahead, path, err);
}

hg_status hg_picture_set_read_expected(hg_picture_set *set, hg_error *err)
{
    return hg_image_ahead_read(&set->ahead, prepare, set, err);
}

/* ---- a whole file ---- */

static hg_status expect_items(void *user, const hg_llava_item *items, size_t n, hg_error *err)
{
    hg_picture_set *set = user;
    hg_status status = HG_STATUS_OK;
    for (size_t k = 0; k < n && status == HG_STATUS_OK; k++) {
        for (size_t i = 0; i < items[k].n_images && status == HG_STATUS_OK; i++)
            status = hg_picture_set_expect(set, items[k].images[i], err);
        if (status == HG_STATUS_OK && items[k].target_image != NULL)
            status = hg_picture_set_expect(set, items[k].target_image, err);
    }
    return status == HG_STATUS_OK ? hg_picture_set_read_expected(set, err) : status;
}

static hg_status add_item(void *user, const hg_llava_item *item, hg_error *err)
{
    hg_picture_set *set = user;
    uint32_t index;
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; i < item->n_images && status == HG_STATUS_OK; i++)
        status = hg_picture_set_add(set, item->images[i], &index, err);
    if (status == HG_STATUS_OK && item->target_image != NULL)
        status = hg_picture_set_add(set, item->target_image, &index, err);
    return status;
}

hg_status hg_picture_set_add_all(hg_picture_set *set, const hg_llava_set *data,
                                 const hg_llava_listener *listener, int64_t *n_bad, hg_error *err)
{
    const hg_llava_visitor visitor = {add_item, expect_items, set, listener};
    return hg_llava_visit(data, &visitor, n_bad, err);
}

void hg_picture_set_get(const hg_picture_set *set, uint32_t index, bool mirrored, float *out)
{
    int side = set->side;
    const uint8_t *from = set->samples + index * picture_bytes(set);
    for (int y = 0; y < side; y++) {
        for (int x = 0; x < side; x++) {
            const uint8_t *pixel = from + 3 * (y * side + (mirrored ? side - 1 - x : x));
            for (int c = 0; c < 3; c++)
                out[(c * side + y) * side + x] = 2.0F * ((float)pixel[c] / 255.0F) - 1.0F;
        }
    }
}
