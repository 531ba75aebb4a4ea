/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_pelvis.c: hip bones, sacrum, thighs, bladder, rectum, prostate or uterus.
 */
#include "data/phantom_trunk.h"

static hg_phantom_spot bone(float d, float shell, hg_phantom_organ organ)
{
    return hg_spot(d > -shell ? HG_TISSUE_BONE : HG_TISSUE_MARROW, organ);
}

/* The wing of the hip bone: a curved plate. */
static float wing_distance(hg_vec3 q)
{
    hg_vec3 d = {q.x - 92, q.y - 18, q.z + 250};
    float along = 0.76f * d.x - 0.65f * d.y, across = 0.65f * d.x + 0.76f * d.y;
    across += along * along / 190.0f - 4.0f;
    float plate = fabsf(across) - 5.0f - 2.0f * hg_phantom_step(d.z, -20, -60);
    float reach = hg_shape_ellipsoid((hg_vec3){along, 0, d.z}, (hg_vec3){0, 0, 0}, (hg_vec3){66, 1e4f, 59});
    return fmaxf(plate, reach);
}

static float ring_distance(hg_vec3 q)
{
    float d = hg_shape_rod(q, (hg_vec3){72, -8, -312}, (hg_vec3){9, -62, -322}, 10, 8);
    d = fminf(d, hg_shape_rod(q, (hg_vec3){74, 24, -318}, (hg_vec3){58, 42, -366}, 15, 13));
    d = fminf(d, hg_shape_rod(q, (hg_vec3){58, 40, -366}, (hg_vec3){12, -52, -342}, 7, 6));
    float cup = hg_vec3_length(hg_vec3_sub(q, (hg_vec3){90, 4, -305}));
    float socket = fmaxf(fabsf(cup - 31.0f) - 4.0f, q.x - 98.0f);
    return fminf(d, socket);
}

static float sacrum_distance(hg_vec3 p)
{
    float width = 52.0f - 0.28f * fmaxf(-p.z - 215.0f, 0.0f) * 1.2f;
    float y = 58.0f + 0.12f * (-p.z - 215.0f);
    if (p.z > -192 || p.z < -330 || width < 8)
        return 50;
    return hg_shape_ellipsoid((hg_vec3){p.x, p.y, 0}, (hg_vec3){0, y, 0}, (hg_vec3){width, 19, 1e4f});
}

/* A gap across the neck of the thigh bone. */
static bool hip_fracture(const hg_trunk_point *t, hg_vec3 q)
{
    const hg_phantom_lesion *l = &t->patient->lesion;
    if (l->kind != HG_LESION_HIP_FRACTURE || t->side * l->centre.x < 0)
        return false;
    float along = 0.79f * (q.x - 108) + 0.26f * (q.y - 11) - 0.55f * (q.z + 320);
    return fabsf(along + 2.0f * t->noise[1]) < l->radius.x && q.z > -350;
}

static bool femur_at(const hg_trunk_point *t, hg_vec3 q, hg_phantom_spot *spot)
{
    float head = hg_vec3_length(hg_vec3_sub(q, (hg_vec3){90, 4, -305})) - 24.0f;
    float neck = hg_shape_rod(q, (hg_vec3){90, 4, -305}, (hg_vec3){126, 18, -335}, 15, 17);
    float shaft = hg_shape_rod(q, (hg_vec3){128, 18, -335}, (hg_vec3){122, 8, -430}, 18, 15);
    float d = fminf(head, fminf(neck, shaft));
    if (d > 0)
        return false;
    if (head > 0 && hip_fracture(t, q))
        *spot = hg_lesion_spot(HG_TISSUE_HAEMATOMA, HG_ORGAN_FEMORAL_HEADS);
    else
        *spot =
            bone(d, shaft < 0 && q.z < -350 ? 6.0f : 2.0f, head < 0 ? HG_ORGAN_FEMORAL_HEADS : HG_ORGAN_NONE);
    return true;
}

