/* SPDX-License-Identifier: Apache-2.0
 *
 * image_list.h: many pictures at once, for lists that would take a process a picture. What holds for one read
 * alone holds for each: a damaged or hostile file costs nothing but its own picture, unless it takes over the
 * process that decodes it; then it could have put wrong pixels into other pictures of the same list.
 */
#ifndef HG_IMAGE_IMAGE_LIST_H
#define HG_IMAGE_IMAGE_LIST_H

#include "image/pixels.h"

/* Called for each path in its order. `image` is borrowed; NULL where the picture cannot be read, and then
 * `status` and `why` are what hg_image_read gives. Another result than HG_STATUS_OK ends the list. */
typedef hg_status (*hg_image_list_take)(void *user, size_t index, const hg_image *image, hg_status status,
                                        const hg_error *why, hg_error *err);

/* The pictures that hg_image_read would give for `n` paths. */
hg_status hg_image_read_list(const char *const *paths, size_t n, hg_image_list_take take, void *user,
                             hg_error *err) HG_MUST_CHECK;

#endif
