/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_trunk.h: the trunk as one body, of which chest, abdomen and pelvis are windows.
 *
 * In the trunk's frame z is 0 at the dome of the diaphragm; the parts' own frames begin where
 * HG_TRUNK_CHEST_Z and so on say. Organs are asked in the order of who wins where they overlap.
 */
#ifndef HG_DATA_PHANTOM_TRUNK_H
#define HG_DATA_PHANTOM_TRUNK_H

#include "data/phantom_body.h"
#include "data/phantom_organ.h"

#define HG_TRUNK_CHEST_Z 105.0f
#define HG_TRUNK_ABDOMEN_Z (-65.0f)
#define HG_TRUNK_PELVIS_Z (-285.0f)

typedef struct hg_trunk_point {
    const hg_phantom_patient *patient;
    hg_vec3 p;      /* in the trunk's frame */
    hg_vec3 own;    /* in the part's frame, where the lesion is given */
    float side;     /* 1 on the left, -1 on the right */
    float noise[4]; /* of the coarse field */
    float wall;     /* distance to the outside of the muscles, negative inside */
    float cage;     /* distance to the middle of the ribs' shell */
    float dome;     /* height of the diaphragm here */
} hg_trunk_point;

static inline hg_phantom_spot hg_spot(hg_tissue tissue, hg_phantom_organ organ)
{
    return (hg_phantom_spot){(uint8_t)tissue, (uint8_t)organ, false};
}

static inline hg_phantom_spot hg_lesion_spot(hg_tissue tissue, hg_phantom_organ organ)
{
    return (hg_phantom_spot){(uint8_t)tissue, (uint8_t)organ, true};
}

/* The tissue at a point of the part's frame, which begins at height `z0` of the trunk. */
hg_phantom_spot hg_trunk_at(const hg_phantom_patient *patient, hg_vec3 own, float z0);

/* The pieces; *spot is filled when they return true. */
bool hg_trunk_bone(const hg_trunk_point *t, hg_phantom_spot *spot);
bool hg_trunk_chest(const hg_trunk_point *t, hg_phantom_spot *spot);
bool hg_trunk_abdomen(const hg_trunk_point *t, hg_phantom_spot *spot);
bool hg_trunk_pelvis(const hg_trunk_point *t, hg_phantom_spot *spot);

/* Half axes of the trunk's cross-section (muscle wall) at height z. */
void hg_trunk_section(float z, float *a, float *b);

/* Tubes that branch: negative inside; `knot` is the distance of branches in mm, `thin` (0..0.4) their width.
 */
float hg_trunk_tubes(const hg_trunk_point *t, float knot, float thin, float shift);

#endif