static bool bones_at(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    const hg_phantom_lesion *l = &t->patient->lesion;
    hg_vec3 q = {fabsf(t->p.x), t->p.y, t->p.z};
    if (femur_at(t, q, spot))
        return true;
    float sacrum = sacrum_distance(t->p);
    float d = fminf(fminf(wing_distance(q), ring_distance(q)), sacrum);
    if (d > 0)
        return false;
    *spot = bone(d, 2.2f, HG_ORGAN_PELVIC_BONES);
    if (sacrum < -5 && hg_vec3_length((hg_vec3){t->p.x, t->p.y - 68 - 0.12f * (-t->p.z - 215), 0}) < 6)
        spot->tissue = HG_TISSUE_CSF; /* the canal */
    if (l->kind == HG_LESION_BONE_METASTASIS && hg_lesion_level(l, t->own, t->noise[2]) < 1)
        *spot = hg_lesion_spot(HG_TISSUE_TUMOUR, HG_ORGAN_PELVIC_BONES);
    return true;
}

static bool bladder_at(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    const hg_phantom_lesion *l = &t->patient->lesion;
    float s = t->patient->build.organ[0];
    float d = hg_shape_ellipsoid(t->p, (hg_vec3){0, -36, -288}, (hg_vec3){40 * s, 30 * s, 34 * s});
    if (d > 0)
        return false;
    bool inside = hg_lesion_level(l, t->own, 0.6f * t->noise[2]) < 1;
    if (l->kind == HG_LESION_BLADDER_STONE && inside)
        *spot = hg_lesion_spot(HG_TISSUE_STONE, HG_ORGAN_BLADDER);
    else if (l->kind == HG_LESION_BLADDER_TUMOUR && inside)
        *spot = hg_lesion_spot(HG_TISSUE_TUMOUR, HG_ORGAN_BLADDER);
    else
        *spot = hg_spot(d > -3.0f ? HG_TISSUE_MUSCLE : HG_TISSUE_CSF, HG_ORGAN_BLADDER);
    return true;
}

static bool genitals_at(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    const hg_phantom_lesion *l = &t->patient->lesion;
    float s = t->patient->build.organ[1];
    if (l->kind == HG_LESION_OVARIAN_CYST && hg_lesion_level(l, t->own, 0.2f * t->noise[2]) < 1) {
        *spot = hg_lesion_spot(HG_TISSUE_CSF, HG_ORGAN_NONE);
        return true;
    }
    if (t->patient->build.female) {
        float d = hg_shape_ellipsoid(t->p, (hg_vec3){0, 10, -282}, (hg_vec3){27 * s, 20 * s, 34 * s});
        if (d < 0)
            *spot = hg_spot(d < -11 ? HG_TISSUE_EFFUSION : HG_TISSUE_PROSTATE, HG_ORGAN_UTERUS);
        return d < 0;
    }
    float d = hg_shape_ellipsoid(t->p, (hg_vec3){0, -16, -334}, (hg_vec3){23 * s, 17 * s, 18 * s});
    if (d < 0)
        *spot = hg_spot(HG_TISSUE_PROSTATE, HG_ORGAN_PROSTATE);
    return d < 0;
}

static hg_phantom_spot cavity_at(const hg_trunk_point *t)
{
    hg_phantom_spot spot = hg_spot(HG_TISSUE_FAT, HG_ORGAN_NONE);
    if (bladder_at(t, &spot) || genitals_at(t, &spot))
        return spot;
    float d = hg_shape_rod(t->p, (hg_vec3){0, 38, -230}, (hg_vec3){0, 38, -350}, 17, 14);
    if (d < 0) {
        bool gas = t->noise[0] + 0.03f * (30 - t->p.y) > 0.35f;
        return hg_spot(d > -3.5f ? HG_TISSUE_MUSCLE : gas ? HG_TISSUE_AIR : HG_TISSUE_BOWEL, HG_ORGAN_RECTUM);
    }
    float w[4];
    hg_phantom_field_at(&t->patient->field, t->p.x / 30.0f + 3.7f, t->p.y / 30.0f + 1.9f, t->p.z / 30.0f, w);
    if (t->p.z > -262 && fabsf(w[0] + 0.3f * w[1]) < 0.34f) {
        bool gas = w[2] > 0.5f && fabsf(w[0] + 0.3f * w[1]) < 0.22f;
        return hg_spot(gas ? HG_TISSUE_AIR : HG_TISSUE_BOWEL, HG_ORGAN_BOWEL);
    }
    return hg_spot(HG_TISSUE_FAT, HG_ORGAN_NONE);
}

