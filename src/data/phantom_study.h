/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_study.h: everything that a set holds of one patient: its pictures are written, its items and truth
 * are collected as lines.
 */
#ifndef HG_DATA_PHANTOM_STUDY_H
#define HG_DATA_PHANTOM_STUDY_H

#include "data/phantom_slice.h"
#include "data/phantom_text.h"
#include "data/set_writer.h"

#include <healthgpt/data.h>

#define HG_PHANTOM_LICENSE "CC0-1.0"

/* Pictures of a study, for the overview. */
#define HG_PHANTOM_MAX_SAMPLES 16

typedef struct hg_phantom_sample {
    char image[96];
    char text[500];
} hg_phantom_sample;

typedef struct hg_phantom_study {
    const hg_phantom_request *request;
    hg_phantom_patient patient;
    hg_split split;
    char name[32];                 /* "P000012" */
    hg_buffer items, truth, texts; /* lines */
    size_t n_images;
    size_t n_samples;
    hg_phantom_sample samples[HG_PHANTOM_MAX_SAMPLES];
    hg_status status;
    hg_error err;
} hg_phantom_study;

/* Makes patient `index` of the request, of the given part and split. The outcome is in study->status; the
 * caller releases the study. */
void hg_phantom_study_make(hg_phantom_study *study, const hg_phantom_request *request, int index,
                           hg_phantom_part part, hg_split split);
void hg_phantom_study_deinit(hg_phantom_study *study);

#endif
