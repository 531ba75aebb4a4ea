/* SPDX-License-Identifier: Apache-2.0
 *
 * burn_in.h: text drawn into the pixels of a picture, so that it stays with them wherever they go.
 */
#ifndef HG_IMAGE_BURN_IN_H
#define HG_IMAGE_BURN_IN_H

#include "image/pixels.h"

/* Draws `text` (capital letters that the mark has, spaces, '-') in white on black at the bottom, in as many
 * lines as the width asks for, in letters of 7 pixels and multiples. HG_STATUS_USAGE when the picture is too
 * small for it. */
hg_status hg_burn_in(hg_image *image, const char *text, hg_error *err) HG_MUST_CHECK;

#endif
