/* SPDX-License-Identifier: Apache-2.0
 *
 * vit_labels.c: questions and answers in lists that are searched from their beginning: there are few of them.
 */
#include "pretrain/vit_labels.h"

#include "base/memory.h"

#include <string.h>

#define ANSWER_BYTES 64 /* longer answers are no classes */
#define MAX_ANSWERS 64  /* a question with more is no classification */
#define MAX_QUESTIONS 4096
#define LEAST_IMAGES 4 /* that a question must have been asked of */

static void question_deinit(hg_vit_question *q)
{
    for (int32_t i = 0; i < q->n; i++)
        hg_mem_free(q->answers[i]);
    hg_mem_free(q->answers);
    hg_mem_free(q->counts);
    hg_mem_free(q->text);
}

void hg_vit_labels_deinit(hg_vit_labels *labels)
{
    for (int32_t i = 0; i < labels->n_questions && !labels->fixed; i++)
        question_deinit(&labels->questions[i]);
    for (int32_t i = 0; i < labels->n_cell_words && !labels->fixed; i++)
        hg_mem_free(labels->cell_words[i]);
    if (!labels->fixed)
        hg_mem_free(labels->questions);
    hg_mem_free(labels->images);
    *labels = (hg_vit_labels){0};
}

hg_vit_labels hg_vit_labels_same(const hg_vit_labels *from)
{
    hg_vit_labels labels = *from;
    labels.images = NULL;
    labels.n_images = labels.images_capacity = 0;
    labels.fixed = true;
    return labels;
}

static hg_status no_memory(hg_error *err, size_t bytes)
{
    return hg_error_memory(err, bytes, "the labels of the images");
}

/* *out = the index of the question, -1 where there is none and none may be added. */
static hg_status find_question(hg_vit_labels *labels, const char *text, int32_t *out, hg_error *err)
{
    *out = -1;
    for (int32_t i = 0; i < labels->n_questions; i++) {
        if (strcmp(labels->questions[i].text, text) == 0) {
            *out = i;
            return HG_STATUS_OK;
        }
    }
    if (labels->fixed || labels->n_questions == MAX_QUESTIONS)
        return HG_STATUS_OK;
    if (labels->n_questions == labels->capacity) {
        int32_t capacity = labels->capacity == 0 ? 64 : 2 * labels->capacity;
        hg_vit_question *questions = hg_mem_resize(labels->questions, (size_t)capacity, sizeof *questions);
        if (questions == NULL)
            return no_memory(err, (size_t)capacity * sizeof *questions);
        labels->questions = questions;
        labels->capacity = capacity;
    }
    hg_vit_question q = {.text = hg_mem_string(text), .first = -1};
    if (q.text == NULL)
        return no_memory(err, strlen(text));
    *out = labels->n_questions;
    labels->questions[labels->n_questions++] = q;
    return HG_STATUS_OK;
}

/* The same of an answer. One beyond the maximum is counted by n alone. */
static hg_status find_answer(const hg_vit_labels *labels, hg_vit_question *q, const char *text, int32_t *out,
                             hg_error *err)
{
    *out = -1;
    for (int32_t i = 0; i < q->n; i++) {
        if (strcmp(q->answers[i], text) == 0) {
            *out = i;
            return HG_STATUS_OK;
        }
    }
    if (labels->fixed || q->n > MAX_ANSWERS)
        return HG_STATUS_OK;
    if (q->n == q->capacity) {
        int32_t capacity = q->capacity == 0 ? 4 : 2 * q->capacity;
        char **answers = hg_mem_resize(q->answers, (size_t)capacity, sizeof *answers);
        if (answers != NULL)
            q->answers = answers;
        int64_t *counts = hg_mem_resize(q->counts, (size_t)capacity, sizeof *counts);
        if (counts != NULL)
            q->counts = counts;
        if (answers == NULL || counts == NULL)
            return no_memory(err, (size_t)capacity * sizeof *answers);
        q->capacity = capacity;
    }
    char *copy = hg_mem_string(text);
    if (copy == NULL)
        return no_memory(err, strlen(text));
    q->answers[q->n] = copy;
    q->counts[q->n] = 0;
    *out = q->n++;
    return HG_STATUS_OK;
}

/* Room for the labels of picture `index`. */
static hg_status reserve_image(hg_vit_labels *labels, size_t index, hg_error *err)
{
    if (index >= labels->images_capacity) {
        size_t capacity = labels->images_capacity == 0 ? 256 : 2 * labels->images_capacity;
        capacity = capacity > index ? capacity : index + 1;
        hg_vit_image *images = hg_mem_resize(labels->images, capacity, sizeof *images);
        if (images == NULL)
            return no_memory(err, capacity * sizeof *images);
        labels->images = images;
        labels->images_capacity = capacity;
    }
    for (; labels->n_images <= index; labels->n_images++)
        labels->images[labels->n_images] = (hg_vit_image){0};
    return HG_STATUS_OK;
}

