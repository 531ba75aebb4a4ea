/* SPDX-License-Identifier: Apache-2.0
 *
 * validation.h: the loss on data that is not trained on.
 */
#ifndef HG_TRAIN_VALIDATION_H
#define HG_TRAIN_VALIDATION_H

#include "train/reduce.h"
#include "train/sample_maker.h"

typedef struct hg_validation {
    double loss; /* mean over all labels */
    int64_t n_samples, n_bad;
} hg_validation;

/* Over all items of the maker's set, without dropout; all processes make the call and get the same. Bad items
 * are counted and left out; HG_STATUS_INPUT when none can be used, with the reason of the last. */
hg_status hg_validation_run(const hg_sample_maker *maker, hg_reduce *reduce, hg_validation *result,
                            hg_error *err) HG_MUST_CHECK;

#endif
