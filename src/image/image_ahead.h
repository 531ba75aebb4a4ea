/* SPDX-License-Identifier: Apache-2.0
 *
 * image_ahead.h: pictures that will be asked for soon, decoded together: a child process for each costs
 * more than decoding a small one.
 */
#ifndef HG_IMAGE_IMAGE_AHEAD_H
#define HG_IMAGE_IMAGE_AHEAD_H

#include "image/pixels.h"

typedef struct hg_image_ahead_item {
    char *path;
    hg_status status; /* how it went, with `why` */
    hg_error why;
} hg_image_ahead_item;

typedef struct hg_image_ahead {
    size_t each; /* bytes of a prepared picture; may be 0 */
    hg_image_ahead_item *items;
    uint8_t *samples; /* beside them */
    size_t n, capacity;
    bool is_read; /* what is pushed next belongs to another lot */
} hg_image_ahead;

/* From a decoded picture to `each` bytes. May fail, as a picture that cannot be used. */
typedef hg_status (*hg_image_prepare_fn)(const void *user, const hg_image *image, uint8_t *out,
                                         hg_error *err);

void hg_image_ahead_init(hg_image_ahead *a, size_t each);
void hg_image_ahead_deinit(hg_image_ahead *a);

/* One more; those of the lot that has been read are let go of before. Nothing when it is there or there are
 * enough. */
hg_status hg_image_ahead_push(hg_image_ahead *a, const char *path, hg_error *err) HG_MUST_CHECK;

/* Decodes and prepares those that were pushed; when none was, what was read stays. What is wrong with one is
 * kept with it. */
hg_status hg_image_ahead_read(hg_image_ahead *a, hg_image_prepare_fn prepare, const void *user,
                              hg_error *err) HG_MUST_CHECK;

/* The picture in the lot that has been read; NULL when it is not there. */
const hg_image_ahead_item *hg_image_ahead_find(const hg_image_ahead *a, const char *path);
const uint8_t *hg_image_ahead_samples(const hg_image_ahead *a, const hg_image_ahead_item *item);

#endif
