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
    const char *out;      /* folder; made when it is not there */
    int n_patients;       /* 1..1000000 */
    uint64_t seed;        /* the same seed and settings give the same files, bit for bit, on every machine */
    int size;             /* pixels on a side of a picture, 64..256, a multiple of 8 */
    const char *parts;    /* of "head,chest,abdomen,pelvis,blood"; patients take turns; NULL: all */
    const char *format;   /* of the pictures; NULL: "png" */
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

#ifdef __cplusplus
}
#endif

#endif
