/* SPDX-License-Identifier: Apache-2.0
 *
 * volume_grid.h: where the patient's axes run in a stored volume, and slices cut out of it plane by plane.
 * Slices lie as radiologists look at them: the patient's right on the left, the front on top (sagittal: on
 * the left), the head on top; they count from left, back and foot.
 */
#ifndef HG_IMAGE_VOLUME_GRID_H
#define HG_IMAGE_VOLUME_GRID_H

#include "image/frame.h"

#include <healthgpt/image.h>

/* A volume of dim[0] x dim[1] x dim[2] voxels, the first axis fastest. */
typedef struct hg_volume_grid {
    int64_t dim[3];
    double spacing[3]; /* mm, of the stored axes */
    /* World axis a (0 left-right, 1 back-front, 2 foot-head) runs along stored axis `stored[a]`,
     * `reversed[a]` when the index grows towards left, back or foot. */
    int stored[3];
    bool reversed[3];
} hg_volume_grid;

/* Fills `stored` and `reversed`: each world axis gets the stored axis that runs most along it. Column j of
 * `m`: the direction in which stored axis j grows, in (right, front, head); any length. Makes the columns
 * unit vectors. */
void hg_volume_grid_orient(hg_volume_grid *grid, double m[3][3]);

/* The world axis that runs along stored axis `j`, as an axis that slices are cut across. */
hg_image_axis hg_volume_grid_axis(const hg_volume_grid *grid, int j);

/* Where a slice's pixels come from. World axes: h across the picture, v down, s the one that is cut. */
typedef struct hg_volume_cut {
    int h, v, s;
    int64_t index; /* stored, on the stored axis of s */
} hg_volume_cut;

/* `axis` is not the default one; `slice` is in range. */
hg_volume_cut hg_volume_cut_get(const hg_volume_grid *grid, hg_image_axis axis, int slice);

/* Size of the cut's picture, and mm between its columns, rows and slices. */
int64_t hg_volume_cut_width(const hg_volume_grid *grid, hg_volume_cut cut);
int64_t hg_volume_cut_height(const hg_volume_grid *grid, hg_volume_cut cut);
void hg_volume_cut_spacing(const hg_volume_grid *grid, hg_volume_cut cut, double spacing[3]);

/* True when stored plane k (dim[0] x dim[1] voxels) holds something of the cut. */
bool hg_volume_cut_meets(const hg_volume_grid *grid, hg_volume_cut cut, int64_t k);

/* Copies what stored plane k holds of the cut. `frame` has the cut's size; `voxel`: bytes of one. */
void hg_volume_cut_copy(hg_frame *frame, const hg_volume_grid *grid, hg_volume_cut cut, size_t voxel,
                        const void *plane, int64_t k);

#endif
