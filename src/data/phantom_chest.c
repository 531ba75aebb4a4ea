/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_chest.c: lungs with vessels, heart, great vessels, airways; fluid and air where they should not be.
 */
#include "data/phantom_trunk.h"

/* The airways and great vessels. */
static bool tubes_at(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    hg_vec3 p = t->p, q = {fabsf(p.x), p.y, p.z};
    float air = fminf(hg_shape_rod(p, (hg_vec3){0, 12, 300}, (hg_vec3){0, 16, 138}, 8.5f, 8.5f),
                      hg_shape_rod(q, (hg_vec3){0, 16, 138}, (hg_vec3){44, 14, 98}, 7, 4.5f));
    if (air < 1.5f) {
        *spot = hg_spot(air < 0 ? HG_TISSUE_AIR : HG_TISSUE_MUSCLE, HG_ORGAN_TRACHEA);
        return true;
    }
    float aorta = hg_shape_rod(p, (hg_vec3){-10, -22, 90}, (hg_vec3){-10, -16, 150}, 15, 15);
    aorta = fminf(aorta, hg_shape_rod(p, (hg_vec3){-10, -16, 152}, (hg_vec3){20, 28, 162}, 14, 13));
    aorta = fminf(aorta, hg_shape_rod(p, (hg_vec3){20, 30, 162}, (hg_vec3){16, 30, -40}, 12.5f, 11));
    if (aorta < 0) {
        *spot = hg_spot(HG_TISSUE_BLOOD, HG_ORGAN_AORTA);
        return true;
    }
    float veins = hg_shape_rod(p, (hg_vec3){-26, -10, 195}, (hg_vec3){-24, -4, 90}, 9.5f, 10);
    veins = fminf(veins, hg_shape_rod(p, (hg_vec3){6, -28, 112}, (hg_vec3){12, -4, 128}, 13, 11));
    veins = fminf(veins, hg_shape_rod(q, (hg_vec3){4, 0, 122}, (hg_vec3){52, 6, 112}, 10, 6));
    veins = fminf(veins, hg_shape_rod(q, (hg_vec3){48, 6, 112}, (hg_vec3){66, 16, 70}, 6.5f, 3.5f));
    veins = fminf(veins, hg_shape_rod(q, (hg_vec3){48, 6, 112}, (hg_vec3){68, -4, 152}, 6, 3));
    if (veins < 0)
        *spot = hg_spot(HG_TISSUE_BLOOD, HG_ORGAN_NONE);
    return veins < 0;
}

static float heart_distance(const hg_trunk_point *t)
{
    const hg_phantom_lesion *l = &t->patient->lesion;
    float s = t->patient->build.organ[0];
    hg_vec3 d = {t->p.x - 20, t->p.y + 28, t->p.z - 62};
    /* Turned about y, so that the tip points to the lower left. */
    hg_vec3 q = {0.83f * d.x - 0.56f * d.z, d.y, 0.56f * d.x + 0.83f * d.z};
    if (l->kind == HG_LESION_CARDIOMEGALY)
        s *= l->radius.x / 50.0f;
    return hg_shape_ellipsoid(q, (hg_vec3){0, 0, 0}, (hg_vec3){61 * s, 40 * s, 44 * s});
}

static bool heart_at(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    float d = heart_distance(t);
    if (d > 3.5f)
        return false;
    bool large = t->patient->lesion.kind == HG_LESION_CARDIOMEGALY;
    hg_tissue tissue = HG_TISSUE_FAT;
    if (d < 0) {
        /* Thick wall on the left, a septum, thin wall on the right. */
        float septum = fabsf(t->p.x - 8.0f - 0.35f * (t->p.y + 28)) - 4.5f;
        bool wall = d > (t->p.x > 10 ? -10.0f : -4.0f) || septum < 0;
        tissue = wall ? HG_TISSUE_MYOCARDIUM : HG_TISSUE_BLOOD;
    }
    *spot = hg_spot(tissue, HG_ORGAN_HEART);
    spot->lesion = large && d < 0;
    return true;
}

/* Height of pleural fluid above the diaphragm: highest at the side and the back. */
static bool effusion_at(const hg_trunk_point *t)
{
    const hg_phantom_lesion *l = &t->patient->lesion;
    if (l->kind != HG_LESION_EFFUSION || t->side * l->centre.x < 0)
        return false;
    float height = l->radius.z * (0.25f + 0.75f * hg_phantom_step(t->cage, -55, -4) +
                                  0.5f * hg_phantom_step(t->p.y, 10, 80));
    return t->p.z - fminf(t->dome, 22.0f) < height;
}

static bool pneumothorax_at(const hg_trunk_point *t)
{
    const hg_phantom_lesion *l = &t->patient->lesion;
    if (l->kind != HG_LESION_PNEUMOTHORAX || t->side * l->centre.x < 0)
        return false;
    float width = l->radius.x * (0.35f + 0.65f * hg_phantom_step(t->p.z, 60, 190) +
                                 0.5f * hg_phantom_step(-t->p.y, 10, 80));
    return t->cage > -4 - width && t->p.z > 40;
}

