/* SPDX-License-Identifier: Apache-2.0
 *
 * set_catalogue.c: a folder of labelled pictures. Each picture is asked about what its line says for certain:
 * modality, body part, plane, MRI sequence and, where the labels are one, the diagnosis. Wordings and wrong
 * options are chosen by a hash of the path, so that a line always gives the same questions.
 */
#include "data/set_catalogue.h"

#include "data/phantom_random.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MAX_OPTIONS 4

/* How a line's words are said; the first whose beginning fits counts. */
typedef struct term {
    const char *prefix, *name, *noun;
} term;

static const term modalities[] = {
    {"CT", "CT", "a CT image"},
    {"MRI", "MRI", "an MRI image"},
    {"X-ray", "X-ray", "an X-ray image"},
    {"ultrasound", "ultrasound", "an ultrasound image"},
    {"light microscopy", "microscopy", "a microscopy image"},
    {"quantitative phase", "microscopy", "a microscopy image"},
    {"histopathology", "histopathology", "a histopathology image"},
    {"fundus", "fundus photography", "a fundus photograph"},
    {"dermoscopy", "dermoscopy", "a dermoscopy image"},
    {"OCT", "OCT", "an OCT image"},
};

static const term parts[] = {
    {"head", "head", NULL},           {"brain", "head", NULL},      {"chest", "chest", NULL},
    {"lung", "chest", NULL},          {"abdomen", "abdomen", NULL}, {"pelvis", "pelvis", NULL},
    {"blood", "blood smear", NULL},   {"skin", "skin", NULL},       {"eye", "eye", NULL},
    {"colon", "colon", NULL},         {"breast", "breast", NULL},   {"hand", "hand", NULL},
    {"cervical spine", "neck", NULL},
};

static const term planes[] = {
    {"axial", "axial", NULL}, {"coronal", "coronal", NULL}, {"sagittal", "sagittal", NULL}};

static const term sequences[] = {{"MRI T1", "T1-weighted", NULL},
                                 {"MRI T2", "T2-weighted", NULL},
                                 {"MRI PD", "PD-weighted", NULL},
                                 {"MRI FLAIR", "FLAIR", NULL}};

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

static const term *find_term(const term *terms, int n, const char *text)
{
    for (int i = 0; i < n; i++) {
        if (strncmp(terms[i].prefix, text, strlen(terms[i].prefix)) == 0)
            return &terms[i];
    }
    return NULL;
}

/* What a line says. */
typedef struct entry {
    const term *modality, *part, *plane, *sequence; /* NULL: not said */
    char diagnosis[200];                            /* "" : none */
    uint64_t hash;
} entry;

/* Whether a label is about how the picture was made, or counts something: no diagnosis. */
static bool is_technical(const char *label)
{
    static const char *const words[] = {":",        "view ",        "tile",  "record",
                                        "template", "not recorded", "axial", "coronal",
                                        "sagittal", "volunteer",    "slice", "w head"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strstr(label, words[i]) != NULL)
            return true;
    }
    return strlen(label) < 4; /* "CT", "T1", "T1c" */
}

static void read_labels(entry *e, const json_t *labels)
{
    size_t used = 0;
    for (size_t i = 0; i < json_array_size(labels); i++) {
        const char *label = json_string_value(json_array_get(labels, i));
        if (label == NULL)
            continue;
        if (e->plane == NULL)
            e->plane = find_term(planes, COUNT(planes), label);
        if (is_technical(label))
            continue;
        used += (size_t)snprintf(e->diagnosis + used, sizeof e->diagnosis - used, "%s%s",
                                 used > 0 ? ", " : "", label);
        if (used >= sizeof e->diagnosis)
            used = sizeof e->diagnosis - 1;
    }
}

static entry read_entry(const json_t *record)
{
    entry e = {.hash = 7};
    const char *modality = hg_source_text(record, "modality");
    for (const char *c = hg_source_text(record, "path"); *c != 0; c++)
        e.hash = hg_phantom_hash(e.hash, (unsigned char)*c);
    e.modality = find_term(modalities, COUNT(modalities), modality);
    e.part = find_term(parts, COUNT(parts), hg_source_text(record, "body_part"));
    e.sequence = find_term(sequences, COUNT(sequences), modality);
    read_labels(&e, json_object_get(record, "labels"));
    return e;
}

/* ---- questions ---- */

typedef struct question {
    char text[600], answer[300];
    const char *type, *topic;
} question;

/* Number `k` of the numbers that belong to a picture. */
static uint64_t draw(const entry *e, uint64_t k)
{
    return hg_phantom_hash(e->hash, k);
}

static void say_answer(question *q, const char *answer)
{
    snprintf(q->answer, sizeof q->answer, "%s", answer);
    q->answer[0] = (char)toupper((unsigned char)q->answer[0]);
}

static bool ask_open(question *q, const entry *e, const char *topic, const char *const *wordings, int n,
                     const char *answer)
{
    q->type = "OPEN";
    q->topic = topic;
    snprintf(q->text, sizeof q->text, "%s", wordings[draw(e, 11) % (uint64_t)n]);
    say_answer(q, answer);
    return true;
}

