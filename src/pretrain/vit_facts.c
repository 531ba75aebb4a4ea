/* SPDX-License-Identifier: Apache-2.0
 *
 * vit_facts.c: lines are parsed some way ahead, so that their pictures are decoded together, and then taken
 * one after the other. Which keys become classes is decided by vit_labels.h.
 */
#include "pretrain/vit_facts.h"

#include "base/memory.h"

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

/* ---- lines ---- */

/* One line that has been parsed, and of which picture it tells. */
typedef struct facts_record {
    json_t *json;
    char *path; /* NULL: the line is of another split, or bad, as `status` says */
    hg_status status;
    hg_error why;
} facts_record;

typedef struct facts_reader {
    hg_vit_labels *labels;
    hg_picture_set *pictures;
    const hg_llava_set *facts;
    const char *split;
    facts_record *records; /* HG_LLAVA_AHEAD, of lines first .. first + n - 1 */
    size_t first, n;
} facts_reader;

static hg_status find_picture(const hg_llava_set *facts, size_t i, facts_record *record)
{
    char path[HG_PATH_BYTES];
    const char *name = json_string_value(json_object_get(record->json, "image"));
    if (name == NULL)
        return hg_error_set(&record->why, HG_STATUS_INPUT, "%s:%lld: no \"image\"", hg_llava_path(facts),
                            (long long)hg_llava_line(facts, i));
    hg_status status = hg_llava_image_path(facts, name, path, &record->why);
    if (status != HG_STATUS_OK)
        return status;
    record->path = hg_mem_string(path);
    return record->path != NULL ? HG_STATUS_OK : hg_error_memory(&record->why, strlen(path), "a path");
}

/* What is wrong with it stays with the record. */
static void parse_line(const facts_reader *r, size_t i, facts_record *record)
{
    *record = (facts_record){.status = HG_STATUS_OK};
    record->status = hg_llava_parse(r->facts, i, &record->json, &record->why);
    if (record->status != HG_STATUS_OK)
        return;
    const char *own = json_string_value(json_object_get(record->json, "split"));
    bool wanted = strcmp(own == NULL ? "train" : own, r->split) == 0;
    if (wanted || !json_is_string(json_object_get(record->json, "image")))
        record->status = find_picture(r->facts, i, record);
}

static hg_status parse_lines(facts_reader *r, hg_error *err)
{
    size_t left = hg_llava_n_items(r->facts) - r->first;
    hg_status status = HG_STATUS_OK;
    r->n = left < HG_LLAVA_AHEAD ? left : HG_LLAVA_AHEAD;
    for (size_t i = 0; i < r->n; i++) {
        parse_line(r, r->first + i, &r->records[i]);
        if (status == HG_STATUS_OK && r->records[i].path != NULL)
            status = hg_picture_set_expect(r->pictures, r->records[i].path, err);
    }
    return status == HG_STATUS_OK ? hg_picture_set_read_expected(r->pictures, err) : status;
}

static hg_status take_line(const facts_reader *r, facts_record *record)
{
    uint32_t image = 0;
    hg_status status = record->status;
    if (status != HG_STATUS_OK || record->path == NULL)
        return status;
    status = hg_picture_set_add(r->pictures, record->path, &image, &record->why);
    return status == HG_STATUS_OK ? add_facts(r->labels, image, record->json, &record->why) : status;
}

static hg_status take_lines(const facts_reader *r, const hg_llava_listener *listener, int64_t *n_bad,
                            hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; i < r->n && status == HG_STATUS_OK; i++) {
        facts_record *record = &r->records[i];
        hg_status how = take_line(r, record);
        if (how != HG_STATUS_OK && how != HG_STATUS_INPUT)
            return hg_error_set(err, how, "%s", record->why.text);
        *n_bad += how == HG_STATUS_INPUT;
        if (how == HG_STATUS_INPUT && listener != NULL && listener->note != NULL)
            listener->note(listener->user, record->why.text);
        status = hg_llava_report(r->facts, listener, r->first + i + 1, err);
    }
    return status;
}

static void drop_lines(facts_reader *r)
{
    for (size_t i = 0; i < r->n; i++) {
        json_decref(r->records[i].json);
        hg_mem_free(r->records[i].path);
    }
    r->first += r->n;
    r->n = 0;
}

hg_status hg_vit_facts_read(hg_vit_labels *labels, hg_picture_set *pictures, const hg_llava_set *facts,
                            const char *split, const hg_llava_listener *listener, int64_t *n_bad,
                            hg_error *err)
{
    facts_reader r = {labels, pictures, facts, split, NULL, 0, 0};
    hg_status status = HG_STATUS_OK;
    r.records = hg_mem_array(HG_LLAVA_AHEAD, sizeof *r.records);
    if (r.records == NULL)
        return hg_error_memory(err, HG_LLAVA_AHEAD * sizeof *r.records, "facts");
    while (r.first < hg_llava_n_items(facts) && status == HG_STATUS_OK) {
        status = parse_lines(&r, err);
        if (status == HG_STATUS_OK)
            status = take_lines(&r, listener, n_bad, err);
        drop_lines(&r);
    }
    hg_mem_free(r.records);
    return status;
}