static hg_phantom_spot lung_at(const hg_trunk_point *t)
{
    const hg_phantom_lesion *l = &t->patient->lesion;
    if (effusion_at(t))
        return hg_lesion_spot(HG_TISSUE_EFFUSION, HG_ORGAN_LUNGS);
    if (pneumothorax_at(t))
        return hg_lesion_spot(HG_TISSUE_AIR, HG_ORGAN_LUNGS);
    if (l->kind == HG_LESION_NODULE || l->kind == HG_LESION_PNEUMONIA) {
        bool nodule = l->kind == HG_LESION_NODULE;
        float fine[4] = {0};
        hg_phantom_field_at(&t->patient->field, t->p.x / 10.0f, t->p.y / 10.0f, t->p.z / 10.0f, fine);
        float level = hg_lesion_level(l, t->own, nodule ? 0.6f * fine[0] : 1.2f * t->noise[2]);
        if (level < 1 && (nodule || fine[1] > -0.45f))
            return hg_lesion_spot(nodule ? HG_TISSUE_TUMOUR : HG_TISSUE_CONSOLIDATION, HG_ORGAN_LUNGS);
    }
    float hilum =
        hg_vec3_length(hg_vec3_sub((hg_vec3){fabsf(t->p.x), t->p.y, t->p.z}, (hg_vec3){44, 8, 108}));
    float thin = 0.17f - 0.0014f * hilum;
    bool vessel = thin > 0.03f && hg_trunk_tubes(t, 30, thin, 3.3f) < 0;
    vessel = vessel || (thin > 0 && hg_trunk_tubes(t, 17, 0.10f - 0.0004f * hilum, 7.9f) < 0);
    return hg_spot(vessel ? HG_TISSUE_BLOOD : HG_TISSUE_LUNG, HG_ORGAN_LUNGS);
}

bool hg_trunk_chest(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    if (t->cage > -3 || t->p.z < t->dome)
        return false;
    if (tubes_at(t, spot) || heart_at(t, spot))
        return true;
    /* The space between the lungs, wider in front of the spine and above. */
    float middle = 17.0f + 13.0f * hg_phantom_step(t->p.z, 85, 135) -
                   9.0f * hg_phantom_step(t->p.z, 150, 200) + 9.0f * hg_phantom_step(t->p.y, 20, 45) -
                   14.0f * hg_phantom_step(-t->p.y, 45, 70);
    float curve = 15.0f * hg_phantom_step(t->p.y, 40, 70);
    if (fabsf(t->p.x) < middle + curve) {
        *spot = hg_spot(HG_TISSUE_FAT, HG_ORGAN_NONE);
        return true;
    }
    *spot = lung_at(t);
    return true;
}

/* ---- as a part ---- */

static hg_phantom_spot chest_at(const hg_phantom_patient *patient, hg_vec3 p)
{
    return hg_trunk_at(patient, p, HG_TRUNK_CHEST_Z);
}

static void chest_place(hg_phantom_patient *patient, hg_rng *rng)
{
    hg_phantom_lesion *l = &patient->lesion;
    float side = hg_phantom_chance(rng, 0.5f) ? 1.0f : -1.0f, r;
    bool upper = hg_phantom_chance(rng, 0.5f);
    switch (l->kind) {
    case HG_LESION_NODULE:
    case HG_LESION_PNEUMONIA:
        r = l->kind == HG_LESION_NODULE ? hg_phantom_range(rng, 6, 16) : hg_phantom_range(rng, 22, 38);
        l->centre = (hg_vec3){side * hg_phantom_range(rng, 72, 96), hg_phantom_range(rng, -35, 45),
                              upper ? hg_phantom_range(rng, 115, 160) : hg_phantom_range(rng, 60, 95)};
        l->centre.z -= HG_TRUNK_CHEST_Z;
        l->radius = (hg_vec3){r, r, r};
        l->push = l->kind == HG_LESION_NODULE ? 0.01f : 0;
        l->organ = upper ? "upper lobe" : "lower lobe";
        break;
    case HG_LESION_CARDIOMEGALY:
        side = 0;
        r = hg_phantom_range(rng, 64, 70);
        l->centre = (hg_vec3){20, -28, 62 - HG_TRUNK_CHEST_Z};
        l->radius = (hg_vec3){r, 50, 50};
        l->organ = "heart";
        break;
    case HG_LESION_EFFUSION:
        l->centre = (hg_vec3){side * 90, 50, 40 - HG_TRUNK_CHEST_Z};
        l->radius = (hg_vec3){40, 40, hg_phantom_range(rng, 22, 75)};
        l->organ = "pleural cavity";
        break;
    default:
        l->centre = (hg_vec3){side * 95, -20, 150 - HG_TRUNK_CHEST_Z};
        l->radius = (hg_vec3){hg_phantom_range(rng, 14, 38), 60, 70};
        l->organ = "pleural cavity";
        break;
    }
    l->side = side > 0 ? "left" : side < 0 ? "right" : "midline";
}

static const hg_lesion_kind chest_kinds[] = {HG_LESION_NODULE,       HG_LESION_EFFUSION,
                                             HG_LESION_PNEUMOTHORAX, HG_LESION_PNEUMONIA,
                                             HG_LESION_CARDIOMEGALY, HG_LESION_NONE};

const hg_phantom_body hg_phantom_chest = {.name = "chest",
                                          .field_mm = 390,
                                          .low = {-95, -45, -75},
                                          .high = {95, 50, 85},
                                          .thick_mm = 6,
                                          .t2_gain = 1.6f,
                                          .at = chest_at,
                                          .kinds = chest_kinds,
                                          .place = chest_place};
