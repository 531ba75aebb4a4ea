/* SPDX-License-Identifier: Apache-2.0
 *
 * set_build.c: a published set becomes a VL-Health set. Two passes over its files: the first finds the
 * images, hashes them, and joins what must share a split (one patient, one image, look-alikes); the second
 * writes.
 */
#include "data/set_build.h"

#include "base/file.h"
#include "base/memory.h"
#include "data/image_hash.h"
#include "data/phantom_random.h"
#include "data/set_volumes.h"
#include "image/image_list.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUILD_MAX_FILE_BYTES ((size_t)256 << 20) /* of an image that is copied */
#define BUILD_SAMPLES 36                         /* on the overview */

/* What is known of an image. */
typedef struct build_image {
    uint64_t hash;
    bool found, good; /* the file is there; it could be decoded */
    char below[24];   /* folder of the source in which it lies */
    char name[80];    /* in the set, "images/0000012_a.jpg"; "" until it is linked */
} build_image;

typedef struct build {
    const hg_build_request *request;
    const hg_source *source;
    hg_name_table names; /* images as "i:NAME", groups as "g:NAME" */
    build_image *images; /* by number of the name; unused for groups */
    uint32_t *parents;   /* sets of names that share a split */
    int8_t *official;    /* by root: the publisher's split, or -1; test wins, then val */
    size_t capacity;
    hg_name_table seen; /* rows written, to find repeated ones */
    hg_set_writer writer;
    hg_set_page page;
    size_t n_samples;
    hg_build_result *result;
} build;

/* ---- first pass ---- */

static hg_status name_number(build *b, char kind, const char *name, size_t *number, hg_error *err)
{
    char key[HG_SOURCE_NAME_BYTES + 2];
    bool added;
    snprintf(key, sizeof key, "%c:%s", kind, name);
    hg_status status = hg_name_table_get(&b->names, key, number, &added, err);
    if (status != HG_STATUS_OK || !added)
        return status;
    if (*number >= b->capacity) {
        size_t capacity = b->capacity == 0 ? 1024 : 2 * b->capacity;
        build_image *images = hg_mem_resize(b->images, capacity, sizeof *images);
        if (images != NULL)
            b->images = images;
        uint32_t *parents = hg_mem_resize(b->parents, capacity, sizeof *parents);
        if (parents != NULL)
            b->parents = parents;
        int8_t *official = hg_mem_resize(b->official, capacity, sizeof *official);
        if (official != NULL)
            b->official = official;
        if (images == NULL || parents == NULL || official == NULL)
            return hg_error_memory(err, capacity * sizeof *images, "the list of images");
        b->capacity = capacity;
    }
    b->images[*number] = (build_image){0};
    b->parents[*number] = (uint32_t)*number;
    b->official[*number] = -1;
    return HG_STATUS_OK;
}

static bool wanted(const build *b, const hg_source_row *row)
{
    return !row->skipped && (row->n_images_all <= 1 || b->request->multi_image) &&
           row->n_images_all == row->n_images;
}

static hg_status scan_row(build *b, const hg_source_row *row, hg_error *err)
{
    size_t group, image;
    hg_status status = wanted(b, row) ? name_number(b, 'g', row->group, &group, err) : HG_STATUS_OK;
    if (status != HG_STATUS_OK || !wanted(b, row))
        return status;
    if (row->official > b->official[group])
        b->official[group] = (int8_t)row->official;
    for (size_t i = 0; i < row->n_images && status == HG_STATUS_OK; i++) {
        status = name_number(b, 'i', row->images[i], &image, err);
        if (status == HG_STATUS_OK)
            hg_group_join(b->parents, group, image);
    }
    return status;
}

static void note(build *b, const char *text)
{
    b->result->n_bad++;
    if (b->request->on_note != NULL)
        b->request->on_note(b->request->on_note_user, text);
}

typedef hg_status (*row_fn)(build *b, const hg_source_row *row, hg_error *err);

