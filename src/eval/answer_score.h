/* SPDX-License-Identifier: Apache-2.0
 *
 * answer_score.h: whether an answer in words is the true one. Everything is decided on whole words: "nodule"
 * and "normal" are no "no", and "Yes, abnormal" is a yes. An answer that cannot be read as one of the allowed
 * ones is wrong; none is guessed.
 */
#ifndef HG_EVAL_ANSWER_SCORE_H
#define HG_EVAL_ANSWER_SCORE_H

#include <stdbool.h>
#include <stddef.h>

#define HG_ANSWER_BYTES 4096 /* of a normalised answer; what is longer is cut after a whole word */
#define HG_ANSWER_MAX_OPTIONS 26

typedef enum hg_answer_kind {
    HG_ANSWER_KIND_YES_NO, /* the truth is yes or no */
    HG_ANSWER_KIND_CHOICE, /* the question lists options A, B, ... and the truth is one of them */
    HG_ANSWER_KIND_OPEN
} hg_answer_kind;

typedef struct hg_answer_score {
    hg_answer_kind kind;
    char read;    /* how the answer was understood: 'y', 'n', or an option's letter; 0: not at all, or open */
    bool correct; /* of an open answer: the same after normalisation */
    double recall; /* part of the truth's words that the answer has; each occurrence counts once */
    double f1;     /* harmonic mean of recall and precision over words */
} hg_answer_score;

/* Lower case (ASCII), words parted by one space, without "a", "an" and "the" (unless nothing else is there).
 * A word is a run of letters, digits and bytes beyond ASCII; a point between digits and a minus before a
 * digit belong to it. */
void hg_answer_normalise(char out[HG_ANSWER_BYTES], const char *text);

/* 'y' or 'n' when the first word is yes or no, else 0. */
char hg_answer_yes_no(const char *text);

/* The letter of the option that the answer names, else 0. The options are the lines of the question that
 * begin with "A. ", "B. ", ... (or "A) "). An answer names one by its letter, alone or before a point,
 * colon or bracket ("B", "(b)", "B. chest"), by its exact text after normalisation, or by both ("B chest"):
 * "A mass" names no letter. */
char hg_answer_option(const char *question, const char *answer);

/* The text of the option, as a pointer into the question, of *n bytes; NULL when there is no such option. */
const char *hg_answer_option_text(const char *question, char letter, size_t *n);

hg_answer_kind hg_answer_kind_of(const char *question, const char *truth);

/* Scores an answer against the truth. */
hg_answer_score hg_answer_score_get(const char *question, const char *truth, const char *answer);

#endif
