/* SPDX-License-Identifier: Apache-2.0
 *
 * picture_set.h: the pictures of training data in memory, decoded once, at the size that a model takes: 3
 * bytes a pixel.
 */
#ifndef HG_PRETRAIN_PICTURE_SET_H
#define HG_PRETRAIN_PICTURE_SET_H

#include "data/llava_json.h"
#include "image/clip_input.h"
#include "image/image_ahead.h"

typedef struct hg_picture_set {
    bool for_clip; /* padded to a square as CLIP wants them; otherwise stretched as the VQGAN wants them */
    int side;
    hg_clip_preparation how; /* for_clip */
    uint8_t *samples;        /* (n, side, side, 3) */
    char **paths;            /* n */
    size_t n, capacity;
    uint32_t *slots; /* by hash of the path: index + 1, or 0 */
    size_t n_slots;  /* a power of two */
    hg_image_ahead ahead;
} hg_picture_set;

void hg_picture_set_init(hg_picture_set *set, int side, bool for_clip);
void hg_picture_set_deinit(hg_picture_set *set);

/* The index of the picture at `path`, which is read when it is new. HG_STATUS_INPUT when it cannot be. */
hg_status hg_picture_set_add(hg_picture_set *set, const char *path, uint32_t *index,
                             hg_error *err) HG_MUST_CHECK;

/* Nothing but time: the pictures at these paths will be added soon, and those that are new are decoded
 * together by hg_picture_set_read_expected. */
hg_status hg_picture_set_expect(hg_picture_set *set, const char *path, hg_error *err) HG_MUST_CHECK;
hg_status hg_picture_set_read_expected(hg_picture_set *set, hg_error *err) HG_MUST_CHECK;

/* Adds every picture that the items of a data file name, images and target images; bad ones are told to the
 * listener and counted in *n_bad. */
hg_status hg_picture_set_add_all(hg_picture_set *set, const hg_llava_set *data,
                                 const hg_llava_listener *listener, int64_t *n_bad,
                                 hg_error *err) HG_MUST_CHECK;

/* Picture `index` as the VQGAN takes it, (3, side, side) in -1..1; `mirrored` left to right. */
void hg_picture_set_get(const hg_picture_set *set, uint32_t index, bool mirrored, float *out);

#endif