/* Up to MAX_OPTIONS different names, the right one among them. */
static bool ask_choice(question *q, const entry *e, const char *topic, const char *wording, const term *terms,
                       int n, const term *right)
{
    const char *options[MAX_OPTIONS];
    int n_options = 1;
    options[0] = right->name;
    for (uint64_t k = 20; n_options < MAX_OPTIONS && n_options < n && k < 200; k++) {
        const char *other = terms[draw(e, k) % (uint64_t)n].name;
        bool there = false;
        for (int i = 0; i < n_options; i++)
            there = there || strcmp(options[i], other) == 0;
        if (!there)
            options[n_options++] = other;
    }
    int place = (int)(draw(e, 12) % (uint64_t)n_options);
    options[0] = options[place];
    options[place] = right->name;
    int used = snprintf(q->text, sizeof q->text, "%s", wording);
    for (int i = 0; i < n_options; i++)
        used += snprintf(q->text + used, sizeof q->text - (size_t)used, "\n%c. %s", 'A' + i, options[i]);
    snprintf(q->text + used, sizeof q->text - (size_t)used, "\nAnswer with one of the options.");
    q->type = "CHOICE";
    q->topic = topic;
    say_answer(q, right->name);
    return true;
}

static bool ask_closed(question *q, const entry *e)
{
    bool yes = draw(e, 13) % 2 == 0;
    const term *asked = e->modality;
    for (uint64_t k = 200; !yes && k < 240 && strcmp(asked->name, e->modality->name) == 0; k++)
        asked = &modalities[draw(e, k) % COUNT(modalities)];
    yes = strcmp(asked->name, e->modality->name) == 0;
    q->type = "CLOSED";
    q->topic = "modality";
    snprintf(q->text, sizeof q->text, draw(e, 14) % 2 == 0 ? "Is this %s?" : "Does this show %s?",
             asked->noun);
    say_answer(q, yes ? "Yes" : "No");
    return true;
}

static bool ask_caption(question *q, const entry *e)
{
    static const char *const requests[] = {"Describe the image.", "What does this image show?",
                                           "Write a caption for this image."};
    int n = snprintf(q->answer, sizeof q->answer, "This is %s", e->modality->noun);
    if (e->part != NULL)
        n += snprintf(q->answer + n, sizeof q->answer - (size_t)n, " of the %s", e->part->name);
    snprintf(q->answer + n, sizeof q->answer - (size_t)n, "%s%.200s.", e->diagnosis[0] != 0 ? ": " : "",
             e->diagnosis);
    q->type = "CAPTION";
    q->topic = "caption";
    snprintf(q->text, sizeof q->text, "%s", requests[draw(e, 15) % COUNT(requests)]);
    return true;
}

static const char *const modality_wordings[] = {
    "What imaging modality is shown?", "What kind of scan is this?", "What type of medical image is this?"};
static const char *const part_wordings[] = {"Which part of the body is shown?",
                                            "What body region does the image show?"};
static const char *const plane_wordings[] = {"In which plane is the image?", "What is the imaging plane?"};
static const char *const sequence_wordings[] = {"Which MRI sequence is shown?",
                                                "What weighting does this MRI have?"};
static const char *const diagnosis_wordings[] = {"What is the diagnosis?",
                                                 "What is known about this picture?"};

/* Question `k` of the picture; false when its line does not answer it. */
static bool ask(question *q, const entry *e, int k)
{
    switch (k) {
    case 0:
        return ask_caption(q, e);
    case 1:
        return ask_open(q, e, "modality", modality_wordings, COUNT(modality_wordings), e->modality->name);
    case 2:
        return ask_closed(q, e);
    case 3:
        return ask_choice(q, e, "modality", "Which modality is this?", modalities, COUNT(modalities),
                          e->modality);
    case 4:
        return e->part != NULL && ask_open(q, e, "part", part_wordings, COUNT(part_wordings), e->part->name);
    case 5:
        return e->part != NULL &&
               ask_choice(q, e, "part", "Which part of the body is this?", parts, COUNT(parts), e->part);
    case 6:
        return e->plane != NULL &&
               ask_open(q, e, "plane", plane_wordings, COUNT(plane_wordings), e->plane->name);
    case 7:
        return e->sequence != NULL &&
               ask_open(q, e, "sequence", sequence_wordings, COUNT(sequence_wordings), e->sequence->name);
    default:
        return e->diagnosis[0] != 0 &&
               ask_open(q, e, "diagnosis", diagnosis_wordings, COUNT(diagnosis_wordings), e->diagnosis);
    }
}

/* The patient or case; slices of a volume share their folder; else the picture is its own group. */
static void set_group(hg_source_row *row, const json_t *record)
{
    const char *group = hg_source_text(record, "group"), *path = row->images[0];
    if (group[0] != 0)
        snprintf(row->group, sizeof row->group, "%s", group);
    else
        snprintf(row->group, sizeof row->group, "%s", path);
    char *slash = strrchr(row->group, '/');
    if (group[0] == 0 && json_object_get(record, "derived") != NULL && slash != NULL)
        *slash = 0;
}

hg_status hg_catalogue_read(hg_source_row *row, const json_t *record, hg_error *err)
{
    entry e = read_entry(record);
    question q = {.text = ""};
    row->skipped = e.modality == NULL || !ask(&q, &e, row->number);
    if (row->skipped)
        return HG_STATUS_OK;
    hg_status status = hg_source_row_add_image(row, hg_source_text(record, "path"), err);
    if (status == HG_STATUS_OK)
        status = hg_source_row_ask(row, q.text, q.answer, err);
    if (status != HG_STATUS_OK)
        return status;
    set_group(row, record);
    snprintf(row->license, sizeof row->license, "%s", hg_source_text(record, "licence"));
    row->fields =
        json_pack("{s:s, s:s, s:s, s:s, s:s*}", "answer_type", q.type, "question_type", q.topic, "wording",
                  "usual", "modality", e.modality->name, "part", e.part == NULL ? NULL : e.part->name);
    return row->fields == NULL ? hg_error_memory(err, sizeof q, "a question's keys") : HG_STATUS_OK;
}
