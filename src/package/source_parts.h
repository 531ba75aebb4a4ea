/* SPDX-License-Identifier: Apache-2.0
 *
 * source_parts.h: the weights of a model part by part, each for itself: what export, check and inspect look
 * at. Unlike hg_source_open it wants nothing to be complete.
 */
#ifndef HG_PACKAGE_SOURCE_PARTS_H
#define HG_PACKAGE_SOURCE_PARTS_H

#include "package/source.h"

/* Why a part that is there cannot be opened; "" for a part that is open or missing. */
typedef struct hg_part_problems {
    char parts[HG_PART_COUNT][HG_ERROR_TEXT_BYTES];
    char manifest[HG_ERROR_TEXT_BYTES];
    char settings[HG_ERROR_TEXT_BYTES]; /* of the language model; `s->parts.decoder.n_layers` is 0 then */
    char base_file[256];                /* an adapter package's file of its language model; "" for others */
} hg_part_problems;

/* Opens the sets of whatever parts lie in a folder or a package and fills, as far as they can be read, the
 * manifest, the language model's settings, the paths (of a folder) and what is missing for the tasks. No
 * tokenizer, no provenance. Closed with hg_source_close. HG_STATUS_INPUT when there is neither a folder nor
 * a package of ours. */
hg_status hg_source_open_parts(hg_source *s, const char *path, hg_part_problems *problems,
                               hg_error *err) HG_MUST_CHECK;

#endif
