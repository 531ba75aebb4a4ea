/* SPDX-License-Identifier: Apache-2.0
 *
 * llava_json.h: training data in LLaVA's and VL-Health's form: a JSON array of items, or one item a line.
 *
 *   {"image": "a.png" or ["a.png", "b.png"],
 *    "conversations": [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "..."}],
 *    "target_image": "b.png"}
 *
 * `image` may be absent (text only). An item is for generation when it has `target_image` (the picture to
 * draw) or when its one answer consists of picture codes, "<start_index><idx_5>...<end_index>". Opening only
 * finds where the items are, so a set may be larger than memory; each is parsed when it is wanted, and what
 * is wrong with one item is that item's error, with file and line.
 */
#ifndef HG_DATA_LLAVA_JSON_H
#define HG_DATA_LLAVA_JSON_H

#include "base/error.h"
#include "base/file.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HG_LLAVA_MAX_IMAGES 16

typedef struct hg_llava_set hg_llava_set;

typedef struct hg_llava_turn {
    char *question; /* without image tags, trimmed */
    char *answer;   /* trimmed; "" when the answer is a picture */
} hg_llava_turn;

typedef struct hg_llava_item {
    int64_t line;                      /* where it begins, from 1 */
    char *images[HG_LLAVA_MAX_IMAGES]; /* paths, those of the file resolved beside it */
    size_t n_images;
    hg_llava_turn *turns;
    size_t n_turns;
    bool draws;         /* an item for generation */
    char *target_image; /* the picture to draw, as a path; NULL: `codes` */
    int32_t *codes;     /* picture codes of the answer */
    size_t n_codes;
} hg_llava_item;

/* Finds the items of a file. `image_folder` is what relative image paths are relative to; NULL: the file's
 * own folder. HG_STATUS_INPUT when the file is missing or is no list of objects. */
hg_status hg_llava_open(hg_llava_set **out, const char *path, const char *image_folder,
                        hg_error *err) HG_MUST_CHECK;
void hg_llava_close(hg_llava_set *set); /* NULL is allowed */

size_t hg_llava_n_items(const hg_llava_set *set);

/* The file's path, as it was given. */
const char *hg_llava_path(const hg_llava_set *set);

/* An image that a record names, as a path. */
hg_status hg_llava_image_path(const hg_llava_set *set, const char *name, char path[HG_PATH_BYTES],
                              hg_error *err) HG_MUST_CHECK;

/* A number that changes with the file's content. */
uint64_t hg_llava_fingerprint(const hg_llava_set *set);

/* The line on which item `index` begins. */
int64_t hg_llava_line(const hg_llava_set *set, size_t index);

/* Reads item `index`; the caller releases it. HG_STATUS_INPUT, as "FILE:LINE: item N: ...", when it is bad:
 * no conversation, an unknown speaker, speakers out of order, an empty answer, an image tag without an image
 * or the other way round, a tag that is not known here, a code that is no number. Whether image files exist
 * is not looked at. */
hg_status hg_llava_read(const hg_llava_set *set, size_t index, hg_llava_item *item,
                        hg_error *err) HG_MUST_CHECK;
void hg_llava_item_deinit(hg_llava_item *item);

/* Who hears about the reading of a file. Each function may be NULL. */
typedef struct hg_llava_listener {
    void (*note)(void *user, const char *text); /* why an item is passed over */
    /* `done` of `n` items have been read; false ends the reading with HG_STATUS_FAILED. */
    bool (*progress)(void *user, int64_t done, int64_t n);
    void *user;
} hg_llava_listener;

/* Says to the listener (may be NULL) how far the reading of the set is. */
hg_status hg_llava_report(const hg_llava_set *set, const hg_llava_listener *listener, size_t done,
                          hg_error *err) HG_MUST_CHECK;

/* So many items are read before they are visited. */
#define HG_LLAVA_AHEAD 256

/* Calls `visit` for every item, in order. Items that cannot be read, or that `visit` refuses with
 * HG_STATUS_INPUT, are told to the listener and counted in *n_bad; another failure ends it. */
typedef struct hg_llava_visitor {
    hg_status (*visit)(void *user, const hg_llava_item *item, hg_error *err);
    /* What is visited next, to be prepared for together; items that cannot be read are empty. May be NULL. */
    hg_status (*expect)(void *user, const hg_llava_item *items, size_t n, hg_error *err);
    void *user;
    const hg_llava_listener *listener; /* may be NULL */
} hg_llava_visitor;

hg_status hg_llava_visit(const hg_llava_set *set, const hg_llava_visitor *visitor, int64_t *n_bad,
                         hg_error *err) HG_MUST_CHECK;

/* Item `index` as JSON, whatever it holds; the caller drops it (json_decref). HG_STATUS_INPUT, as above, when
 * it is none. */
hg_status hg_llava_parse(const hg_llava_set *set, size_t index, json_t **out, hg_error *err) HG_MUST_CHECK;

#endif
