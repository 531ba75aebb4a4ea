/* SPDX-License-Identifier: Apache-2.0
 *
 * item_order.h: in which order a run takes the items of its data: epoch after epoch, each in an order that
 * depends on seed and epoch alone, so that a continued run and other processes find the same.
 */
#ifndef HG_TRAIN_ITEM_ORDER_H
#define HG_TRAIN_ITEM_ORDER_H

#include "data/llava_json.h"
#include "train/picture_groups.h"

/* With `by_length`, items of one step are about equally long: stretches of 50 steps' items of the shuffled
 * order are sorted by length, cut into steps, and the steps shuffled. An item's length is an estimate from
 * its text and number of images; a bad item has length 0. With `per_picture` above 1, up to so many items
 * about the same picture follow each other; picture_groups.h says which. Not both. */
typedef struct hg_item_order_how {
    bool shuffle;
    uint64_t seed;
    bool by_length;
    int64_t batch;           /* items of a step */
    int64_t image_positions; /* what an image counts in a length */
    int64_t per_picture;     /* 1: each item for itself */
} hg_item_order_how;

typedef struct hg_item_order {
    size_t n_items;
    bool shuffle;
    uint64_t seed;
    size_t group;               /* items that are sorted by length together; 0: none are */
    size_t batch;               /* items of a step */
    hg_picture_groups pictures; /* empty: each item for itself */
    uint32_t *items;            /* the order in `epoch` */
    uint32_t *lengths;          /* about how long each item is; NULL without groups */
    uint32_t *spare;
    int64_t epoch; /* -1: none yet */
} hg_item_order;

/* Steps whose items are grouped by length together, when they are. */
#define HG_ITEM_ORDER_GROUP_STEPS 50

hg_status hg_item_order_init(hg_item_order *o, const hg_llava_set *set, const hg_item_order_how *how,
                             hg_error *err) HG_MUST_CHECK;
void hg_item_order_deinit(hg_item_order *o);

/* The item at place `cursor` (from 0) of the endless stream. */
size_t hg_item_order_at(hg_item_order *o, int64_t cursor);

#endif
