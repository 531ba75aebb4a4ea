/* SPDX-License-Identifier: Apache-2.0
 *
 * set_build_rows.c: a row of a published set becomes an item: its split, its images' place in the set, its
 * line.
 */
#include "data/set_build_parts.h"

#include "base/file.h"
#include "base/memory.h"
#include "data/phantom_random.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUILD_MAX_FILE_BYTES ((size_t)256 << 20) /* of an image that is copied */
#define BUILD_SAMPLES 36                         /* on the overview */

static hg_split split_of(hg_build *b, const hg_source_row *row, size_t group)
{
    if (b->request->official && row->official >= 0)
        return (hg_split)row->official;
    size_t root = hg_group_find(b->parents, group);
    if (b->official[root] > HG_SPLIT_TRAIN)
        return (hg_split)b->official[root];
    const char *name = b->names.names[root];
    /* A publisher's test split is the test split; without one, part of the groups becomes it. */
    return hg_split_by_name(b->request->seed, name, b->request->val,
                            b->result->has_official_test ? 0 : b->request->test);
}

/* Copies a file when it cannot be linked (another disk). */
static hg_status copy_file(const char *from, const char *to, hg_error *err)
{
    hg_buffer bytes;
    hg_buffer_init(&bytes, BUILD_MAX_FILE_BYTES);
    hg_status status = hg_file_read(from, &bytes, err);
    if (status == HG_STATUS_OK)
        status = hg_file_write_quick(to, bytes.data, bytes.size, err);
    hg_buffer_deinit(&bytes);
    return status;
}

/* Gives the image its place in the set, once. */
static hg_status place_image(hg_build *b, size_t number, hg_error *err)
{
    hg_build_image *image = &b->images[number];
    char from[HG_PATH_BYTES], to[HG_PATH_BYTES];
    if (image->name[0] != 0)
        return HG_STATUS_OK;
    const char *base = hg_path_name(b->names.names[number] + 2);
    size_t length = strlen(base);
    snprintf(image->name, sizeof image->name, "images/%07zu_%s", number,
             length > 48 ? base + length - 48 : base);
    for (char *c = image->name + 7; *c != 0; c++)
        *c = *c == ' ' || *c == '\\' ? '_' : *c;
    hg_build_find_image(b, number, from, image);
    hg_status status = hg_path_join(to, b->request->out, image->name, err);
    if (status != HG_STATUS_OK)
        return status;
    b->result->n_images++;
    unlink(to);
    return link(from, to) == 0 ? HG_STATUS_OK : copy_file(from, to, err);
}

/* A number that is the same for rows that say the same about the same images. */
static hg_status is_repeated(hg_build *b, const hg_source_row *row, bool *repeated, hg_error *err)
{
    char *text = json_dumps(row->conversations, JSON_COMPACT), key[40];
    uint64_t h = 1, g = 2;
    if (text == NULL)
        return hg_error_memory(err, 1, "a row");
    for (const char *c = text; *c != 0; c++) {
        h = hg_phantom_hash(h, (unsigned char)*c);
        g = (g ^ (unsigned char)*c) * 1099511628211U;
    }
    hg_mem_free(text);
    for (size_t i = 0; i < row->n_images; i++) {
        for (const char *c = row->images[i]; *c != 0; c++)
            h = hg_phantom_hash(h, (unsigned char)*c);
    }
    size_t number;
    bool added = true;
    snprintf(key, sizeof key, "%016llx%016llx", (unsigned long long)h, (unsigned long long)g);
    hg_status status = hg_name_table_get(&b->seen, key, &number, &added, err);
    *repeated = !added;
    return status;
}

static void show_sample(hg_build *b, const hg_source_row *row, const char *image)
{
    const json_t *turns = row->conversations;
    const char *q = json_string_value(json_object_get(json_array_get(turns, 0), "value"));
    const char *a = json_string_value(json_object_get(json_array_get(turns, 1), "value"));
    char text[600];
    if (b->n_samples >= BUILD_SAMPLES || q == NULL || a == NULL)
        return;
    b->n_samples++;
    snprintf(text, sizeof text, "%.250s\n%.250s", q, a);
    hg_set_page_sample(&b->page, image, NULL, text);
}

