/* SPDX-License-Identifier: Apache-2.0
 *
 * train_log.h: log.jsonl, one JSON object a line: a step with its numbers, or a note.
 */
#ifndef HG_TRAIN_TRAIN_LOG_H
#define HG_TRAIN_TRAIN_LOG_H

#include "base/error.h"

#include <healthgpt/train.h>

#include <stdio.h>

typedef struct hg_train_log {
    FILE *file;
} hg_train_log;

/* Keeps the lines of the first `step` steps of a log that is there, and appends behind them. */
hg_status hg_train_log_open(hg_train_log *log, const char *path, int64_t step, hg_error *err) HG_MUST_CHECK;
void hg_train_log_close(hg_train_log *log);

/* What cannot be written is passed over: training does not end because of its log. */
void hg_train_log_step(hg_train_log *log, const hg_train_step *step);
void hg_train_log_validation(hg_train_log *log, int64_t step, double loss, int64_t n_samples, bool best);
void hg_train_log_note(hg_train_log *log, int64_t step, const char *kind, const char *text);

#endif
