/* SPDX-License-Identifier: Apache-2.0
 *
 * set_source.h: published data sets, each as it is distributed: which files it has, and what a record of them
 * means.
 */
#ifndef HG_DATA_SET_SOURCE_H
#define HG_DATA_SET_SOURCE_H

#include "data/llava_json.h"
#include "data/set_writer.h"

#include <jansson.h>

#define HG_SOURCE_NAME_BYTES 512

/* One record of a source. */
typedef struct hg_source_row {
    char images[HG_LLAVA_MAX_IMAGES][HG_SOURCE_NAME_BYTES]; /* as the record names them */
    size_t n_images;
    size_t n_images_all;              /* of the record; more than n_images when there are too many */
    char group[HG_SOURCE_NAME_BYTES]; /* the patient, or what is nearest to one: rows of one group share a
                                         split */
    int official;                     /* hg_split that the publisher gave; -1: none */
    json_t *conversations;            /* owned */
    json_t *fields;                   /* further keys of the item; owned; may be NULL */
    bool skipped;                     /* the row is not wanted (another language, no answer) */
    int number;                       /* given to `read`: which row of the record this is, from 0 */
    char license[120];                /* of this row; "" : the source's */
} hg_source_row;

void hg_source_row_deinit(hg_source_row *row);

/* A text member of a record; "" where there is none. */
const char *hg_source_text(const json_t *record, const char *key);

/* Adds an image path as the record writes it, with slashes; HG_STATUS_INPUT when it would leave the folder.
 */
hg_status hg_source_row_add_image(hg_source_row *row, const char *path, hg_error *err) HG_MUST_CHECK;

/* One question and its answer become the conversation; HG_STATUS_INPUT when one is empty. */
hg_status hg_source_row_ask(hg_source_row *row, const char *question, const char *answer,
                            hg_error *err) HG_MUST_CHECK;

/* A file of the source and the split that all its records are in (-1: the records say). */
typedef struct hg_source_file {
    const char *name;
    int split;
} hg_source_file;

#define HG_SOURCE_MAX_FILES 6

typedef struct hg_source {
    const char *name;                          /* "vqa-rad" */
    const char *license;                       /* of the records, as their publishers state it */
    hg_source_file files[HG_SOURCE_MAX_FILES]; /* those that are there are read; at least one must be */
    const char *folders[4]; /* where images may lie below the source's folder; "" is itself */
    /* Fills the row, of which `number` alone is set; HG_STATUS_INPUT with what is wrong. */
    hg_status (*read)(hg_source_row *row, const json_t *record, hg_error *err);
    int rows_each; /* rows that a record gives; 0: one */
} hg_source;

/* Sources of questions and captions, in JSON; NULL for another name. */
const hg_source *hg_source_find(const char *name);
const char *hg_source_name(size_t i); /* NULL after the last */

#endif
