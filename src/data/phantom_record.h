/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_record.h: what a study does with each picture, of whatever kind: it is written, its questions,
 * pairs and truth become lines.
 */
#ifndef HG_DATA_PHANTOM_RECORD_H
#define HG_DATA_PHANTOM_RECORD_H

#include "data/phantom_scan.h"
#include "data/phantom_study.h"

/* Writes grey values low..high, (size, size), as an 8-bit picture marked as synthetic. `name` is relative to
 * the set's folder. */
hg_status hg_record_grey(hg_phantom_study *study, const char *name, const float *values, int size, float low,
                         float high) HG_MUST_CHECK;

/* A slice as the set's format wants it: a picture of low..high, or a scan; the ending of `name` tells. */
hg_status hg_record_scan(hg_phantom_study *study, const char *name,
                         const hg_phantom_scan *scan) HG_MUST_CHECK;

/* As hg_record_grey for colours, (size, size, 3). */
hg_status hg_record_rgb(hg_phantom_study *study, const char *name, const uint8_t *rgb,
                        int size) HG_MUST_CHECK;

/* An item for drawing. `image` may be NULL. */
hg_status hg_record_pair(hg_phantom_study *study, const char *stem, const char *task, const char *image,
                         const char *target, const char *instruction) HG_MUST_CHECK;

/* The questions of a picture, and the item that has it reconstructed. */
hg_status hg_record_questions(hg_phantom_study *study, const char *stem, const char *image,
                              const hg_phantom_facts *facts, hg_rng *rng) HG_MUST_CHECK;

/* The truth of a picture; `extra` (may be NULL) is merged in and dropped. `mm2` is the lesion's area in it.
 */
hg_status hg_record_truth(hg_phantom_study *study, const char *image, const hg_phantom_facts *facts,
                          float mm2, json_t *extra) HG_MUST_CHECK;

/* YES from `wanted` mm^2 on, NO below a tenth of it, else UNSURE. */
hg_seen hg_seen_by_area(float mm2, float wanted);

/* Fills facts->organs from areas. */
void hg_record_organs(hg_phantom_facts *facts, const float organ_mm2[HG_ORGAN_COUNT]);

/* The facts that all pictures of the patient share. */
hg_phantom_facts hg_record_facts(const hg_phantom_study *study);

/* Pictures that are no slices: film, ultrasound, smear. Does nothing for parts without such. `memory` holds
 * (size, size) floats. */
hg_status hg_record_extras(hg_phantom_study *study, float *memory, hg_rng *rng) HG_MUST_CHECK;

#endif
