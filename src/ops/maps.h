/* SPDX-License-Identifier: Apache-2.0
 *
 * maps.h: steps of picture networks on channel-last maps (rows, columns, channels), for inference alone:
 * convolutions with prepared weights (kernels/onednn_map.h), each with what goes before it (group norm, SiLU,
 * rounding, twice the size) and the sums that the next norm needs. All of it is done band by band: what lies
 * between the steps never leaves the cache. Results do not depend on the number of threads.
 */
#ifndef HG_OPS_MAPS_H
#define HG_OPS_MAPS_H

#include "kernels/onednn_map.h"
#include "ops/context.h"

/* What a convolution reads, made from a float32 map as it is needed: its values, or silu(x · slope + offset),
 * channel by channel; every pixel once, or four times as a map of twice the size. */
typedef struct hg_maps_input {
    const hg_real *x;
    const hg_real *slope, *offset; /* (c); NULL: 1 and 0 */
    bool silu;
    bool twice;
} hg_maps_input;

/* Sums of a map's values and of their squares, for group norm. */
typedef struct hg_maps_sums {
    double *parts; /* (n_parts, 2, c); room for HG_MAP_BANDS parts */
    int64_t n_parts;
} hg_maps_sums;

/* y = conv(input), or y += conv(input), as the convolution was made; sums of y, unless NULL. */
void hg_maps_conv(hg_ctx *ctx, const hg_map_conv *conv, const hg_maps_input *input, hg_real *y,
                  hg_maps_sums *sums);

/* The same of a map that is in the convolution's type already. */
void hg_maps_conv_ready(hg_ctx *ctx, const hg_map_conv *conv, const void *x, hg_real *y, hg_maps_sums *sums);

/* A map of n pixels and c channels, and how it is normalised. */
typedef struct hg_maps_norm {
    int64_t n, c, n_groups;
    hg_real eps;
    const hg_real *gain, *bias; /* (c) */
} hg_maps_norm;

/* Group norm as lines: y = x · slope + offset, one for each channel. */
void hg_maps_groupnorm(const hg_maps_norm *s, const hg_maps_sums *sums, hg_real *slope, hg_real *offset);

/* y (n, c) = x (c, n)ᵀ, and back: y (c, n) = x (n, c)ᵀ. */
void hg_maps_from_planes(int64_t n, int64_t c, const hg_real *x, hg_real *y);
void hg_maps_to_planes(int64_t n, int64_t c, const hg_real *x, hg_real *y);

#endif
