/* SPDX-License-Identifier: Apache-2.0
 *
 * set_catalogue.h: a folder of labelled pictures as a source of questions (`data build --from catalogue`).
 *
 * manifest.jsonl, a line a picture:
 *   {"path": "images/a.png", "modality": "MRI T1", "body_part": "head", "labels": ["axial"], "licence":
 * "MIT", "group": "patient 7"} Lines whose modality is none that is known here are passed over.
 */
#ifndef HG_DATA_SET_CATALOGUE_H
#define HG_DATA_SET_CATALOGUE_H

#include "data/set_source.h"

#define HG_CATALOGUE_QUESTIONS 9 /* at most, of a picture */

/* Question `row->number` about the picture of a line. */
hg_status hg_catalogue_read(hg_source_row *row, const json_t *record, hg_error *err);

#endif
