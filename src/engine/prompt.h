/* SPDX-License-Identifier: Apache-2.0
 *
 * prompt.h: the positions that a decoder reads: tokens and image features, in order. Two prompts can be
 * compared position by position, so that a conversation re-reads only what is new.
 */
#ifndef HG_ENGINE_PROMPT_H
#define HG_ENGINE_PROMPT_H

#include "base/error.h"

#include <stdint.h>

/* id of a position that holds a row of an image's features */
#define HG_PROMPT_IMAGE (-1)

typedef struct hg_prompt_item {
    int32_t id;       /* a token, or HG_PROMPT_IMAGE */
    int32_t row;      /* of the image's features */
    uint64_t content; /* fingerprint of the image's pixels; 0 for a token */
} hg_prompt_item;

typedef struct hg_prompt_image {
    float *pixels; /* (3, S, S), owned */
    uint64_t content;
} hg_prompt_image;

typedef struct hg_prompt {
    hg_prompt_item *items;
    int64_t n_items, capacity;
    hg_prompt_image *images; /* in the order of their positions */
    int64_t n_images;
} hg_prompt;

/* An empty prompt is all zero. */
void hg_prompt_deinit(hg_prompt *p);

/* Makes room, so that appending `n` positions allocates nothing. */
hg_status hg_prompt_reserve(hg_prompt *p, int64_t n, hg_error *err) HG_MUST_CHECK;

hg_status hg_prompt_push_token(hg_prompt *p, int32_t id, hg_error *err) HG_MUST_CHECK;

/* Takes over `pixels` (n floats) and appends `n_rows` positions of that image; frees them on failure. */
hg_status hg_prompt_push_image(hg_prompt *p, float *pixels, int64_t n, int64_t n_rows,
                               hg_error *err) HG_MUST_CHECK;

/* Positions at the beginning that are the same in both. */
int64_t hg_prompt_common(const hg_prompt *a, const hg_prompt *b);

/* Drops the positions from `n` on (their images are kept until deinit). */
void hg_prompt_truncate(hg_prompt *p, int64_t n);

/* Makes `to` hold the same positions as `from`, without the images' pixels. */
hg_status hg_prompt_copy_items(hg_prompt *to, const hg_prompt *from, hg_error *err) HG_MUST_CHECK;

#endif
