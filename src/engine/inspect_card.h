/* SPDX-License-Identifier: Apache-2.0
 *
 * inspect_card.h: a model's card as JSON: what it is, what it needs, what it can do, where it comes from.
 */
#ifndef HG_ENGINE_INSPECT_CARD_H
#define HG_ENGINE_INSPECT_CARD_H

#include "engine/engine.h"
#include "engine/inspect_parts.h"

typedef struct hg_inspected {
    const char *path;
    hg_source source; /* whatever parts are there */
    hg_part_problems problems;
    hg_model *model;                   /* the same, opened as for a request; NULL when it cannot be */
    char problem[HG_ERROR_TEXT_BYTES]; /* why not; "" when it is open, or when parts are just missing */
} hg_inspected;

json_t *hg_inspect_card(const hg_inspected *m, bool with_tensors);

#endif
