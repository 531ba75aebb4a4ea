/* SPDX-License-Identifier: Apache-2.0
 *
 * slide_probe.h: whether a TIFF file is a whole slide.
 */
#ifndef HG_IMAGE_SLIDE_PROBE_H
#define HG_IMAGE_SLIDE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True for TIFF and BigTIFF files that a slide scanner wrote: the first directory is tiled and names one, or
 * is tiled, in colour, and larger than ordinary pictures are, or has Hamamatsu's own tag. */
bool hg_slide_probe(const uint8_t *bytes, size_t n);

#endif