hg_status hg_vit_labels_add(hg_vit_labels *labels, uint32_t index, const char *question, const char *answer,
                            float weight, hg_error *err)
{
    hg_vit_label label = {.weight = weight};
    hg_status status = reserve_image(labels, index, err);
    if (status != HG_STATUS_OK || answer[0] == 0 || strlen(answer) > ANSWER_BYTES ||
        labels->images[index].n == HG_VIT_MAX_LABELS)
        return status;
    hg_vit_image *image = &labels->images[index];
    status = find_question(labels, question, &label.question, err);
    if (status != HG_STATUS_OK || label.question < 0)
        return status;
    hg_vit_question *q = &labels->questions[label.question];
    status = find_answer(labels, q, answer, &label.answer, err);
    if (status != HG_STATUS_OK || label.answer < 0)
        return status;
    for (int32_t i = 0; i < image->n; i++) {
        if (image->labels[i].question == label.question)
            return HG_STATUS_OK; /* asked twice: the first answer counts */
    }
    image->labels[image->n++] = label;
    if (!labels->fixed) {
        q->counts[label.answer]++;
        q->n_images++;
    }
    return HG_STATUS_OK;
}

hg_status hg_vit_labels_add_cell(hg_vit_labels *labels, uint32_t index, int cell, const char *word,
                                 hg_error *err)
{
    hg_status status = reserve_image(labels, index, err);
    int32_t i = 0;
    if (status != HG_STATUS_OK)
        return status;
    hg_vit_image *image = &labels->images[index];
    while (i < labels->n_cell_words && strcmp(labels->cell_words[i], word) != 0)
        i++;
    if (i == labels->n_cell_words && (labels->fixed || i == HG_VIT_MAX_CELL_WORDS)) {
        i = -1;
    } else if (i == labels->n_cell_words) {
        labels->cell_words[i] = hg_mem_string(word);
        if (labels->cell_words[i] == NULL)
            return no_memory(err, strlen(word));
        labels->n_cell_words++;
    }
    for (int k = 0; !image->has_cells && k < HG_VIT_ALL_CELLS; k++)
        image->cells[k] = -1;
    image->has_cells = true;
    if (i >= 0 && !labels->fixed)
        labels->cell_counts[i]++;
    image->cells[cell] = (int16_t)i;
    return HG_STATUS_OK;
}

typedef struct label_reader {
    hg_vit_labels *labels;
    hg_picture_set *pictures;
} label_reader;

/* Only items about one picture are of use. */
static bool is_labelled(const hg_llava_item *item)
{
    return item->n_images == 1 && !item->draws;
}

static hg_status expect_items(void *user, const hg_llava_item *items, size_t n, hg_error *err)
{
    hg_picture_set *pictures = ((label_reader *)user)->pictures;
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; i < n && status == HG_STATUS_OK; i++) {
        if (is_labelled(&items[i]))
            status = hg_picture_set_expect(pictures, items[i].images[0], err);
    }
    return status == HG_STATUS_OK ? hg_picture_set_read_expected(pictures, err) : status;
}

static hg_status add_item(void *user, const hg_llava_item *item, hg_error *err)
{
    hg_vit_labels *labels = ((label_reader *)user)->labels;
    hg_picture_set *pictures = ((label_reader *)user)->pictures;
    uint32_t index = 0;
    if (!is_labelled(item))
        return HG_STATUS_OK;
    hg_status status = hg_picture_set_add(pictures, item->images[0], &index, err);
    for (size_t i = 0; i < item->n_turns && status == HG_STATUS_OK; i++)
        status = hg_vit_labels_add(labels, index, item->turns[i].question, item->turns[i].answer, 1, err);
    return status;
}

hg_status hg_vit_labels_read(hg_vit_labels *labels, hg_picture_set *pictures, const hg_llava_set *data,
                             const hg_llava_listener *listener, int64_t *n_bad, hg_error *err)
{
    label_reader reader = {labels, pictures};
    const hg_llava_visitor visitor = {add_item, expect_items, &reader, listener};
    return hg_llava_visit(data, &visitor, n_bad, err);
}

void hg_vit_labels_choose(hg_vit_labels *labels)
{
    for (int32_t i = 0; i < labels->n_questions; i++) {
        hg_vit_question *q = &labels->questions[i];
        if (q->n < 2 || q->n > MAX_ANSWERS || q->n_images < LEAST_IMAGES)
            continue;
        q->first = (int32_t)labels->n_classes;
        labels->n_classes += q->n;
        labels->n_used++;
    }
    for (size_t i = 0; i < labels->n_images; i++) {
        hg_vit_image *image = &labels->images[i];
        int32_t kept = 0;
        for (int32_t k = 0; k < image->n; k++) {
            if (labels->questions[image->labels[k].question].first >= 0)
                image->labels[kept++] = image->labels[k];
        }
        image->n = kept;
    }
}
