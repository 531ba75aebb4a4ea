/* SPDX-License-Identifier: Apache-2.0
 *
 * onednn_map.h: convolutions of channel-last maps (rows, columns, channels) with weights prepared once, by
 * oneDNN. A convolution is cut into bands of output rows, which lie together in such maps; a band runs on the
 * calling thread alone, so results do not depend on how many threads share the bands.
 */
#ifndef HG_KERNELS_ONEDNN_MAP_H
#define HG_KERNELS_ONEDNN_MAP_H

#include "kernels/kernels.h"

typedef struct hg_map_conv hg_map_conv;

/* Prepares w (c_out, c_in, kernel, kernel) and bias (c_out), which is copied. Inputs are of `type`, f32 or
 * bf16, results f32; with `add` they are added to what is there. NULL when oneDNN declines or memory is
 * short. */
hg_map_conv *hg_map_conv_create(const hg_conv_shape *s, hg_dtype type, bool add, const hg_real *w,
                                const hg_real *bias);
void hg_map_conv_destroy(hg_map_conv *conv);

const hg_conv_shape *hg_map_conv_get_shape(const hg_map_conv *conv);
hg_dtype hg_map_conv_get_type(const hg_map_conv *conv);

/* At most this many bands. */
#define HG_MAP_BANDS 32

int64_t hg_map_conv_n_bands(const hg_map_conv *conv);

/* The rows of a map that a band reads and makes. */
typedef struct hg_map_band {
    int64_t in_first, in_rows, top, bottom; /* top and bottom: rows of zeros that are not in the map */
    int64_t out_first, out_rows;
} hg_map_band;

hg_map_band hg_map_conv_get_band(const hg_map_conv *conv, int64_t band);

/* Bytes that one band needs at `scratch`, a multiple of 64. */
size_t hg_map_conv_scratch_bytes(const hg_map_conv *conv);

/* The rows of band `band` of the result, from y on, from those of its input that it reads, from x on. Several
 * threads may do so at once. False when oneDNN fails. */
bool hg_map_conv_run(const hg_map_conv *conv, int64_t band, const void *x, hg_real *y, void *scratch);

#endif
