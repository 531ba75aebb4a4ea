/* SPDX-License-Identifier: Apache-2.0
 *
 * data.h: data sets: synthetic patients with known truth, and looking after sets of one's own. A set is a
 * folder with train.json, val.json and test.json in the form that training reads (docs/training.md).
 */
#ifndef HEALTHGPT_DATA_H
#define HEALTHGPT_DATA_H

#include <healthgpt/progress.h>
#include <healthgpt/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- phantoms ---- */

typedef struct hg_phantom_request {
    const char *out; /* folder; made when it is not there */
    int n_patients;  /* 1..1000000 */
    uint64_t seed;   /* the same seed and settings give the same files, bit for bit, on every machine */
    int size;        /* pixels on a side of a picture, 64..256, a multiple of 8 */
    const char
        *parts; /* of "head,chest,abdomen,pelvis,blood,blank"; patients take turns; NULL: the first five */
    const char *format;   /* of CT and MRI slices: "png", "dicom", "nifti"; NULL: "png" */
    int n_slices;         /* of each patient, 1..64; 0: 4 */
    int n_questions;      /* of each picture, 1..16; 0: 4 */
    double ill;           /* part of the patients that have a lesion, 0..1; negative: 0.7 */
    double noise;         /* 1: usual; 0: none */
    int n_threads;        /* 0: every processor */
    hg_progress progress; /* stage "phantoms", in patients */
} hg_phantom_request;

typedef struct hg_phantom_result {
    size_t n_patients, n_ill, n_images;
    size_t n_items[3]; /* in train, val and test */
} hg_phantom_result;

/* Writes synthetic patients: pictures of several contrasts, questions with answers, pairs of pictures for
 * every drawing task, the whole truth (truth.jsonl), and an overview (index.html). docs/data.md describes it.
 * HG_STATUS_USAGE for settings out of range. */
HG_API hg_status hg_data_phantom(const hg_phantom_request *request, hg_phantom_result *result,
                                 hg_error *err) HG_MUST_CHECK;

/* ---- sets from published data ---- */

/* Hears about a record or item that is bad, in one line. */
typedef void (*hg_data_note_fn)(void *user, const char *text);

typedef struct hg_build_request {
    const char *from;  /* "vqa-rad", "slake", "pathvqa", "mimic-cxr-vqa", "llava-med", "pubmedvision",
                          "llava-558k", "llava-665k", "ixi", "synthrad2023" */
    const char *in;    /* folder with the files as they are published */
    const char *out;   /* folder of the set */
    double val, test;  /* parts of the groups that go there where the publisher made no split */
    uint64_t seed;     /* of that choice */
    int near;          /* images whose hashes differ in at most so many of 64 bits share a split; 0..16 */
    int n_slices;      /* of each volume */
    bool multi_image;  /* keep rows with several images (at most 16); else they are left out */
    bool keep_missing; /* keep rows whose image is missing, with its name as published */
    bool official;     /* keep the publisher's splits although patients are in several */
    hg_data_note_fn on_note; /* may be NULL */
    void *on_note_user;
    hg_progress progress; /* stages "reading", "images", "alike", "writing"; "slices" */
} hg_build_request;

typedef struct hg_build_result {
    size_t n_items[3];           /* in train, val and test */
    size_t n_images, n_patients; /* n_patients: of volumes */
    size_t n_bad;                /* records that make no sense, or volumes that do not fit each other */
    size_t n_missing;            /* rows whose image is missing or damaged */
    size_t n_multi;              /* left out for their several images */
    size_t n_repeated;           /* left out: the same images, question and answer were there before */
    size_t n_skipped;            /* left out: not in English */
    size_t n_alike;              /* pairs of images that look alike */
    size_t n_moved; /* rows in another split than the publisher's, so that no patient is in two */
    bool has_official_test;
} hg_build_result;

/* Turns a published set into one that training reads; docs/data.md says how each is laid out. */
HG_API hg_status hg_data_build(const hg_build_request *request, hg_build_result *result,
                               hg_error *err) HG_MUST_CHECK;

/* ---- checking ---- */

typedef struct hg_data_check_request {
    const char *const *files; /* lists of one set; 1..8 */
    int n_files;
    const char *images; /* what paths are relative to; NULL: each file's own folder */
    bool decode;        /* open every image, too */
    int n_codes;        /* picture codes that an answer of codes must have; 0: as many as the first has */
    hg_data_note_fn on_problem; /* "FILE:LINE: item N: ..."; may be NULL */
    void *on_problem_user;
    hg_progress progress; /* stage "checking" */
} hg_data_check_request;

typedef struct hg_data_check_result {
    size_t n_items, n_draw, n_text_only, n_several_images, n_questions, n_images, n_patients;
    size_t answer_bytes; /* of all answers */
    size_t n_problems;   /* the sum of those below */
    size_t n_bad_items, n_bad_images, n_bad_codes, n_repeated, n_shared_patients, n_shared_images;
    size_t n_contradicting; /* the same question with another answer; no problem by itself */
} hg_data_check_result;

/* HG_STATUS_INPUT when there are problems (*result is filled then, too) or a file is no list. */
HG_API hg_status hg_data_check(const hg_data_check_request *request, hg_data_check_result *result,
                               hg_error *err) HG_MUST_CHECK;

/* ---- picture codes ---- */

typedef struct hg_tokens_request {
    const char *model;  /* with a picture decoder */
    const char *file;   /* a list */
    const char *images; /* as above */
    const char *cache;  /* folder of the codes, which training takes as its setting `cache` */
    const char *out;    /* a list with codes in the place of target images; NULL: none */
    int n_threads;
    const char *cpu_tier;
    hg_data_note_fn on_problem;
    void *on_problem_user;
    hg_progress progress; /* stage "codes" */
} hg_tokens_request;

typedef struct hg_tokens_result {
    size_t n_targets, n_made, n_found, n_bad, n_written;
    size_t n_codes; /* of each picture */
} hg_tokens_result;

/* Makes the picture codes of all target images of a list. */
HG_API hg_status hg_data_tokens(const hg_tokens_request *request, hg_tokens_result *result,
                                hg_error *err) HG_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