static hg_status visit_row(build *b, const hg_llava_set *set, size_t i, int number, int split, row_fn visit,
                           bool tell, hg_error *err)
{
    hg_source_row row = {.official = -1, .number = number};
    json_t *record = NULL;
    hg_error why = {HG_STATUS_OK, ""};
    hg_status status = hg_llava_parse(set, i, &record, &why);
    if (status == HG_STATUS_OK) {
        status = b->source->read(&row, record, &why);
        if (status == HG_STATUS_INPUT)
            hg_error_prefix(&why, status, "%s:%lld", hg_llava_path(set), (long long)hg_llava_line(set, i));
    }
    if (split >= 0)
        row.official = split;
    json_decref(record);
    if (status == HG_STATUS_OK)
        status = visit(b, &row, err);
    else if (status == HG_STATUS_INPUT) {
        if (tell)
            note(b, why.text);
        status = HG_STATUS_OK;
    } else {
        hg_error_set(err, status, "%s", why.text);
    }
    hg_source_row_deinit(&row);
    return status;
}

static hg_status visit_record(build *b, const hg_llava_set *set, size_t i, int split, row_fn visit, bool tell,
                              hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    for (int k = 0; k < (b->source->rows_each > 0 ? b->source->rows_each : 1) && status == HG_STATUS_OK; k++)
        status = visit_row(b, set, i, k, split, visit, tell, err);
    return status;
}

static hg_status report(const build *b, const char *stage, size_t done, size_t total, hg_error *err)
{
    const hg_progress *p = &b->request->progress;
    if (p->report == NULL || p->report(p->user, stage, (int64_t)done, (int64_t)total))
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_FAILED, "cancelled");
}

/* All records of all files that are there. */
static hg_status visit_all(build *b, row_fn visit, bool tell, hg_error *err)
{
    int n_files = 0;
    hg_status status = HG_STATUS_OK;
    for (size_t f = 0; f < HG_SOURCE_MAX_FILES && status == HG_STATUS_OK && b->source->files[f].name != NULL;
         f++) {
        char path[HG_PATH_BYTES];
        hg_llava_set *set;
        status = hg_path_join(path, b->request->in, b->source->files[f].name, err);
        if (status != HG_STATUS_OK || !hg_file_exists(path))
            continue;
        n_files++;
        status = hg_llava_open(&set, path, NULL, err);
        if (status != HG_STATUS_OK)
            return status;
        size_t n = hg_llava_n_items(set);
        for (size_t i = 0; i < n && status == HG_STATUS_OK; i++) {
            status = visit_record(b, set, i, b->source->files[f].split, visit, tell, err);
            if (status == HG_STATUS_OK && i % 64 == 0)
                status = report(b, tell ? "writing" : "reading", i, n, err);
        }
        hg_llava_close(set);
    }
    if (status == HG_STATUS_OK && n_files == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: no file of %s (as '%s') in it", b->request->in,
                            b->source->name, b->source->files[0].name);
    return status;
}

/* ---- images ---- */

static bool find_image(const build *b, size_t number, char path[HG_PATH_BYTES], build_image *image)
{
    for (size_t k = 0; k < sizeof b->source->folders / sizeof *b->source->folders; k++) {
        const char *below = b->source->folders[k];
        if (below == NULL)
            break;
        int n = snprintf(path, HG_PATH_BYTES, "%s/%s%s%s", b->request->in, below, below[0] != 0 ? "/" : "",
                         b->names.names[number] + 2);
        if (n > 0 && n < HG_PATH_BYTES && hg_file_exists(path)) {
            snprintf(image->below, sizeof image->below, "%s", below);
            return true;
        }
    }
    return false;
}

/* Images that are read together. */
#define HASH_LOT 256

typedef struct hash_lot {
    build *build;
    char *paths[HASH_LOT];
    size_t numbers[HASH_LOT], n;
} hash_lot;

static hg_status take_hash(void *user, size_t index, const hg_image *image, hg_status status,
                           const hg_error *why, hg_error *err)
{
    const hash_lot *lot = user;
    build_image *to = &lot->build->images[lot->numbers[index]];
    (void)why, (void)err;
    to->good = status == HG_STATUS_OK && hg_image_hash(&to->hash, image, NULL) == HG_STATUS_OK;
    return HG_STATUS_OK;
}

/* Hashes the images among the names from number `first` on; *next comes behind them. */
static hg_status hash_some(build *b, hash_lot *lot, size_t first, size_t *next, hg_error *err)
{
    char path[HG_PATH_BYTES];
    hg_status status = HG_STATUS_OK;
    lot->n = 0;
    for (*next = first; *next < b->names.n && lot->n < HASH_LOT && status == HG_STATUS_OK; ++*next) {
        build_image *image = &b->images[*next];
        if (b->names.names[*next][0] != 'i')
            continue;
        image->found = find_image(b, *next, path, image);
        if (!image->found)
            continue;
        lot->numbers[lot->n] = *next;
        lot->paths[lot->n] = hg_mem_string(path);
        if (lot->paths[lot->n++] == NULL)
            status = hg_error_memory(err, strlen(path), "a path");
    }
    if (status == HG_STATUS_OK)
        status = hg_image_read_list((const char *const *)lot->paths, lot->n, take_hash, lot, err);
    for (size_t i = 0; i < lot->n; i++)
        hg_mem_free(lot->paths[i]);
    return status;
}

