/* SPDX-License-Identifier: Apache-2.0
 *
 * set_build_parts.h: what the files that build a question set share.
 */
#ifndef HG_DATA_SET_BUILD_PARTS_H
#define HG_DATA_SET_BUILD_PARTS_H

#include "base/file.h"
#include "data/set_build.h"

/* What is known of an image. */
typedef struct hg_build_image {
    uint64_t hash;
    bool found, good; /* the file is there; it could be decoded */
    char below[24];   /* folder of the source in which it lies */
    char name[80];    /* in the set, "images/0000012_a.jpg"; "" until it is linked */
} hg_build_image;

typedef struct hg_build {
    const hg_build_request *request;
    const hg_source *source;
    hg_name_table names;    /* images as "i:NAME", groups as "g:NAME" */
    hg_build_image *images; /* by number of the name; unused for groups */
    uint32_t *parents;      /* sets of names that share a split */
    int8_t *official;       /* by root: the publisher's split, or -1; test wins, then val */
    size_t capacity;
    hg_name_table seen; /* rows written, to find repeated ones */
    hg_set_writer writer;
    hg_set_page page;
    size_t n_samples;
    hg_build_result *result;
} hg_build;

/* The number of an image's ('i') or group's ('g') name, a new one for a new name. */
hg_status hg_build_name(hg_build *b, char kind, const char *name, size_t *number, hg_error *err);

/* Whether the row becomes an item, as far as that is known without its images. */
bool hg_build_wanted(const hg_build *b, const hg_source_row *row);

/* FAILED when the caller wants no more. */
hg_status hg_build_report(const hg_build *b, const char *stage, size_t done, size_t total, hg_error *err);

/* The path of the image with this number, when it is in one of the source's folders; which, in `image`. */
bool hg_build_find_image(const hg_build *b, size_t number, char path[HG_PATH_BYTES], hg_build_image *image);

/* Hashes all images, then joins those that look alike. */
hg_status hg_build_hash_images(hg_build *b, hg_error *err);

/* Writes the row to its split, with its images, or counts why not. */
hg_status hg_build_write_row(hg_build *b, const hg_source_row *row, hg_error *err);

#endif
