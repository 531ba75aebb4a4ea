/* SPDX-License-Identifier: Apache-2.0
 *
 * sample_pack.h: samples that are computed together: their rows lie one after the other, so that products are
 * of many rows, and each attends to itself alone. Which samples go together depends on the samples and their
 * order alone, not on memory or threads, because products of other numbers of rows may round otherwise.
 *
 * Questions about the same picture, one after the other, begin with the same positions up to the question,
 * and what a causal decoder makes of these depends on nothing behind them. A pack that `shares` has such
 * rows once: the first of these samples has them, and the others go on from there (hg_segments).
 */
#ifndef HG_TRAIN_SAMPLE_PACK_H
#define HG_TRAIN_SAMPLE_PACK_H

#include "engine/prompt.h"
#include "model/healthgpt_model.h"
#include "ops/ops.h"

/* Positions and samples of a pack at most; a longer sample is a pack of its own. */
#define HG_PACK_ROWS 1024
#define HG_PACK_SAMPLES 64

/* What a sample is by the time that it is computed. */
typedef struct hg_train_sample {
    hg_task task;
    hg_prompt prompt; /* all positions, the answer's among them */
    int32_t *labels;  /* (n_items): the token that should follow the position; -1 where it does not matter */
    int64_t n_labels; /* that are not -1 */
    bool was_cut;     /* the answer's end does not fit */
} hg_train_sample;

void hg_train_sample_deinit(hg_train_sample *s);

/* Positions that are read: all but the last, which nothing follows. */
int64_t hg_train_sample_rows(const hg_train_sample *s);

/* Empty when all is zero. */
typedef struct hg_sample_pack {
    bool shares;                              /* rows of pictures; set by whoever fills it */
    hg_train_sample samples[HG_PACK_SAMPLES]; /* all of one task */
    int64_t n;
    int64_t begin[HG_PACK_SAMPLES + 1]; /* (n + 1): each one's first own row; then how many there are */
    int64_t image[HG_PACK_SAMPLES + 1]; /* (n + 1): its first own image, among all; then how many there are */
    hg_prefix prefix[HG_PACK_SAMPLES];  /* (n): rows of its owner that it begins with; n = 0: none */
    int64_t owner[HG_PACK_SAMPLES];     /* (n): the sample that they belong to; without them, itself */
    int64_t n_shared_images[HG_PACK_SAMPLES]; /* (n): that begin in the prefix */
} hg_sample_pack;

/* Whether the sample may join. An empty pack takes any. */
bool hg_sample_pack_fits(const hg_sample_pack *p, const hg_train_sample *s);

/* Takes over the sample, which fits. */
void hg_sample_pack_add(hg_sample_pack *p, const hg_train_sample *s);

/* The position within sample i of its own row `row`; its label; and the number among the pack's images of its
 * image k. */
int64_t hg_sample_pack_position(const hg_sample_pack *p, int64_t i, int64_t row);
int32_t hg_sample_pack_label(const hg_sample_pack *p, int64_t i, int64_t row);
int64_t hg_sample_pack_image(const hg_sample_pack *p, int64_t i, int64_t k);

/* Releases the samples: the pack is empty. */
void hg_sample_pack_reset(hg_sample_pack *p);

#endif
