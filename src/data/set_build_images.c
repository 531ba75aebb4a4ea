/* SPDX-License-Identifier: Apache-2.0
 *
 * set_build_images.c: images of a published set are found in its folders and hashed, many at a time.
 */
#include "data/set_build_parts.h"

#include "base/file.h"
#include "base/memory.h"
#include "data/image_hash.h"
#include "image/image_list.h"

#include <stdio.h>
#include <string.h>

bool hg_build_find_image(const hg_build *b, size_t number, char path[HG_PATH_BYTES], hg_build_image *image)
{
    for (size_t k = 0; k < sizeof b->source->folders / sizeof *b->source->folders; k++) {
        const char *below = b->source->folders[k];
        if (below == NULL)
            break;
        int n = snprintf(path, HG_PATH_BYTES, "%s/%s%s%s", b->request->in, below, below[0] != 0 ? "/" : "",
                         b->names.names[number] + 2);
        if (n > 0 && n < HG_PATH_BYTES && hg_file_exists(path)) {
            snprintf(image->below, sizeof image->below, "%s", below);
            return true;
        }
    }
    return false;
}

/* Images that are read together. */
#define HASH_LOT 256

typedef struct hash_lot {
    hg_build *build;
    char *paths[HASH_LOT];
    size_t numbers[HASH_LOT], n;
} hash_lot;

static hg_status take_hash(void *user, size_t index, const hg_image *image, hg_status status,
                           const hg_error *why, hg_error *err)
{
    const hash_lot *lot = user;
    hg_build_image *to = &lot->build->images[lot->numbers[index]];
    (void)why, (void)err;
    to->good = status == HG_STATUS_OK && hg_image_hash(&to->hash, image, NULL) == HG_STATUS_OK;
    return HG_STATUS_OK;
}

/* Hashes the images among the names from number `first` on; *next comes behind them. */
static hg_status hash_some(hg_build *b, hash_lot *lot, size_t first, size_t *next, hg_error *err)
{
    char path[HG_PATH_BYTES];
    hg_status status = HG_STATUS_OK;
    lot->n = 0;
    for (*next = first; *next < b->names.n && lot->n < HASH_LOT && status == HG_STATUS_OK; ++*next) {
        hg_build_image *image = &b->images[*next];
        if (b->names.names[*next][0] != 'i')
            continue;
        image->found = hg_build_find_image(b, *next, path, image);
        if (!image->found)
            continue;
        lot->numbers[lot->n] = *next;
        lot->paths[lot->n] = hg_mem_string(path);
        if (lot->paths[lot->n++] == NULL)
            status = hg_error_memory(err, strlen(path), "a path");
    }
    if (status == HG_STATUS_OK)
        status = hg_image_read_list((const char *const *)lot->paths, lot->n, take_hash, lot, err);
    for (size_t i = 0; i < lot->n; i++)
        hg_mem_free(lot->paths[i]);
    return status;
}

/* Flat pictures hash to 0 or nearly: they are left. */
hg_status hg_build_hash_images(hg_build *b, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    hash_lot lot = {.build = b};
    for (size_t first = 0; first < b->names.n && status == HG_STATUS_OK;) {
        status = hash_some(b, &lot, first, &first, err);
        if (status == HG_STATUS_OK)
            status = hg_build_report(b, "images", first, b->names.n, err);
    }
    for (size_t i = 0; i < b->names.n && status == HG_STATUS_OK; i++) {
        for (size_t j = i + 1; b->images[i].good && j < b->names.n; j++) {
            if (!b->images[j].good ||
                hg_image_hash_distance(b->images[i].hash, b->images[j].hash) > b->request->near)
                continue;
            b->result->n_alike++;
            hg_group_join(b->parents, i, j);
        }
        if (i % 1024 == 0)
            status = hg_build_report(b, "alike", i, b->names.n, err);
    }
    return status;
}
