/* SPDX-License-Identifier: Apache-2.0
 *
 * volume_grid.c: a cut takes one index of one stored axis; the other two become the picture's sides, each
 * turned round where the patient's axis asks for it.
 */
#include "image/volume_grid.h"

#include <math.h>
#include <string.h>

void hg_volume_grid_orient(hg_volume_grid *grid, double m[3][3])
{
    bool world_taken[3] = {false}, stored_taken[3] = {false};
    for (int j = 0; j < 3; j++) {
        double length = sqrt(m[0][j] * m[0][j] + m[1][j] * m[1][j] + m[2][j] * m[2][j]);
        for (int i = 0; i < 3; i++)
            m[i][j] = length > 0 ? m[i][j] / length : 0;
    }
    for (int step = 0; step < 3; step++) { /* the clearest pair first */
        int best_i = -1, best_j = -1;
        for (int i = 0; i < 3; i++) {
            for (int j = 0; j < 3; j++) {
                if (!world_taken[i] && !stored_taken[j] &&
                    (best_i < 0 || fabs(m[i][j]) > fabs(m[best_i][best_j]))) {
                    best_i = i;
                    best_j = j;
                }
            }
        }
        world_taken[best_i] = stored_taken[best_j] = true;
        grid->stored[best_i] = best_j;
        grid->reversed[best_i] = m[best_i][best_j] < 0;
    }
}

hg_image_axis hg_volume_grid_axis(const hg_volume_grid *grid, int j)
{
    int a = grid->stored[0] == j ? 0 : grid->stored[1] == j ? 1 : 2;
    return (hg_image_axis)(HG_IMAGE_AXIS_SAGITTAL + a);
}

hg_volume_cut hg_volume_cut_get(const hg_volume_grid *grid, hg_image_axis axis, int slice)
{
    hg_volume_cut cut = {.s = (int)axis - HG_IMAGE_AXIS_SAGITTAL};
    cut.h = cut.s == 0 ? 1 : 0;
    cut.v = cut.s == 2 ? 1 : 2;
    int64_t n = grid->dim[grid->stored[cut.s]];
    cut.index = grid->reversed[cut.s] ? n - 1 - slice : slice;
    return cut;
}

int64_t hg_volume_cut_width(const hg_volume_grid *grid, hg_volume_cut cut)
{
    return grid->dim[grid->stored[cut.h]];
}

int64_t hg_volume_cut_height(const hg_volume_grid *grid, hg_volume_cut cut)
{
    return grid->dim[grid->stored[cut.v]];
}

void hg_volume_cut_spacing(const hg_volume_grid *grid, hg_volume_cut cut, double spacing[3])
{
    const int axes[3] = {cut.h, cut.v, cut.s};
    for (int i = 0; i < 3; i++)
        spacing[i] = grid->spacing[grid->stored[axes[i]]];
}

bool hg_volume_cut_meets(const hg_volume_grid *grid, hg_volume_cut cut, int64_t k)
{
    return grid->stored[cut.s] != 2 || cut.index == k;
}

/* Column or row of stored index q on world axis a: rising towards left, back and foot. */
static int64_t grid_place(const hg_volume_grid *grid, int a, int64_t q)
{
    return grid->reversed[a] ? q : grid->dim[grid->stored[a]] - 1 - q;
}

void hg_volume_cut_copy(hg_frame *frame, const hg_volume_grid *grid, hg_volume_cut cut, size_t voxel,
                        const void *plane, int64_t k)
{
    int64_t from[2] = {0, 0}, to[2] = {grid->dim[0], grid->dim[1]};
    if (grid->stored[cut.s] < 2) {
        from[grid->stored[cut.s]] = cut.index;
        to[grid->stored[cut.s]] = cut.index + 1;
    }
    uint8_t *out = frame->samples;
    const uint8_t *in = plane;
    for (int64_t j = from[1]; j < to[1]; j++) {
        for (int64_t i = from[0]; i < to[0]; i++) {
            const int64_t q[3] = {i, j, k};
            int64_t x = grid_place(grid, cut.h, q[grid->stored[cut.h]]);
            int64_t y = grid_place(grid, cut.v, q[grid->stored[cut.v]]);
            memcpy(out + (size_t)(y * frame->width + x) * voxel, in + (size_t)(j * grid->dim[0] + i) * voxel,
                   voxel);
        }
    }
}
