/* SPDX-License-Identifier: Apache-2.0
 *
 * code_cache.h: picture codes of image files, made once: they are kept in a folder, one small file for each
 * content of an image and each picture decoder.
 */
#ifndef HG_TRAIN_CODE_CACHE_H
#define HG_TRAIN_CODE_CACHE_H

#include "base/file.h"
#include "model/vqgan.h"

typedef struct hg_code_cache {
    char folder[HG_PATH_BYTES];
    hg_vqgan *vqgan;
    uint64_t decoder; /* a number of this decoder's weights */
    int64_t n_made, n_found;
} hg_code_cache;

/* Makes the folder if it is not there. */
hg_status hg_code_cache_init(hg_code_cache *cache, const char *folder, hg_vqgan *vqgan,
                             hg_error *err) HG_MUST_CHECK;

/* The hg_vqgan_n_codes(vqgan) codes of the image file. HG_STATUS_INPUT when the image is missing or bad. */
hg_status hg_code_cache_get(hg_code_cache *cache, hg_ctx *ctx, const char *image_path, int32_t *codes,
                            hg_error *err) HG_MUST_CHECK;

#endif
