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
#include "image/image_ahead.h"
#include "train/code_cache.h"
#include "train/sample_gradient.h"
#include "train/train_settings.h"

typedef struct hg_sample_maker {
    hg_model *model;
    const hg_train_settings *settings;
    const hg_llava_set *set;
    hg_code_cache *codes;  /* NULL in stages without pictures to draw */
    hg_ctx *ctx;           /* for the codes of pictures that are not in the cache */
    hg_image_ahead *ahead; /* of 3 · S · S bytes each; NULL: every picture is read when it is met */
} hg_sample_maker;

/* Nothing but time: the samples of these items will be made soon, and their pictures are decoded together by
 * hg_sample_read_expected. A bad item is passed over. */
hg_status hg_sample_expect(const hg_sample_maker *maker, size_t index, hg_error *err) HG_MUST_CHECK;
hg_status hg_sample_read_expected(const hg_sample_maker *maker, hg_error *err) HG_MUST_CHECK;

/* As many as it is worth while to expect; a run that is to be stopped waits for them. */
#define HG_SAMPLES_AHEAD 16

/* Makes the sample of item `index`; to be deinitialised by the caller. HG_STATUS_INPUT, with file and line,
 * when the item is bad: as hg_llava_read; an image that is missing or cannot be read; a wrong number of codes
 * or a code that the picture decoder has not; an item that the stage has no use for; a sample that is too
 * long, if its answer cannot or may not be cut. Images and codes are never cut. */
hg_status hg_sample_make(const hg_sample_maker *maker, size_t index, hg_train_sample *sample,
                         hg_error *err) HG_MUST_CHECK;

#endif
