/* SPDX-License-Identifier: Apache-2.0
 *
 * set_build.c: a published set becomes a VL-Health set. Two passes over its files: the first finds the
 * images, hashes them (set_build_images.c), and joins what must share a split (one patient, one image,
 * look-alikes); the second writes (set_build_rows.c).
 */
#include "data/set_build_parts.h"

#include "base/file.h"
#include "base/memory.h"
#include "data/set_volumes.h"

#include <stdio.h>

/* ---- first pass ---- */

hg_status hg_build_name(hg_build *b, char kind, const char *name, size_t *number, hg_error *err)
{
    char key[HG_SOURCE_NAME_BYTES + 2];
    bool added;
    snprintf(key, sizeof key, "%c:%s", kind, name);
    hg_status status = hg_name_table_get(&b->names, key, number, &added, err);
    if (status != HG_STATUS_OK || !added)
        return status;
    if (*number >= b->capacity) {
        size_t capacity = b->capacity == 0 ? 1024 : 2 * b->capacity;
        hg_build_image *images = hg_mem_resize(b->images, capacity, sizeof *images);
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
    b->images[*number] = (hg_build_image){0};
    b->parents[*number] = (uint32_t)*number;
    b->official[*number] = -1;
    return HG_STATUS_OK;
}

bool hg_build_wanted(const hg_build *b, const hg_source_row *row)
{
    return !row->skipped && (row->n_images_all <= 1 || b->request->multi_image) &&
           row->n_images_all == row->n_images;
}

static hg_status scan_row(hg_build *b, const hg_source_row *row, hg_error *err)
{
    size_t group, image;
    hg_status status =
        hg_build_wanted(b, row) ? hg_build_name(b, 'g', row->group, &group, err) : HG_STATUS_OK;
    if (status != HG_STATUS_OK || !hg_build_wanted(b, row))
        return status;
    if (row->official > b->official[group])
        b->official[group] = (int8_t)row->official;
    for (size_t i = 0; i < row->n_images && status == HG_STATUS_OK; i++) {
        status = hg_build_name(b, 'i', row->images[i], &image, err);
        if (status == HG_STATUS_OK)
            hg_group_join(b->parents, group, image);
    }
    return status;
}

static void note(hg_build *b, const char *text)
{
    b->result->n_bad++;
    if (b->request->on_note != NULL)
        b->request->on_note(b->request->on_note_user, text);
}

typedef hg_status (*row_fn)(hg_build *b, const hg_source_row *row, hg_error *err);

static hg_status visit_row(hg_build *b, const hg_llava_set *set, size_t i, int number, int split,
                           row_fn visit, bool tell, hg_error *err)
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

static hg_status visit_record(hg_build *b, const hg_llava_set *set, size_t i, int split, row_fn visit,
                              bool tell, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    for (int k = 0; k < (b->source->rows_each > 0 ? b->source->rows_each : 1) && status == HG_STATUS_OK; k++)
        status = visit_row(b, set, i, k, split, visit, tell, err);
    return status;
}

hg_status hg_build_report(const hg_build *b, const char *stage, size_t done, size_t total, hg_error *err)
{
    const hg_progress *p = &b->request->progress;
    if (p->report == NULL || p->report(p->user, stage, (int64_t)done, (int64_t)total))
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_FAILED, "cancelled");
}

/* All records of all files that are there. */
static hg_status visit_all(hg_build *b, row_fn visit, bool tell, hg_error *err)
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
                status = hg_build_report(b, tell ? "writing" : "reading", i, n, err);
        }
        hg_llava_close(set);
    }
    if (status == HG_STATUS_OK && n_files == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: no file of %s (as '%s') in it", b->request->in,
                            b->source->name, b->source->files[0].name);
    return status;
}

/* ---- the whole ---- */

/* The strictest split that any member of a set has becomes that of all. */
static void settle_splits(hg_build *b)
{
    for (size_t i = 0; i < b->names.n; i++) {
        size_t root = hg_group_find(b->parents, i);
        if (b->official[i] > b->official[root])
            b->official[root] = b->official[i];
    }
}

static hg_status write_page(hg_build *b, hg_error *err)
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

static hg_status build_questions(hg_build *b, hg_error *err)
{
    hg_status status = visit_all(b, scan_row, false, err);
    if (status == HG_STATUS_OK)
        status = hg_build_hash_images(b, err);
    if (status != HG_STATUS_OK)
        return status;
    settle_splits(b);
    for (size_t i = 0; i < b->names.n; i++)
        b->result->has_official_test = b->result->has_official_test || b->official[i] == HG_SPLIT_TEST;
    return visit_all(b, hg_build_write_row, true, err);
}

static hg_status check_request(const hg_build_request *r, hg_build *b, bool *volumes, hg_error *err)
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

static void build_deinit(hg_build *b)
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
    hg_build b = {.request = request, .result = result};
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
