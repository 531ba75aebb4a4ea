/* SPDX-License-Identifier: Apache-2.0
 *
 * set_source.c: the layouts of VQA-RAD, SLAKE, PathVQA, MIMIC-CXR-VQA, LLaVA-Med, PubMedVision and LLaVA's
 * two sets. Names of keys are those of the published files, their misspellings included.
 */
#include "data/set_source.h"

#include "base/memory.h"
#include "data/set_catalogue.h"

#include <stdio.h>
#include <string.h>

void hg_source_row_deinit(hg_source_row *row)
{
    json_decref(row->conversations);
    json_decref(row->fields);
    row->conversations = row->fields = NULL;
}

/* ---- pieces of records ---- */

const char *hg_source_text(const json_t *record, const char *key)
{
    const char *text = json_string_value(json_object_get(record, key));
    return text == NULL ? "" : text;
}

/* A value as text: strings as they are, whole numbers in digits; "" for others. */
static void value_text(char *out, size_t capacity, const json_t *value)
{
    if (json_is_string(value))
        snprintf(out, capacity, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(out, capacity, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        out[0] = 0;
}

hg_status hg_source_row_add_image(hg_source_row *row, const char *path, hg_error *err)
{
    if (path[0] == 0 || path[0] == '/' || strstr(path, "..") != NULL || strlen(path) >= HG_SOURCE_NAME_BYTES)
        return hg_error_set(err, HG_STATUS_INPUT, "'%.80s' is no image path", path);
    row->n_images_all++;
    if (row->n_images == HG_LLAVA_MAX_IMAGES)
        return HG_STATUS_OK;
    char *out = row->images[row->n_images++];
    size_t i = 0;
    for (; path[i] != 0; i++)
        out[i] = path[i] == '\\' ? '/' : path[i];
    out[i] = 0;
    return HG_STATUS_OK;
}

hg_status hg_source_row_ask(hg_source_row *row, const char *question, const char *answer, hg_error *err)
{
    if (question[0] == 0 || answer[0] == 0)
        return hg_error_set(err, HG_STATUS_INPUT, question[0] == 0 ? "no question" : "no answer");
    row->conversations = json_pack("[{s:s, s:s}, {s:s, s:s}]", "from", "human", "value", question, "from",
                                   "gpt", "value", answer);
    return row->conversations == NULL ? hg_error_memory(err, strlen(question), "a conversation")
                                      : HG_STATUS_OK;
}

/* Copies the record's text keys that are there. */
static void keep_fields(hg_source_row *row, const json_t *record, const char *const *keys)
{
    row->fields = json_object();
    for (; *keys != NULL; keys++) {
        json_t *value = json_object_get(record, *keys);
        if (json_is_string(value) || json_is_integer(value))
            json_object_set(row->fields, *keys, value);
    }
}

/* ---- one question a record ---- */

static hg_status read_vqa_rad(hg_source_row *row, const json_t *record, hg_error *err)
{
    static const char *const keys[] = {"answer_type", "question_type", "image_organ", "qid", NULL};
    char answer[2000];
    value_text(answer, sizeof answer, json_object_get(record, "answer")); /* counts are numbers there */
    hg_status status = hg_source_row_add_image(row, hg_source_text(record, "image_name"), err);
    if (status == HG_STATUS_OK)
        status = hg_source_row_ask(row, hg_source_text(record, "question"), answer, err);
    /* The case is the patient; where it is not named the image must do. */
    const char *patient = hg_source_text(record, "image_case_url");
    snprintf(row->group, sizeof row->group, "%s", patient[0] != 0 ? patient : row->images[0]);
    row->official =
        strncmp(hg_source_text(record, "phrase_type"), "test", 4) == 0 ? HG_SPLIT_TEST : HG_SPLIT_TRAIN;
    keep_fields(row, record, keys);
    return status;
}

static hg_status read_slake(hg_source_row *row, const json_t *record, hg_error *err)
{
    static const char *const keys[] = {"answer_type", "content_type", "modality", "location",
                                       "q_lang",      "qid",          NULL};
    row->skipped = strcmp(hg_source_text(record, "q_lang"), "en") != 0;
    hg_status status = hg_source_row_add_image(row, hg_source_text(record, "img_name"), err);
    if (status == HG_STATUS_OK)
        status =
            hg_source_row_ask(row, hg_source_text(record, "question"), hg_source_text(record, "answer"), err);
    snprintf(row->group, sizeof row->group, "%s", row->images[0]);
    keep_fields(row, record, keys);
    return status;
}

/* Two forms are in use: one with image_path, question, answer, one with Image_ID, Questions, Answers. */
static hg_status read_pathvqa(hg_source_row *row, const json_t *record, hg_error *err)
{
    static const char *const keys[] = {"answer_type", "question_type", NULL};
    bool first = json_object_get(record, "image_path") != NULL;
    const char *question = hg_source_text(record, first ? "question" : "Questions");
    const char *answer = hg_source_text(record, first ? "answer" : "Answers");
    hg_status status;
    if (first || json_object_get(record, "image") != NULL) {
        status = hg_source_row_add_image(row, hg_source_text(record, first ? "image_path" : "image"), err);
    } else {
        char name[HG_SOURCE_NAME_BYTES];
        snprintf(name, sizeof name, "%.400s.jpg", hg_source_text(record, "Image_ID"));
        status = hg_source_row_add_image(row, name, err);
    }
    if (status == HG_STATUS_OK)
        status = hg_source_row_ask(row, question, answer, err);
    snprintf(row->group, sizeof row->group, "%s", row->images[0]);
    keep_fields(row, record, keys);
    if (row->fields != NULL && json_object_get(row->fields, "answer_type") == NULL) {
        bool closed = strcmp(answer, "yes") == 0 || strcmp(answer, "no") == 0;
        json_object_set_new(row->fields, "answer_type", json_string(closed ? "CLOSED" : "OPEN"));
    }
    return status;
}

/* Answers are a list of findings, which may be empty. */
static hg_status read_mimic(hg_source_row *row, const json_t *record, hg_error *err)
{
    static const char *const keys[] = {"semantic_type", "content_type", "study_id", "image_id", NULL};
    const json_t *list = json_object_get(record, "answer");
    char answer[4000] = "";
    size_t used = 0;
    for (size_t i = 0; i < json_array_size(list) && used < sizeof answer; i++) {
        const char *one = json_string_value(json_array_get(list, i));
        used += (size_t)snprintf(answer + used, sizeof answer - used, "%s%s", i > 0 ? ", " : "",
                                 one == NULL ? "" : one);
    }
    if (json_is_array(list) && json_array_size(list) == 0)
        snprintf(answer, sizeof answer, "none");
    else if (json_is_string(list))
        snprintf(answer, sizeof answer, "%s", json_string_value(list));
    hg_status status = hg_source_row_add_image(row, hg_source_text(record, "image_path"), err);
    if (status == HG_STATUS_OK)
        status = hg_source_row_ask(row, hg_source_text(record, "question"), answer, err);
    value_text(row->group, sizeof row->group, json_object_get(record, "subject_id"));
    if (status == HG_STATUS_OK && row->group[0] == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "no subject_id");
    keep_fields(row, record, keys);
    if (row->fields != NULL)
        json_object_set_new(
            row->fields, "answer_type",
            json_string(strcmp(hg_source_text(record, "semantic_type"), "verify") == 0 ? "CLOSED" : "OPEN"));
    return status;
}

/* ---- conversations ---- */

/* As many tags as images: as they stand when the count is right, else all before the first question. */
static hg_status settle_tags(hg_source_row *row, const json_t *turns, hg_error *err)
{
    size_t n_tags = 0, n = json_array_size(turns);
    for (size_t i = 0; i < n; i++) {
        for (const char *at = hg_source_text(json_array_get(turns, i), "value");
             (at = strstr(at, "<image>")) != NULL; at += 7)
            n_tags++;
    }
    row->conversations = json_deep_copy(turns);
    if (row->conversations == NULL)
        return hg_error_memory(err, n, "a conversation");
    if (n_tags == row->n_images)
        return HG_STATUS_OK;
    for (size_t i = 0; i < n; i++) {
        json_t *turn = json_array_get(row->conversations, i);
        const char *value = hg_source_text(turn, "value");
        size_t used = 0, capacity = strlen(value) + 8 * row->n_images + 1;
        char *text = hg_mem_alloc(capacity);
        if (text == NULL)
            return hg_error_memory(err, capacity, "a question");
        for (size_t k = 0; i == 0 && k < row->n_images; k++)
            used += (size_t)snprintf(text + used, capacity - used, "<image>\n");
        while (*value != 0) {
            if (strncmp(value, "<image>", 7) == 0)
                value += value[7] == '\n' ? 8 : 7;
            else
                text[used++] = *value++;
        }
        text[used] = 0;
        json_object_set_new(turn, "value", json_string(text));
        hg_mem_free(text);
    }
    return HG_STATUS_OK;
}

/* LLaVA's form; PubMedVision's has lists of images, LLaVA-Med's file misspells a key. */
static hg_status read_llava(hg_source_row *row, const json_t *record, hg_error *err)
{
    static const char *const keys[] = {"modality", "body_part", NULL};
    const json_t *turns = json_object_get(record, "conversations"), *image = json_object_get(record, "image");
    hg_status status = HG_STATUS_OK;
    if (turns == NULL)
        turns = json_object_get(record, "conversatons");
    if (!json_is_array(turns) || json_array_size(turns) == 0 || json_array_size(turns) % 2 != 0)
        return hg_error_set(err, HG_STATUS_INPUT, "no conversation of questions and answers");
    if (json_is_string(image))
        status = hg_source_row_add_image(row, json_string_value(image), err);
    for (size_t i = 0; i < json_array_size(image) && status == HG_STATUS_OK; i++) {
        const char *path = json_string_value(json_array_get(image, i));
        status = hg_source_row_add_image(row, path == NULL ? "" : path, err);
    }
    if (status == HG_STATUS_OK)
        status = settle_tags(row, turns, err);
    /* The article or case stands before the first '_' or '/' of the name in no set without exceptions: the
     * image is the group, and look-alikes are joined by their hashes. */
    char id[HG_SOURCE_NAME_BYTES];
    value_text(id, sizeof id, json_object_get(record, "id"));
    snprintf(row->group, sizeof row->group, "%s", row->n_images > 0 ? row->images[0] : id);
    keep_fields(row, record, keys);
    return status;
}

static const hg_source sources[] = {
    {"vqa-rad",
     "CC0-1.0",
     {{"VQA_RAD Dataset Public.json", -1}},
     {"images", "VQA_RAD Image Folder", ""},
     read_vqa_rad,
     0},
    {"slake",
     "CC-BY-4.0",
     {{"train.json", HG_SPLIT_TRAIN}, {"validate.json", HG_SPLIT_VAL}, {"test.json", HG_SPLIT_TEST}},
     {"imgs", "images", ""},
     read_slake,
     0},
    {"pathvqa",
     "MIT (text); pictures belong to the textbooks' publishers",
     {{"train.json", HG_SPLIT_TRAIN},
      {"val.json", HG_SPLIT_VAL},
      {"test.json", HG_SPLIT_TEST},
      {"QA_pairs_vb.json", -1}},
     {"", "images"},
     read_pathvqa,
     0},
    {"mimic-cxr-vqa",
     "PhysioNet Credentialed Health Data License 1.5.0",
     {{"train.json", HG_SPLIT_TRAIN}, {"valid.json", HG_SPLIT_VAL}, {"test.json", HG_SPLIT_TEST}},
     {"", "files", "images"},
     read_mimic,
     0},
    {"llava-med",
     "CC-BY-NC-4.0",
     {{"llava_med_instruct_60k_inline_mention.json", -1},
      {"llava_med_instruct_60k.json", -1},
      {"llava_med_instruct_10k.json", -1},
      {"llava_med_alignment_500k.json", -1}},
     {"images", ""},
     read_llava,
     0},
    {"pubmedvision",
     "Apache-2.0",
     {{"PubMedVision_Alignment_VQA.json", -1}, {"PubMedVision_InstructionTuning_VQA.json", -1}},
     {"", "images"},
     read_llava,
     0},
    {"llava-558k",
     "terms of LAION, CC3M and SBU",
     {{"blip_laion_cc_sbu_558k.json", -1}},
     {"images", ""},
     read_llava,
     0},
    {"llava-665k",
     "CC-BY-4.0 (text); pictures under the terms of their sets",
     {{"llava_v1_5_mix665k.json", -1}},
     {"", "images"},
     read_llava,
     0},
    {"catalogue",
     "as each line says",
     {{"manifest.jsonl", -1}},
     {""},
     hg_catalogue_read,
     HG_CATALOGUE_QUESTIONS},
};

#define N_SOURCES (sizeof sources / sizeof *sources)

const hg_source *hg_source_find(const char *name)
{
    for (size_t i = 0; i < N_SOURCES; i++) {
        if (strcmp(sources[i].name, name) == 0)
            return &sources[i];
    }
    return NULL;
}

const char *hg_source_name(size_t i)
{
    return i < N_SOURCES ? sources[i].name : NULL;
}
