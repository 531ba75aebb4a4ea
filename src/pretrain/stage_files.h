/* SPDX-License-Identifier: Apache-2.0
 *
 * stage_files.h: what the stages share: the folder of a part, its settings files, which items are held back.
 */
#ifndef HG_PRETRAIN_STAGE_FILES_H
#define HG_PRETRAIN_STAGE_FILES_H

#include "base/buffer.h"
#include "data/llava_json.h"
#include "pretrain/pretrain_settings.h"
#include "tensor/dtype.h"

/* OUT/`name`, which is made. */
hg_status hg_stage_folder(char folder[HG_PATH_BYTES], const hg_pretrain_settings *s, const char *name,
                          hg_error *err) HG_MUST_CHECK;

/* Writes the text, which is released. */
hg_status hg_stage_write_text(const char *folder, const char *name, hg_buffer *text,
                              hg_error *err) HG_MUST_CHECK;

/* The setting `type`. */
hg_dtype hg_stage_type(const hg_pretrain_settings *s);

/* Tells the listener of a run (may be NULL) about the reading of its data. */
hg_llava_listener hg_stage_reading(const hg_train_listener *listener);

/* Items to train on and items held back, evenly spread, at most a tenth. With less than twenty nothing is
 * held back, and `held` lists all of them: what is measured then has been seen. */
typedef struct hg_split {
    uint32_t *train, *held;
    int64_t n_train, n_held;
} hg_split;

hg_status hg_split_init(hg_split *split, int64_t n, int64_t n_held, hg_error *err) HG_MUST_CHECK;
void hg_split_deinit(hg_split *split);

#endif
