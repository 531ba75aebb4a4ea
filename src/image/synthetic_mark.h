/* SPDX-License-Identifier: Apache-2.0
 *
 * synthetic_mark.h: whether a file says that its picture was drawn by this program. What is read from such a
 * file stays marked, so that converting it does not make a picture of a patient of it.
 */
#ifndef HG_IMAGE_SYNTHETIC_MARK_H
#define HG_IMAGE_SYNTHETIC_MARK_H

#include "image/scan.h"

/* True when the file, or one of the files of a series, has the mark where our writers put it. */
bool hg_synthetic_mark_find(const hg_image_file *file);

#endif
