/* SPDX-License-Identifier: Apache-2.0
 *
 * orient.h: turning and mirroring a picture as its EXIF orientation asks.
 */
#ifndef HG_IMAGE_ORIENT_H
#define HG_IMAGE_ORIENT_H

#include "image/pixels.h"

/* Makes the stored picture upright; 1 (or a value outside 1..8) changes nothing. 5..8 swap width and height.
 * The image keeps its format and orientation fields. HG_STATUS_FAILED when memory is short. */
hg_status hg_image_orient(hg_image *image, int orientation, hg_error *err) HG_MUST_CHECK;

#endif
