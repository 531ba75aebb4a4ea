/* SPDX-License-Identifier: Apache-2.0
 *
 * vit_facts.c: one line after the other; which keys become classes is decided by vit_labels.h.
 */
#include "pretrain/vit_facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES 160
#define ABSENT "_absent"

typedef struct facts_line {
    hg_vit_labels *labels;
    uint32_t image;
    hg_error *err;
    hg_status status;
} facts_line;

static void add(facts_line *line, const char *name, const char *value, float weight)
{
    if (line->status == HG_STATUS_OK)
        line->status = hg_vit_labels_add(line->labels, line->image, name, value, weight, line->err);
}

/* A text or a whole number; other values say nothing. */
static void add_scalar(facts_line *line, const char *name, const json_t *value, float weight)
{
    char digits[32];
    if (json_is_string(value)) {
        add(line, name, json_string_value(value), weight);
    } else if (json_is_integer(value)) {
        snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        add(line, name, digits, weight);
    }
}

static void add_object(facts_line *line, const char *name, json_t *object)
{
    char full[NAME_BYTES];
    const char *key, *visible = json_string_value(json_object_get(object, "visible"));
    json_t *value;
    if (visible != NULL && strcmp(visible, "yes") != 0) {
        snprintf(full, sizeof full, "%s.visible", name);
        if (strcmp(visible, "no") == 0)
            add(line, full, "no", 1);
        return;
    }
    json_object_foreach(object, key, value)
    {
        snprintf(full, sizeof full, "%s.%s", name, key);
        add_scalar(line, full, value, 1);
    }
}

static void add_names(facts_line *line, const char *name, const json_t *list, const char *value, float weight)
{
    char full[NAME_BYTES];
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *one = json_string_value(json_array_get(list, i));
        snprintf(full, sizeof full, "%s: %s", name, one == NULL ? "" : one);
        add(line, full, value, weight);
    }
}

static void add_lists(facts_line *line, const char *name, const json_t *present, const json_t *absent)
{
    size_t n = json_array_size(present) + json_array_size(absent);
    if (n == 0 || absent == NULL)
        return;
    add_names(line, name, present, "yes", 1 / (float)n);
    add_names(line, name, absent, "no", 1 / (float)n);
}

static void add_cells(facts_line *line, const json_t *cells)
{
    for (size_t i = 0; i < json_array_size(cells) && line->status == HG_STATUS_OK; i++) {
        const char *word = json_string_value(json_array_get(cells, i));
        line->status =
            hg_vit_labels_add_cell(line->labels, line->image, (int)i, word == NULL ? "" : word, line->err);
    }
}

static hg_status add_facts(hg_vit_labels *labels, uint32_t image, json_t *record, hg_error *err)
{
    facts_line line = {labels, image, err, HG_STATUS_OK};
    const char *key;
    json_t *value;
    json_object_foreach(record, key, value)
    {
        char other[NAME_BYTES];
        snprintf(other, sizeof other, "%s" ABSENT, key);
        if (strcmp(key, "image") == 0 || strcmp(key, "split") == 0)
            continue;
        if (json_is_object(value))
            add_object(&line, key, value);
        else if (strcmp(key, "cells") == 0 && json_array_size(value) == HG_VIT_ALL_CELLS)
            add_cells(&line, value);
        else if (json_is_array(value))
            add_lists(&line, key, value, json_object_get(record, other));
        else if (json_is_null(value)) {
            snprintf(other, sizeof other, "%s.visible", key);
            add(&line, other, "no", 1);
        } else
            add_scalar(&line, key, value, 1);
    }
    return line.status;
}

static hg_status read_line(hg_vit_labels *labels, hg_picture_set *pictures, const hg_llava_set *facts,
                           size_t i, const char *split, hg_error *err)
{
    json_t *record = NULL;
    char path[HG_PATH_BYTES];
    uint32_t image = 0;
    hg_status status = hg_llava_parse(facts, i, &record, err);
    if (status != HG_STATUS_OK)
        return status;
    const char *own = json_string_value(json_object_get(record, "split"));
    const char *name = json_string_value(json_object_get(record, "image"));
    if (name == NULL)
        status = hg_error_set(err, HG_STATUS_INPUT, "%s:%lld: no \"image\"", hg_llava_path(facts),
                              (long long)hg_llava_line(facts, i));
    else if (strcmp(own == NULL ? "train" : own, split) == 0) {
        status = hg_llava_image_path(facts, name, path, err);
        if (status == HG_STATUS_OK)
            status = hg_picture_set_add(pictures, path, &image, err);
        if (status == HG_STATUS_OK)
            status = add_facts(labels, image, record, err);
    }
    json_decref(record);
    return status;
}

hg_status hg_vit_facts_read(hg_vit_labels *labels, hg_picture_set *pictures, const hg_llava_set *facts,
                            const char *split, const hg_llava_visitor *notes, int64_t *n_bad, hg_error *err)
{
    size_t n = hg_llava_n_items(facts);
    for (size_t i = 0; i < n; i++) {
        hg_error why = {HG_STATUS_OK, ""};
        hg_status status = read_line(labels, pictures, facts, i, split, &why);
        if (status == HG_STATUS_INPUT) {
            (*n_bad)++;
            if (notes->note != NULL)
                notes->note(notes->note_user, why.text);
        } else if (status != HG_STATUS_OK) {
            return hg_error_set(err, status, "%s", why.text);
        }
    }
    return HG_STATUS_OK;
}
