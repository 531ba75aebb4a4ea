/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_set.c: a whole set of synthetic patients. Patients are made side by side, a batch at a time, and
 * written in order, so that the files do not depend on the number of threads.
 */
#include "base/file.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "data/phantom_study.h"
#include "data/set_page.h"

#include <healthgpt/data.h>

#include <stdio.h>
#include <string.h>

#define SET_BATCH 16       /* patients */
#define SET_PAGE_STUDIES 3 /* of each part on the overview */

typedef struct phantom_set {
    hg_phantom_request request;
    hg_phantom_part parts[HG_PHANTOM_PART_COUNT];
    int n_parts;
    hg_set_writer writer;
    hg_set_page page;
    hg_phantom_study *studies; /* SET_BATCH */
    int first;                 /* index of the batch's first patient */
    size_t n_by_kind[HG_LESION_COUNT];
    size_t n_by_part[HG_PHANTOM_PART_COUNT];
    hg_phantom_result *result;
} phantom_set;

static hg_status parse_parts(phantom_set *set, const char *text, hg_error *err)
{
    if (text == NULL) {
        for (int i = 0; i < HG_PHANTOM_BLANK; i++) /* blank pictures are only made when asked for */
            set->parts[set->n_parts++] = (hg_phantom_part)i;
        return HG_STATUS_OK;
    }
    while (*text != 0) {
        size_t n = strcspn(text, ",");
        if (set->n_parts == HG_PHANTOM_PART_COUNT ||
            !hg_phantom_part_find(text, n, &set->parts[set->n_parts]))
            return hg_error_set(err, HG_STATUS_USAGE,
                                "no part '%.*s' of the body (head, chest, abdomen, pelvis, blood, blank)",
                                (int)n, text);
        set->n_parts++;
        text += n + (text[n] == ',');
    }
    return set->n_parts > 0 ? HG_STATUS_OK
                            : hg_error_set(err, HG_STATUS_USAGE, "no part of the body is named");
}

static hg_status check_request(phantom_set *set, const hg_phantom_request *request, hg_error *err)
{
    hg_phantom_request *r = &set->request;
    *r = *request;
    r->n_slices = r->n_slices == 0 ? 4 : r->n_slices;
    r->n_questions = r->n_questions == 0 ? 4 : r->n_questions;
    r->ill = r->ill < 0 ? 0.7 : r->ill;
    r->n_threads = r->n_threads == 0 ? hg_parallel_processors() : r->n_threads;
    if (r->out == NULL || r->out[0] == 0)
        return hg_error_set(err, HG_STATUS_USAGE, "a folder for the set is wanted");
    if (r->n_patients < 1 || r->n_patients > 1000000)
        return hg_error_set(err, HG_STATUS_USAGE, "%d patients; 1 to 1000000 are possible", r->n_patients);
    if (r->size < 64 || r->size > 256 || r->size % 8 != 0)
        return hg_error_set(err, HG_STATUS_USAGE, "size %d; multiples of 8 from 64 to 256 are possible",
                            r->size);
    if (r->n_slices < 1 || r->n_slices > 64)
        return hg_error_set(err, HG_STATUS_USAGE, "%d slices; 1 to 64 are possible", r->n_slices);
    if (r->n_questions < 1 || r->n_questions > HG_PHANTOM_MAX_QUESTIONS)
        return hg_error_set(err, HG_STATUS_USAGE, "%d questions; 1 to %d are possible", r->n_questions,
                            HG_PHANTOM_MAX_QUESTIONS);
    if (!(r->ill <= 1) || !(r->noise >= 0 && r->noise <= 10))
        return hg_error_set(err, HG_STATUS_USAGE, "the ill are 0 to 1 of all, noise is 0 to 10");
    if (r->format != NULL && strcmp(r->format, "png") != 0 && strcmp(r->format, "dicom") != 0 &&
        strcmp(r->format, "nifti") != 0)
        return hg_error_set(err, HG_STATUS_USAGE, "no format '%.40s' (png, dicom, nifti)", r->format);
    return parse_parts(set, r->parts, err);
}

static void make_one(void *arg, int64_t index, int worker)
{
    phantom_set *set = arg;
    (void)worker;
    int number = set->first + (int)index;
    int turn = number % set->n_parts;
    hg_phantom_part part = set->parts[turn];
    hg_split split = hg_split_of(set->request.seed + (uint64_t)part, (uint64_t)(number / set->n_parts));
    hg_phantom_study_make(&set->studies[index], &set->request, number, part, split);
}

