/* SPDX-License-Identifier: Apache-2.0
 *
 * schedule.h: the learning rate of each step: a linear warm-up, then constant, linear to zero, or half a
 * cosine to zero. The same numbers as transformers' get_*_schedule_with_warmup.
 */
#ifndef HG_TRAIN_SCHEDULE_H
#define HG_TRAIN_SCHEDULE_H

#include <healthgpt/status.h>

#include <stdint.h>

typedef enum hg_schedule_kind {
    HG_SCHEDULE_CONSTANT,
    HG_SCHEDULE_LINEAR,
    HG_SCHEDULE_COSINE
} hg_schedule_kind;

typedef struct hg_schedule {
    hg_schedule_kind kind;
    double rate;          /* at the end of the warm-up */
    int64_t warmup_steps; /* 0: none */
} hg_schedule;

/* The rate of the step before which `step` steps were made (so the first is 0, whose rate is 0 when there is
 * a warm-up), of n_steps in all. From n_steps on it is 0, except for a constant rate. */
double hg_schedule_rate(const hg_schedule *s, int64_t step, int64_t n_steps);

/* "constant", "linear", "cosine"; other names are HG_STATUS_INPUT. */
hg_status hg_schedule_parse(const char *name, hg_schedule_kind *kind, hg_error *err) HG_MUST_CHECK;

#endif
