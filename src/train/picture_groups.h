/* SPDX-License-Identifier: Apache-2.0
 *
 * picture_groups.h: the items of a set by their pictures, so that questions about the same one can be dealt
 * out together.
 */
#ifndef HG_TRAIN_PICTURE_GROUPS_H
#define HG_TRAIN_PICTURE_GROUPS_H

#include "base/rng.h"
#include "data/llava_json.h"

/* A stretch of `members`. */
typedef struct hg_picture_stretch {
    uint32_t begin, n;
} hg_picture_stretch;

/* Empty when all is zero. */
typedef struct hg_picture_groups {
    size_t n_items;
    uint32_t *members;          /* (n_items): group after group, each in the set's order */
    hg_picture_stretch *groups; /* (n_groups): by their first items */
    hg_picture_stretch *dealt;  /* (n_dealt): the groups cut up */
    uint32_t *mixed;            /* (n_items): members, shuffled within groups */
    hg_picture_stretch *order;  /* (n_dealt): those, shuffled */
    size_t n_groups, n_dealt;
} hg_picture_groups;

/* Items that name the same images and are of the same kind (questions, or drawings) make a group; an item
 * without images, or that cannot be read, is one by itself. Reads every item once. At most `largest` (1 or
 * more) items of a group are dealt out together. */
hg_status hg_picture_groups_init(hg_picture_groups *g, const hg_llava_set *set, size_t largest,
                                 hg_error *err) HG_MUST_CHECK;
void hg_picture_groups_deinit(hg_picture_groups *g);

/* Writes all items (n_items): each group is shuffled and cut, then all that was cut is shuffled. Without rng,
 * nothing is. */
void hg_picture_groups_deal(hg_picture_groups *g, hg_rng *rng, uint32_t *items);

#endif
