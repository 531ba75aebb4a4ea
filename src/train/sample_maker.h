/* SPDX-License-Identifier: Apache-2.0
 *
 * sample_maker.h: from an item of training data to the positions that the decoder reads and what should
 * follow each of them. The positions are those that `ask` and `draw` make of the same question, with the
 * answer behind them.
 */
#ifndef HG_TRAIN_SAMPLE_MAKER_H
#define HG_TRAIN_SAMPLE_MAKER_H

#include "data/llava_json.h"
#include "engine/engine.h"
#include "train/code_cache.h"
#include "train/sample_gradient.h"
#include "train/train_settings.h"

/* The picture that was read last, for the next question about it. Empty when all is zero. */
typedef struct hg_last_picture {
    char path[HG_PATH_BYTES];
    float *pixels; /* (3, S, S), as the image encoder reads them; owned; NULL: none */
} hg_last_picture;

void hg_last_picture_deinit(hg_last_picture *p);

typedef struct hg_sample_maker {
    hg_model *model;
    const hg_train_settings *settings;
    const hg_llava_set *set;
    hg_code_cache *codes;  /* NULL in stages without pictures to draw */
    hg_ctx *ctx;           /* for the codes of pictures that are not in the cache */
    hg_last_picture *last; /* NULL: every picture is read from its file */
} hg_sample_maker;

/* Makes the sample of item `index`; to be deinitialised by the caller. HG_STATUS_INPUT, with file and line,
 * when the item is bad: as hg_llava_read; an image that is missing or cannot be read; a wrong number of codes
 * or a code that the picture decoder has not; an item that the stage has no use for; a sample that is too
 * long, if its answer cannot or may not be cut. Images and codes are never cut. */
hg_status hg_sample_make(const hg_sample_maker *maker, size_t index, hg_train_sample *sample,
                         hg_error *err) HG_MUST_CHECK;

#endif