/* The first question gets the image tags, unless the conversation has its own. */
static void tag_question(json_t *turns, size_t n_images)
{
    json_t *first = json_array_get(turns, 0);
    const char *value = json_string_value(json_object_get(first, "value"));
    for (size_t i = 0; i < json_array_size(turns); i++) {
        const char *any = json_string_value(json_object_get(json_array_get(turns, i), "value"));
        if (any == NULL || strstr(any, "<image>") != NULL)
            return;
    }
    if (n_images == 0 || value == NULL)
        return;
    json_t *tagged = json_sprintf("<image>\n%s", value);
    for (size_t i = 1; i < n_images && tagged != NULL; i++) {
        json_t *more = json_sprintf("<image>\n%s", json_string_value(tagged));
        json_decref(tagged);
        tagged = more;
    }
    json_object_set_new(first, "value", tagged);
}

static hg_status push_row(hg_build *b, const hg_source_row *row, hg_split split, json_t *images,
                          hg_error *err)
{
    hg_buffer line;
    char id[64];
    snprintf(id, sizeof id, "%s_%07zu", b->source->name,
             b->result->n_items[0] + b->result->n_items[1] + b->result->n_items[2]);
    tag_question(row->conversations, row->n_images);
    json_t *item = json_pack("{s:s, s:o*, s:O, s:s, s:s, s:s, s:s, s:s}", "id", id, "image", images,
                             "conversations", row->conversations, "task", "comprehension", "patient",
                             row->group, "split", hg_split_name(split), "source", b->source->name, "license",
                             row->license[0] != 0 ? row->license : b->source->license);
    if (item != NULL && row->fields != NULL)
        json_object_update_missing(item, row->fields);
    hg_buffer_init(&line, (size_t)8 << 20);
    hg_status status = hg_line_push(&line, item, err);
    if (status == HG_STATUS_OK)
        status = hg_set_writer_push(&b->writer, split, &line, err);
    hg_buffer_deinit(&line);
    b->result->n_items[split] += status == HG_STATUS_OK;
    return status;
}

/* The images' names in the set: a string for one, a list for more, NULL for none. */
static hg_status row_images(hg_build *b, const hg_source_row *row, json_t **images, bool *missing,
                            hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    json_t *list = json_array();
    *missing = false;
    for (size_t i = 0; i < row->n_images && status == HG_STATUS_OK; i++) {
        size_t number;
        status = hg_build_name(b, 'i', row->images[i], &number, err);
        if (status != HG_STATUS_OK)
            break;
        bool good = b->images[number].good;
        *missing = *missing || !good;
        if (good)
            status = place_image(b, number, err);
        json_array_append_new(list, json_string(good ? b->images[number].name : row->images[i]));
    }
    *images = list;
    if (row->n_images == 1)
        *images = json_incref(json_array_get(list, 0));
    else if (row->n_images == 0)
        *images = NULL;
    if (*images != list)
        json_decref(list);
    return status;
}

hg_status hg_build_write_row(hg_build *b, const hg_source_row *row, hg_error *err)
{
    json_t *images = NULL;
    size_t group;
    bool missing, repeated = false;
    if (row->skipped)
        b->result->n_skipped++;
    else if (!hg_build_wanted(b, row))
        b->result->n_multi++;
    if (!hg_build_wanted(b, row))
        return HG_STATUS_OK;
    hg_status status = is_repeated(b, row, &repeated, err);
    if (status == HG_STATUS_OK && repeated) {
        b->result->n_repeated++;
        return HG_STATUS_OK;
    }
    if (status == HG_STATUS_OK)
        status = hg_build_name(b, 'g', row->group, &group, err);
    if (status == HG_STATUS_OK)
        status = row_images(b, row, &images, &missing, err);
    if (status == HG_STATUS_OK && missing) {
        b->result->n_missing++;
        if (!b->request->keep_missing) {
            json_decref(images);
            return HG_STATUS_OK;
        }
    }
    if (status != HG_STATUS_OK) {
        json_decref(images);
        return status;
    }
    hg_split split = split_of(b, row, group);
    b->result->n_moved += row->official >= 0 && (hg_split)row->official != split &&
                          (row->official != HG_SPLIT_TRAIN || split == HG_SPLIT_TEST);
    const char *shown = json_is_string(images) && !missing ? json_string_value(images) : NULL;
    show_sample(b, row, shown);
    return push_row(b, row, split, images, err);
}
