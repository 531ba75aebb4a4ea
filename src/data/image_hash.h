/* SPDX-License-Identifier: Apache-2.0
 *
 * image_hash.h: a number that is the same, or nearly, for pictures that look the same.
 */
#ifndef HG_DATA_IMAGE_HASH_H
#define HG_DATA_IMAGE_HASH_H

#include "image/pixels.h"

/* The difference hash: grey, 9 x 8 pixels, a bit for each pair of neighbours in a row (left brighter).
 * Scaling, compression and brightness hardly change it. */
hg_status hg_image_hash(uint64_t *hash, const hg_image *image, hg_error *err) HG_MUST_CHECK;

/* In how many bits they differ. */
int hg_image_hash_distance(uint64_t a, uint64_t b);

#endif
