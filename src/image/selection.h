/* SPDX-License-Identifier: Apache-2.0
 *
 * selection.h: percentiles without sorting everything.
 */
#ifndef HG_IMAGE_SELECTION_H
#define HG_IMAGE_SELECTION_H

#include <stddef.h>

/* Percentile 0..100 of n >= 1 finite values, which are put into another order: linear between the two nearest
 * ranks, rank (n - 1) * percent / 100 (the usual definition, type 7 of Hyndman and Fan). */
double hg_select_percentile(float *values, size_t n, double percent);

#endif
