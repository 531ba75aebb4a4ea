/* SPDX-License-Identifier: Apache-2.0
 *
 * slide_reader.h: whole slides of pathology (Aperio, Hamamatsu, Leica, Philips, Ventana and other tiled TIFF
 * files) by OpenSlide, as one picture: the slide seen from afar, a level of it, or a region of a level.
 */
#ifndef HG_IMAGE_SLIDE_READER_H
#define HG_IMAGE_SLIDE_READER_H

#include "image/image_reader.h"

extern const hg_image_format hg_slide_format;

#endif