/* Hashes all images, then joins those that look alike. Flat pictures hash to 0 or nearly: they are left. */
static hg_status hash_images(build *b, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    hash_lot lot = {.build = b};
    for (size_t first = 0; first < b->names.n && status == HG_STATUS_OK;) {
        status = hash_some(b, &lot, first, &first, err);
        if (status == HG_STATUS_OK)
            status = report(b, "images", first, b->names.n, err);
    }
    for (size_t i = 0; i < b->names.n && status == HG_STATUS_OK; i++) {
        for (size_t j = i + 1; b->images[i].good && j < b->names.n; j++) {
            if (!b->images[j].good ||
                hg_image_hash_distance(b->images[i].hash, b->images[j].hash) > b->request->near)
                continue;
            b->result->n_alike++;
            hg_group_join(b->parents, i, j);
        }
        if (i % 1024 == 0)
            status = report(b, "alike", i, b->names.n, err);
    }
    return status;
}

/* The strictest split that any member of a set has becomes that of all. */
static void settle_splits(build *b)
{
    for (size_t i = 0; i < b->names.n; i++) {
        size_t root = hg_group_find(b->parents, i);
        if (b->official[i] > b->official[root])
            b->official[root] = b->official[i];
    }
}

/* ---- second pass ---- */

static hg_split split_of(build *b, const hg_source_row *row, size_t group)
{
    if (b->request->official && row->official >= 0)
        return (hg_split)row->official;
    size_t root = hg_group_find(b->parents, group);
    if (b->official[root] > HG_SPLIT_TRAIN)
        return (hg_split)b->official[root];
    /* By the name, so that one more record does not move the others. */
    const char *name = b->names.names[root];
    uint64_t h = b->request->seed;
    for (const char *c = name; *c != 0; c++)
        h = hg_phantom_hash(h, (unsigned char)*c);
    double place = (double)(h >> 11) * 0x1p-53;
    if (place < b->request->val)
        return HG_SPLIT_VAL;
    /* A publisher's test split is the test split; without one, part of the groups becomes it. */
    bool has_test = b->result->has_official_test;
    return !has_test && place < b->request->val + b->request->test ? HG_SPLIT_TEST : HG_SPLIT_TRAIN;
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
static hg_status place_image(build *b, size_t number, hg_error *err)
{
    build_image *image = &b->images[number];
    char from[HG_PATH_BYTES], to[HG_PATH_BYTES];
    if (image->name[0] != 0)
        return HG_STATUS_OK;
    const char *base = hg_path_name(b->names.names[number] + 2);
    size_t length = strlen(base);
    snprintf(image->name, sizeof image->name, "images/%07zu_%s", number,
             length > 48 ? base + length - 48 : base);
    for (char *c = image->name + 7; *c != 0; c++)
        *c = *c == ' ' || *c == '\\' ? '_' : *c;
    find_image(b, number, from, image);
    hg_status status = hg_path_join(to, b->request->out, image->name, err);
    if (status != HG_STATUS_OK)
        return status;
    b->result->n_images++;
    unlink(to);
    return link(from, to) == 0 ? HG_STATUS_OK : copy_file(from, to, err);
}

/* A number that is the same for rows that say the same about the same images. */
static hg_status is_repeated(build *b, const hg_source_row *row, bool *repeated, hg_error *err)
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

static void show_sample(build *b, const hg_source_row *row, const char *image)
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

static hg_status push_row(build *b, const hg_source_row *row, hg_split split, json_t *images, hg_error *err)
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
static hg_status row_images(build *b, const hg_source_row *row, json_t **images, bool *missing, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    json_t *list = json_array();
    *missing = false;
    for (size_t i = 0; i < row->n_images && status == HG_STATUS_OK; i++) {
        size_t number;
        status = name_number(b, 'i', row->images[i], &number, err);
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

static hg_status write_row(build *b, const hg_source_row *row, hg_error *err)
{
    json_t *images = NULL;
    size_t group;
    bool missing, repeated = false;
    if (row->skipped)
        b->result->n_skipped++;
    else if (!wanted(b, row))
        b->result->n_multi++;
    if (!wanted(b, row))
        return HG_STATUS_OK;
    hg_status status = is_repeated(b, row, &repeated, err);
    if (status == HG_STATUS_OK && repeated) {
        b->result->n_repeated++;
        return HG_STATUS_OK;
    }
    if (status == HG_STATUS_OK)
        status = name_number(b, 'g', row->group, &group, err);
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

/* ---- the whole ---- */

static hg_status write_page(build *b, hg_error *err)
{
    const hg_build_result *r = b->result;
    const struct {
        const char *name;
        size_t n;
    } rows[] = {{"train", r->n_items[0]},
                {"val", r->n_items[1]},
                {"test", r->n_items[2]},
                {"images", r->n_images},
                {"left out: image missing or damaged", b->request->keep_missing ? 0 : r->n_missing},
                {"left out: several images", r->n_multi},
                {"left out: repeated", r->n_repeated},
                {"left out: other language", r->n_skipped},
                {"left out: bad record", r->n_bad},
                {"pairs of images that look alike", r->n_alike},
                {"moved to another split than the publisher's", r->n_moved}};
    hg_set_page_heading(&b->page, "Counts");
    hg_set_page_table_begin(&b->page, b->request->from);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        hg_set_page_table_row(&b->page, rows[i].name, rows[i].n);
    hg_set_page_table_end(&b->page);
    return hg_set_page_write(&b->page, b->request->out, err);
}

static hg_status build_questions(build *b, hg_error *err)
{
    hg_status status = visit_all(b, scan_row, false, err);
    if (status == HG_STATUS_OK)
        status = hash_images(b, err);
    if (status != HG_STATUS_OK)
        return status;
    settle_splits(b);
    for (size_t i = 0; i < b->names.n; i++)
        b->result->has_official_test = b->result->has_official_test || b->official[i] == HG_SPLIT_TEST;
    return visit_all(b, write_row, true, err);
}

static hg_status check_request(const hg_build_request *r, build *b, bool *volumes, hg_error *err)
{
    b->source = r->from == NULL ? NULL : hg_source_find(r->from);
    *volumes = r->from != NULL && hg_volumes_find(r->from);
    if (b->source == NULL && !*volumes)
        return hg_error_set(
            err, HG_STATUS_USAGE,
            "no source '%.40s' (vqa-rad, slake, pathvqa, mimic-cxr-vqa, llava-med, pubmedvision, "
            "llava-558k, llava-665k, catalogue, ixi, synthrad2023)",
            r->from == NULL ? "" : r->from);
    if (r->in == NULL || r->out == NULL || r->out[0] == 0)
        return hg_error_set(err, HG_STATUS_USAGE, "the source's folder and one for the set are wanted");
    if (!hg_folder_exists(r->in))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: no such folder", r->in);
    if (!(r->val >= 0 && r->test >= 0 && r->val + r->test < 1) || r->near < 0 || r->near > 16)
        return hg_error_set(err, HG_STATUS_USAGE,
                            "parts for val and test are 0 to 1 together; near is 0 to 16 bits");
    return HG_STATUS_OK;
}

static void build_deinit(build *b)
{
    hg_name_table_deinit(&b->names);
    hg_name_table_deinit(&b->seen);
    hg_mem_free(b->images);
    hg_mem_free(b->parents);
    hg_mem_free(b->official);
    hg_set_page_deinit(&b->page);
}

hg_status hg_data_build(const hg_build_request *request, hg_build_result *result, hg_error *err)
{
    build b = {.request = request, .result = result};
    bool volumes;
    *result = (hg_build_result){0};
    hg_status status = check_request(request, &b, &volumes, err);
    if (status == HG_STATUS_OK)
        status = hg_set_writer_open(&b.writer, request->out, false, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_name_table_init(&b.names);
    hg_name_table_init(&b.seen);
    hg_set_page_init(&b.page, request->from, volumes ? hg_volumes_license(request->from) : b.source->license);
    status = volumes ? hg_volumes_build(request, &b.writer, &b.page, result, err) : build_questions(&b, err);
    if (status == HG_STATUS_OK)
        status = write_page(&b, err);
    if (status == HG_STATUS_OK)
        status = hg_set_writer_commit(&b.writer, err);
    else
        hg_set_writer_abandon(&b.writer);
    build_deinit(&b);
    return status;
}
