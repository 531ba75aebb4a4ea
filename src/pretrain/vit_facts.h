/* SPDX-License-Identifier: Apache-2.0
 *
 * vit_facts.h: labels from a file of facts (the truth.jsonl of a phantom set), a JSON object a line:
 *
 *   {"image": "images/a.png", "split": "train", "modality": "CT", "lesion": {"kind": "cyst", "visible":
 * "yes"}, "organs": ["liver"], "organs_absent": ["heart"], "red_cells": 22}
 *
 * A text or whole number is the value of its key; a member of an object is one of "object.key". Of an object
 * with `visible`, "yes" gives its members, "no" (or null in the object's place) gives "object.visible" alone,
 * anything else nothing. A list X beside X_absent gives yes or no for each name. A list "cells" of 64 words
 * says what lies where, row by row on a grid of 8 x 8. Each key's values share one weight, so that many
 * organs do not drown one lesion.
 */
#ifndef HG_PRETRAIN_VIT_FACTS_H
#define HG_PRETRAIN_VIT_FACTS_H

#include "pretrain/vit_labels.h"

/* Reads the lines of `split` ("train", "val"; lines without one belong to "train"). Bad ones are told and
 * counted; the listener may be NULL. */
hg_status hg_vit_facts_read(hg_vit_labels *labels, hg_picture_set *pictures, const hg_llava_set *facts,
                            const char *split, const hg_llava_listener *listener, int64_t *n_bad,
                            hg_error *err) HG_MUST_CHECK;

#endif
