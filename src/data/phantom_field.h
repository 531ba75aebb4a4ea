/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_field.h: smooth random fields in space: what makes organs uneven, folds the cortex and branches
 * vessels. Four fields lie side by side, so that one look-up gives all of them.
 */
#ifndef HG_DATA_PHANTOM_FIELD_H
#define HG_DATA_PHANTOM_FIELD_H

#include <stdint.h>

#define HG_PHANTOM_FIELD_SIDE 16 /* knots along each axis, then it repeats */

typedef struct hg_phantom_field {
    float knots[HG_PHANTOM_FIELD_SIDE * HG_PHANTOM_FIELD_SIDE * HG_PHANTOM_FIELD_SIDE][4];
} hg_phantom_field;

void hg_phantom_field_fill(hg_phantom_field *field, uint64_t seed);

/* The four fields at a point, each in -1..1, once continuously differentiable. Knots are at whole numbers. */
void hg_phantom_field_at(const hg_phantom_field *field, float x, float y, float z, float out[4]);

#endif
