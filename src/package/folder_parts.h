/* SPDX-License-Identifier: Apache-2.0
 *
 * folder_parts.h: which parts of a HealthGPT lie in a folder of released files. Looks at names only and opens
 * nothing.
 */
#ifndef HG_PACKAGE_FOLDER_PARTS_H
#define HG_PACKAGE_FOLDER_PARTS_H

#include "base/error.h"
#include "base/file.h"

#include <stdbool.h>

/* Paths; "" where the part is missing. */
typedef struct hg_parts {
    char folder[HG_PATH_BYTES];
    char base[HG_PATH_BYTES];       /* folder of the base language model */
    char clip[HG_PATH_BYTES];       /* folder of CLIP */
    char com[HG_PATH_BYTES];        /* comprehension plug-in */
    char gen[HG_PATH_BYTES];        /* generation plug-in */
    char fusion[HG_PATH_BYTES];     /* embedding and head of generation */
    char vqgan[HG_PATH_BYTES];      /* folder of the picture decoder, with model.yaml */
    char vqgan_file[HG_PATH_BYTES]; /* its checkpoint: last.ckpt, or another .ckpt, .bin or .safetensors */
} hg_parts;

/* Finds the parts. HG_STATUS_INPUT when `path` is no folder, or when two files claim to be one part. */
hg_status hg_parts_find(hg_parts *parts, const char *path, hg_error *err) HG_MUST_CHECK;

/* Takes `folder` for the picture decoder and finds its checkpoint. */
hg_status hg_parts_find_vqgan(hg_parts *parts, const char *folder, hg_error *err) HG_MUST_CHECK;

/* What is missing for each task, in words, into `text`; false (and "") when nothing is. */
bool hg_parts_missing_for_ask(const hg_parts *parts, char text[HG_ERROR_TEXT_BYTES]);
bool hg_parts_missing_for_draw(const hg_parts *parts, char text[HG_ERROR_TEXT_BYTES]);

#endif
