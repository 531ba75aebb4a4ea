/* SPDX-License-Identifier: Apache-2.0
 *
 * picture_ahead.h: pictures that will be asked for soon, decoded together: a child process for each costs
 * more than decoding a small one.
 */
#ifndef HG_TRAIN_PICTURE_AHEAD_H
#define HG_TRAIN_PICTURE_AHEAD_H

#include "image/pixels.h"

typedef struct hg_picture_ahead_item {
    char *path;
    hg_status status; /* how it went, with `why` */
    hg_error why;
} hg_picture_ahead_item;

typedef struct hg_picture_ahead {
    size_t each; /* bytes of a prepared picture */
    hg_picture_ahead_item *items;
    uint8_t *samples; /* beside them */
    size_t n, capacity;
    bool is_read; /* what is pushed next belongs to another lot */
} hg_picture_ahead;

/* From a decoded picture to `each` bytes. */
typedef hg_status (*hg_picture_prepare)(const void *user, const hg_image *image, uint8_t *out, hg_error *err);

void hg_picture_ahead_init(hg_picture_ahead *a, size_t each);
void hg_picture_ahead_deinit(hg_picture_ahead *a);

/* One more; those of the lot that has been read are let go of before. Nothing when it is there or there are
 * enough. */
hg_status hg_picture_ahead_push(hg_picture_ahead *a, const char *path, hg_error *err) HG_MUST_CHECK;

/* Decodes and prepares those that were pushed; when none was, what was read stays. What is wrong with one is
 * kept with it. */
hg_status hg_picture_ahead_read(hg_picture_ahead *a, hg_picture_prepare prepare, const void *user,
                                hg_error *err) HG_MUST_CHECK;

/* The picture in the lot that has been read; NULL when it is not there. */
const hg_picture_ahead_item *hg_picture_ahead_find(const hg_picture_ahead *a, const char *path);
const uint8_t *hg_picture_ahead_samples(const hg_picture_ahead *a, const hg_picture_ahead_item *item);

#endif