static hg_status take_study(phantom_set *set, hg_phantom_study *study, hg_error *err)
{
    if (study->status != HG_STATUS_OK)
        return hg_error_set(err, study->status, "%s", study->err.text);
    hg_phantom_part part = study->patient.part;
    if (set->n_by_part[part]++ < SET_PAGE_STUDIES) {
        hg_set_page_heading(&set->page, study->name);
        for (size_t i = 0; i < study->n_samples; i++)
            hg_set_page_sample(&set->page, study->samples[i].image, NULL, study->samples[i].text);
    }
    set->n_by_kind[study->patient.lesion.kind]++;
    set->result->n_ill += study->patient.lesion.kind != HG_LESION_NONE;
    set->result->n_images += study->n_images;
    set->result->n_patients++;
    hg_status status = hg_set_writer_push(&set->writer, study->split, &study->items, err);
    if (status == HG_STATUS_OK)
        status = hg_set_writer_push_truth(&set->writer, &study->truth, err);
    return status == HG_STATUS_OK ? hg_set_writer_push_texts(&set->writer, &study->texts, err) : status;
}

static hg_status make_batch(phantom_set *set, int n, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    hg_parallel_for(set->request.n_threads, n, make_one, set);
    for (int i = 0; i < n; i++) {
        if (status == HG_STATUS_OK)
            status = take_study(set, &set->studies[i], err);
        hg_phantom_study_deinit(&set->studies[i]);
    }
    return status;
}

static hg_status report(const phantom_set *set, hg_error *err)
{
    const hg_progress *p = &set->request.progress;
    if (p->report == NULL || p->report(p->user, "phantoms", (int64_t)set->first, set->request.n_patients))
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_FAILED, "cancelled");
}

static hg_status make_all(phantom_set *set, hg_error *err)
{
    hg_status status = report(set, err);
    while (set->first < set->request.n_patients && status == HG_STATUS_OK) {
        int left = set->request.n_patients - set->first, n = left < SET_BATCH ? left : SET_BATCH;
        status = make_batch(set, n, err);
        set->first += n;
        if (status == HG_STATUS_OK)
            status = report(set, err);
    }
    return status;
}

static hg_status write_page(phantom_set *set, hg_error *err)
{
    hg_set_page_heading(&set->page, "Counts");
    hg_set_page_table_begin(&set->page, "items");
    for (int i = 0; i < HG_SPLIT_COUNT; i++)
        hg_set_page_table_row(&set->page, hg_split_name((hg_split)i), set->writer.n_items[i]);
    hg_set_page_table_end(&set->page);
    hg_set_page_table_begin(&set->page, "patients by lesion");
    for (int i = 0; i < HG_LESION_COUNT; i++) {
        if (set->n_by_kind[i] > 0)
            hg_set_page_table_row(&set->page, hg_lesion_words_get((hg_lesion_kind)i)->id, set->n_by_kind[i]);
    }
    hg_set_page_table_end(&set->page);
    return hg_set_page_write(&set->page, set->request.out, err);
}

hg_status hg_data_phantom(const hg_phantom_request *request, hg_phantom_result *result, hg_error *err)
{
    phantom_set set = {.result = result};
    *result = (hg_phantom_result){0};
    hg_status status = check_request(&set, request, err);
    if (status == HG_STATUS_OK)
        status = hg_set_writer_open(&set.writer, set.request.out, true, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_set_page_init(&set.page, "Phantoms",
                     "Synthetic patients made by healthgpt data phantom. Nothing here shows a real person.");
    set.studies = hg_mem_array(SET_BATCH, sizeof *set.studies);
    status = set.studies == NULL ? hg_error_memory(err, SET_BATCH * sizeof *set.studies, "patients")
                                 : make_all(&set, err);
    if (status == HG_STATUS_OK)
        status = write_page(&set, err);
    if (status == HG_STATUS_OK)
        status = hg_set_writer_commit(&set.writer, err);
    else
        hg_set_writer_abandon(&set.writer);
    for (int i = 0; i < HG_SPLIT_COUNT; i++)
        result->n_items[i] = set.writer.n_items[i];
    hg_set_page_deinit(&set.page);
    hg_mem_free(set.studies);
    return status;
}