bool hg_trunk_pelvis(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    hg_vec3 q = {fabsf(t->p.x), t->p.y, t->p.z};
    if (bones_at(t, spot))
        return true;
    if (t->p.z < -340 && q.x < 5 && t->p.z < -372) { /* between the thighs */
        *spot = hg_spot(HG_TISSUE_FAT, HG_ORGAN_NONE);
        return true;
    }
    float top = hg_phantom_step(t->p.z, -275, -205);
    float cavity =
        hg_shape_ellipsoid(t->p, (hg_vec3){0, -6, -268}, (hg_vec3){60 + 42 * top, 62 + 12 * top, 88});
    if (cavity < 0 && t->wall < -12) {
        *spot = cavity_at(t);
        return true;
    }
    /* Psoas and iliacus, vessels beside the cavity; else gluteal muscles with planes of fat. */
    float vessel = hg_shape_rod(q, (hg_vec3){44, 20, -195}, (hg_vec3){72, -58, -330}, 6, 6);
    if (vessel < 0) {
        *spot = hg_spot(HG_TISSUE_BLOOD, HG_ORGAN_NONE);
        return true;
    }
    float planes = hg_phantom_sin(0.11f * (q.x + 0.8f * q.y) + 2.6f * t->noise[0]);
    bool front = t->wall < -9 && t->p.y < -45 && cavity < 26;
    bool fat = planes > 0.93f || (cavity < 7 && t->noise[1] > 0) || front;
    *spot = hg_spot(fat ? HG_TISSUE_FAT : HG_TISSUE_MUSCLE, HG_ORGAN_NONE);
    return true;
}

/* ---- as a part ---- */

static hg_phantom_spot pelvis_at(const hg_phantom_patient *patient, hg_vec3 p)
{
    return hg_trunk_at(patient, p, HG_TRUNK_PELVIS_Z);
}

static void pelvis_place(hg_phantom_patient *patient, hg_rng *rng)
{
    hg_phantom_lesion *l = &patient->lesion;
    float side = hg_phantom_chance(rng, 0.5f) ? 1.0f : -1.0f, r;
    l->push = 0.01f; /* its size is told */
    l->side = hg_lesion_side(side, 0.5f);
    switch (l->kind) {
    case HG_LESION_BLADDER_STONE:
        r = hg_phantom_range(rng, 5, 13);
        l->centre = (hg_vec3){hg_phantom_range(rng, -10, 10), -24, -290};
        l->radius = (hg_vec3){r, 0.75f * r, 0.9f * r};
        l->organ = "bladder";
        l->side = "midline";
        break;
    case HG_LESION_BLADDER_TUMOUR:
        r = hg_phantom_range(rng, 9, 17);
        l->centre =
            (hg_vec3){side * 29, -36 + hg_phantom_range(rng, -8, 8), -288 + hg_phantom_range(rng, -8, 8)};
        l->radius = (hg_vec3){r, r, r};
        l->organ = "wall of the bladder";
        break;
    case HG_LESION_HIP_FRACTURE:
        l->centre = (hg_vec3){side * 108, 11, -320};
        l->radius = (hg_vec3){hg_phantom_range(rng, 2, 3.5f), 20, 20};
        l->organ = "femoral neck";
        l->push = 0;
        break;
    case HG_LESION_OVARIAN_CYST:
        patient->build.female = true;
        r = hg_phantom_range(rng, 15, 27);
        l->centre = (hg_vec3){side * 36, 2, -262};
        l->radius = (hg_vec3){r, r, r};
        l->organ = "ovary";
        break;
    default:
        r = hg_phantom_range(rng, 11, 22);
        l->centre = (hg_vec3){side * hg_phantom_range(rng, 78, 100), hg_phantom_range(rng, 12, 30),
                              hg_phantom_range(rng, -265, -225)};
        l->radius = (hg_vec3){r, r, r};
        l->organ = "hip bone";
        break;
    }
    l->centre.z -= HG_TRUNK_PELVIS_Z;
}

static const hg_lesion_kind pelvis_kinds[] = {HG_LESION_BLADDER_STONE,   HG_LESION_BLADDER_TUMOUR,
                                              HG_LESION_HIP_FRACTURE,    HG_LESION_OVARIAN_CYST,
                                              HG_LESION_BONE_METASTASIS, HG_LESION_NONE};

const hg_phantom_body hg_phantom_pelvis = {.name = "pelvis",
                                           .field_mm = 400,
                                           .low = {-110, -50, -65},
                                           .high = {110, 45, 70},
                                           .thick_mm = 6,
                                           .t2_gain = 1.6f,
                                           .at = pelvis_at,
                                           .kinds = pelvis_kinds,
                                           .place = pelvis_place};
