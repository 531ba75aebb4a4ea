/* SPDX-License-Identifier: Apache-2.0
 *
 * vit_labels.h: what an image encoder can be asked about the images of a data file. Every question that has
 * been asked of several images and has a few different short answers is a classification of its own; an image
 * has a label for each such question that its items answer. So labelled images need no file of labels: a
 * question is the name of an attribute and its answer the value.
 */
#ifndef HG_PRETRAIN_VIT_LABELS_H
#define HG_PRETRAIN_VIT_LABELS_H

#include "pretrain/picture_set.h"

/* Labels of one image beyond this many are left out. */
#define HG_VIT_MAX_LABELS 64

/* An answer's class lies in first .. first + n - 1 of its question. */
typedef struct hg_vit_question {
    char *text;
    char **answers;
    int64_t *counts; /* of images with that answer */
    int32_t n, capacity;
    int32_t first; /* of all classes; -1: not used */
    int64_t n_images;
} hg_vit_question;

typedef struct hg_vit_label {
    int32_t question, answer;
    float weight; /* beside the image's other labels */
} hg_vit_label;

/* Cells on a side of the grid in which it may be known what a picture shows where. */
#define HG_VIT_CELLS 8
#define HG_VIT_ALL_CELLS (HG_VIT_CELLS * HG_VIT_CELLS)
#define HG_VIT_MAX_CELL_WORDS 256

/* Labels of picture i of the set. */
typedef struct hg_vit_image {
    hg_vit_label labels[HG_VIT_MAX_LABELS];
    int32_t n;
    bool has_cells;
    int16_t cells[HG_VIT_ALL_CELLS]; /* row by row, of the words; -1: not known */
} hg_vit_image;

typedef struct hg_vit_labels {
    hg_vit_question *questions;
    int32_t n_questions, capacity, n_used;
    int64_t n_classes;
    char *cell_words[HG_VIT_MAX_CELL_WORDS];
    int64_t cell_counts[HG_VIT_MAX_CELL_WORDS]; /* cells with that word; not counted in a fixed set */
    int32_t n_cell_words;
    hg_vit_image *images; /* beside the pictures of the set */
    size_t n_images, images_capacity;
    bool fixed; /* questions and answers are those of another set: nothing is added */
} hg_vit_labels;

void hg_vit_labels_deinit(hg_vit_labels *labels);

/* Reads the items about one image each into pictures and labels. */
hg_status hg_vit_labels_read(hg_vit_labels *labels, hg_picture_set *pictures, const hg_llava_set *data,
                             const hg_llava_listener *listener, int64_t *n_bad, hg_error *err) HG_MUST_CHECK;

/* One label of picture `image`; nothing for an answer that can be no class. The first answer to a question
 * counts. */
hg_status hg_vit_labels_add(hg_vit_labels *labels, uint32_t image, const char *question, const char *answer,
                            float weight, hg_error *err) HG_MUST_CHECK;

/* What lies in cell `cell` of picture `image`, which hg_vit_labels_add has been told of; words beyond the
 * maximum are not known. */
hg_status hg_vit_labels_add_cell(hg_vit_labels *labels, uint32_t image, int cell, const char *word,
                                 hg_error *err) HG_MUST_CHECK;

/* Chooses the questions, numbers the classes, and drops the labels of other questions. */
void hg_vit_labels_choose(hg_vit_labels *labels);

/* A set of other images with the same questions, to be read and not chosen; `from` must outlive it. */
hg_vit_labels hg_vit_labels_same(const hg_vit_labels *from);

#endif
