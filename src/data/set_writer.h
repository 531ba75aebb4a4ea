/* SPDX-License-Identifier: Apache-2.0
 *
 * set_writer.h: writes a data set: train.json, val.json and test.json, arrays with one item a line, and of
 * phantoms truth.jsonl and texts.jsonl. The lists get their names when all is written.
 */
#ifndef HG_DATA_SET_WRITER_H
#define HG_DATA_SET_WRITER_H

#include "base/buffer.h"
#include "base/file_writer.h"

#include <jansson.h>

typedef enum hg_split { HG_SPLIT_TRAIN, HG_SPLIT_VAL, HG_SPLIT_TEST, HG_SPLIT_COUNT } hg_split;

/* "train", "val", "test". */
const char *hg_split_name(hg_split split);

/* Of the parts `val` and `test` of all names, in 0..1, the one that this name is in, or HG_SPLIT_TRAIN: by
 * the name alone, so that one more record does not move the others. */
hg_split hg_split_by_name(uint64_t seed, const char *name, double val, double test);

/* The split of the `k`-th of equals (patients of one kind): of ten that follow each other one is for
 * validation and one for test, chosen by `seed`; of fewer than ten as well, if they are chosen. */
hg_split hg_split_of(uint64_t seed, uint64_t k);

typedef struct hg_set_writer {
    char folder[HG_PATH_BYTES];
    hg_file_writer lists[HG_SPLIT_COUNT];
    hg_file_writer truth, texts; /* of phantoms */
    size_t n_items[HG_SPLIT_COUNT];
} hg_set_writer;

/* Makes the folder, and `images` in it. `phantoms`: there will be truths and texts. */
hg_status hg_set_writer_open(hg_set_writer *w, const char *folder, bool phantoms,
                             hg_error *err) HG_MUST_CHECK;

/* Appends `n` items, each a JSON object on a line of its own ending in '\n'. */
hg_status hg_set_writer_push(hg_set_writer *w, hg_split split, const hg_buffer *lines,
                             hg_error *err) HG_MUST_CHECK;
hg_status hg_set_writer_push_truth(hg_set_writer *w, const hg_buffer *lines, hg_error *err) HG_MUST_CHECK;
hg_status hg_set_writer_push_texts(hg_set_writer *w, const hg_buffer *lines, hg_error *err) HG_MUST_CHECK;

hg_status hg_set_writer_commit(hg_set_writer *w, hg_error *err) HG_MUST_CHECK;
void hg_set_writer_abandon(hg_set_writer *w);

/* An item for comprehension: one question and its answer. `image` may be NULL. */
json_t *hg_item_ask(const char *id, const char *image, const char *question, const char *answer);

/* An item for generation; `image` may be NULL when the instruction is the request (report to X-ray). */
json_t *hg_item_draw(const char *id, const char *image, const char *target, const char *instruction);

/* Appends the object as one line and drops it. */
hg_status hg_line_push(hg_buffer *lines, json_t *object, hg_error *err) HG_MUST_CHECK;

#endif
