/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_text.h: from what is known about a picture to captions, questions and answers.
 *
 * Every kind of question has several wordings. The last of each is held out: only the test split uses it, so
 * that a model can be asked in words that it has never seen.
 */
#ifndef HG_DATA_PHANTOM_TEXT_H
#define HG_DATA_PHANTOM_TEXT_H

#include "base/buffer.h"
#include "data/phantom_body.h"
#include "data/phantom_organ.h"

typedef enum hg_seen { HG_SEEN_NO, HG_SEEN_YES, HG_SEEN_UNSURE } hg_seen;

/* What is true of a picture. Texts are static. */
typedef struct hg_phantom_facts {
    const char *modality; /* "CT", "MRI", "X-ray", "ultrasound", "microscopy" */
    const char *sequence; /* "T1-weighted", or NULL */
    const char *part;     /* "head" */
    const char *plane;    /* "axial", or NULL */
    hg_contrast contrast; /* of CT and MRI */
    bool has_contrast;
    const hg_lesion_kind *kinds; /* that this part may have */
    hg_seen lesion;              /* whether the lesion below is visible */
    hg_lesion_kind kind;
    const char *organ, *side;
    float size_mm; /* largest diameter */
    hg_seen organs[HG_ORGAN_COUNT];
    bool organs_known; /* whether `organs` is filled */
    int count;         /* of cells; -1: nothing is counted */
    const char *counted;
    bool blank;         /* nothing is visible; modality and part are "none", `kinds` what may be asked for */
    const char *window; /* "lung", of a CT of the chest; else NULL */
} hg_phantom_facts;

typedef enum hg_answer_type {
    HG_ANSWER_OPEN,
    HG_ANSWER_CLOSED,
    HG_ANSWER_CHOICE,
    HG_ANSWER_CAPTION
} hg_answer_type;

/* "OPEN", "CLOSED", "CHOICE", "CAPTION". */
const char *hg_answer_type_name(hg_answer_type type);

typedef struct hg_phantom_question {
    hg_answer_type type;
    const char *topic; /* "modality", "presence", ...; static text */
    bool held_out;     /* in a held-out wording */
    char text[600];
    char answer[600];
} hg_phantom_question;

#define HG_PHANTOM_MAX_QUESTIONS 16

/* Makes up to `n` different questions, the first of them a caption; returns how many. With `held_out` half of
 * them are in held-out wordings, else none. */
int hg_phantom_ask(hg_phantom_question *out, int n, const hg_phantom_facts *facts, bool held_out,
                   hg_rng *rng);

/* A conversation that needs no picture: a caption, the organs where they are known, and questions that these
 * two answer; up to `n` >= 1 turns in all, none in a held-out wording. */
int hg_phantom_talk(hg_phantom_question *out, int n, const hg_phantom_facts *facts, hg_rng *rng);

/* The same with nothing behind the caption but questions with options, again and again until there are `n`
 * turns. */
int hg_phantom_choose(hg_phantom_question *out, int n, const hg_phantom_facts *facts, hg_rng *rng);

/* The caption alone: "Axial CT of the head. There is a haemorrhage in the left frontal lobe, about 31 mm." */
void hg_phantom_caption(char *out, size_t capacity, const hg_phantom_facts *facts, hg_rng *rng);

/* The text of a report on a chest film, which is also what a film is drawn from. */
void hg_phantom_report(char *out, size_t capacity, const hg_phantom_facts *facts, hg_rng *rng);

#endif
