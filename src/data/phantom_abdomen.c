/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_abdomen.c: liver, gallbladder, stomach, spleen, kidneys, pancreas, vessels, psoas and bowel.
 */
#include "data/phantom_trunk.h"

static hg_tissue inner(float d, float wall, hg_tissue shell, hg_tissue content)
{
    return d > -wall ? shell : content;
}

/* Aorta and vena cava; an aneurysm widens the aorta. */
static bool vessels_at(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    const hg_phantom_lesion *l = &t->patient->lesion;
    float r = 10.5f;
    bool wide = false;
    if (l->kind == HG_LESION_ANEURYSM) {
        float bulge = 1.0f - hg_phantom_step(fabsf(t->own.z - l->centre.z), 0, l->radius.z);
        r += (l->radius.x - r) * bulge;
        wide = bulge > 0.15f;
    }
    float d = hg_vec3_length((hg_vec3){t->p.x - 10, t->p.y - 27 + 0.4f * (r - 10), 0}) - r;
    if (d < 0 && t->p.z > -185) {
        bool clot = wide && d > -0.3f * r && t->noise[1] > -0.2f;
        *spot =
            hg_spot(d > -1.2f && t->noise[3] > 0.35f ? HG_TISSUE_CALCIUM : HG_TISSUE_BLOOD, HG_ORGAN_AORTA);
        if (clot)
            spot->tissue = HG_TISSUE_MUSCLE;
        spot->lesion = wide;
        return true;
    }
    float cava =
        hg_shape_ellipsoid((hg_vec3){t->p.x, t->p.y, 0}, (hg_vec3){-20, 24, 0}, (hg_vec3){12, 9, 1e4f});
    if (cava >= 0 || t->p.z < -185)
        return false;
    *spot = hg_spot(HG_TISSUE_BLOOD, HG_ORGAN_NONE);
    return true;
}

/* A round lesion within the organ; *tissue becomes its tissue. */
static bool round_lesion(const hg_trunk_point *t, hg_lesion_kind kind, hg_tissue *tissue)
{
    const hg_phantom_lesion *l = &t->patient->lesion;
    if (l->kind != kind)
        return false;
    bool rough = kind == HG_LESION_LIVER_TUMOUR;
    float level = hg_lesion_level(l, t->own, rough ? t->noise[2] : 0.15f * t->noise[2]);
    if (level >= 1)
        return false;
    *tissue = kind == HG_LESION_LIVER_TUMOUR   ? (level < 0.45f ? HG_TISSUE_NECROSIS : HG_TISSUE_TUMOUR)
              : kind == HG_LESION_KIDNEY_STONE ? HG_TISSUE_STONE
              : kind == HG_LESION_GALLSTONE    ? HG_TISSUE_CALCIUM
                                               : HG_TISSUE_CSF;
    return true;
}

static bool liver_at(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    float s = t->patient->build.organ[0];
    hg_vec3 p = {t->p.x + 3 * t->noise[0], t->p.y + 3 * t->noise[1], t->p.z + 4 * t->noise[2]};
    float d = hg_shape_ellipsoid(p, (hg_vec3){-66, 0, -8}, (hg_vec3){74, 80 * s, 84 * s});
    d = fminf(d, hg_shape_ellipsoid(p, (hg_vec3){2, -46, 6}, (hg_vec3){64 * s, 34, 40}));
    float cut = 0.5f * (p.x + 40) + 0.85f * (p.y - 26) - 6; /* hollow towards kidney and spine */
    d = fmaxf(d, p.x > -95 ? fminf(cut, 40.0f) * 0.7f : d);
    if (d > 0)
        return false;
    hg_tissue tissue;
    if (round_lesion(t, HG_LESION_LIVER_CYST, &tissue) || round_lesion(t, HG_LESION_LIVER_TUMOUR, &tissue)) {
        *spot = hg_lesion_spot(tissue, HG_ORGAN_LIVER);
        return true;
    }
    bool vessel = d < -8 && hg_trunk_tubes(t, 34, 0.11f, 5.1f) < 0;
    *spot = hg_spot(vessel ? HG_TISSUE_BLOOD : HG_TISSUE_LIVER, HG_ORGAN_LIVER);
    return true;
}

static bool gallbladder_at(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    float s = t->patient->build.organ[1];
    float d = hg_shape_ellipsoid(t->p, (hg_vec3){-40, -52, -58}, (hg_vec3){14 * s, 18 * s, 25 * s});
    hg_tissue tissue;
    if (d > 0)
        return false;
    if (d < -1 && round_lesion(t, HG_LESION_GALLSTONE, &tissue))
        *spot = hg_lesion_spot(tissue, HG_ORGAN_GALLBLADDER);
    else
        *spot = hg_spot(inner(d, 1.8f, HG_TISSUE_MUSCLE, HG_TISSUE_BILE), HG_ORGAN_GALLBLADDER);
    return true;
}

static bool kidney_at(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    float s = t->patient->build.organ[t->side > 0 ? 2 : 3], z = t->side > 0 ? -62.0f : -74.0f;
    hg_vec3 p = {fabsf(t->p.x) - 0.18f * (t->p.z - z), t->p.y, t->p.z};
    hg_tissue tissue;
    if (fabsf(t->p.z - z) > 80)
        return false;
    if (round_lesion(t, HG_LESION_KIDNEY_CYST, &tissue)) {
        *spot = hg_lesion_spot(tissue, HG_ORGAN_KIDNEYS);
        return true;
    }
    float d = hg_shape_ellipsoid(p, (hg_vec3){64, 44, z}, (hg_vec3){27 * s, 25 * s, 54 * s});
    if (d > 0)
        return false;
    float sinus = hg_shape_ellipsoid(p, (hg_vec3){51, 38, z}, (hg_vec3){15, 11, 28});
    if (sinus < 0 && round_lesion(t, HG_LESION_KIDNEY_STONE, &tissue)) {
        *spot = hg_lesion_spot(tissue, HG_ORGAN_KIDNEYS);
        return true;
    }
    hg_tissue content =
        hg_shape_ellipsoid(p, (hg_vec3){49, 37, z}, (hg_vec3){9, 5, 18}) < 0 ? HG_TISSUE_CSF : HG_TISSUE_FAT;
    *spot = hg_spot(sinus < 0 ? content : HG_TISSUE_KIDNEY, HG_ORGAN_KIDNEYS);
    return true;
}

static bool stomach_at(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    float s = t->patient->build.organ[4];
    float d = fminf(hg_shape_rod(t->p, (hg_vec3){62, -8, 14}, (hg_vec3){58, -42, -30}, 32 * s, 24 * s),
                    hg_shape_rod(t->p, (hg_vec3){58, -42, -30}, (hg_vec3){-8, -50, -52}, 22 * s, 13));
    if (d > 0)
        return false;
    hg_tissue content = t->p.y < -44 + 5 * t->patient->build.organ[5] ? HG_TISSUE_AIR : HG_TISSUE_BOWEL;
    *spot = hg_spot(inner(d, 4, HG_TISSUE_MUSCLE, content), HG_ORGAN_STOMACH);
    return true;
}

static bool solid_at(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    float s = t->patient->build.organ[6];
    hg_vec3 p = {t->p.x + 2 * t->noise[1], t->p.y + 2 * t->noise[2], t->p.z};
    float spleen = hg_shape_ellipsoid(p, (hg_vec3){98, 38, -2}, (hg_vec3){30 * s, 44 * s, 50 * s});
    spleen = fmaxf(spleen, -hg_shape_ellipsoid(p, (hg_vec3){62, 30, -8}, (hg_vec3){26, 34, 42}));
    if (spleen < 0) {
        *spot = hg_spot(HG_TISSUE_SPLEEN, HG_ORGAN_SPLEEN);
        return true;
    }
    float pancreas = fminf(hg_shape_rod(p, (hg_vec3){-28, -8, -58}, (hg_vec3){14, -6, -42}, 14, 10),
                           hg_shape_rod(p, (hg_vec3){14, -6, -42}, (hg_vec3){78, 22, -24}, 10, 7));
    if (pancreas < 1.5f * t->noise[3]) {
        *spot = hg_spot(HG_TISSUE_PANCREAS, HG_ORGAN_PANCREAS);
        return true;
    }
    hg_vec3 q = {fabsf(t->p.x), t->p.y, t->p.z};
    if (hg_shape_rod(q, (hg_vec3){34, 44, -40}, (hg_vec3){46, 36, -190}, 10, 21) < 0) { /* psoas */
        *spot = hg_spot(HG_TISSUE_MUSCLE, HG_ORGAN_NONE);
        return true;
    }
    return false;
}

/* Colon along the sides, loops of small bowel in the middle, fat between. */
static hg_phantom_spot bowel_at(const hg_trunk_point *t)
{
    hg_vec3 p = {t->p.x + 5 * t->noise[0], t->p.y + 5 * t->noise[1], t->p.z};
    float colon = fminf(hg_shape_rod(p, (hg_vec3){-94, 18, -80}, (hg_vec3){-88, 10, -200}, 23, 25),
                        hg_shape_rod(p, (hg_vec3){98, 26, -40}, (hg_vec3){88, 20, -215}, 17, 16));
    colon = fminf(colon, hg_shape_rod(p, (hg_vec3){-90, -40, -95}, (hg_vec3){92, -44, -80}, 17, 16));
    if (colon < 0) {
        float fine[4];
        hg_phantom_field_at(&t->patient->field, t->p.x / 13.0f, t->p.y / 13.0f, t->p.z / 13.0f, fine);
        bool gas = fine[0] > 0.1f || t->noise[2] > 0.35f;
        return hg_spot(inner(colon, 2.5f, HG_TISSUE_BOWEL, gas ? HG_TISSUE_AIR : HG_TISSUE_BOWEL),
                       HG_ORGAN_BOWEL);
    }
    if (t->p.z > -45 || t->p.y > 30)
        return hg_spot(HG_TISSUE_FAT, HG_ORGAN_NONE);
    float w[4];
    hg_phantom_field_at(&t->patient->field, p.x / 30.0f + 3.7f, p.y / 30.0f + 1.9f, p.z / 30.0f, w);
    float loop = fabsf(w[0] + 0.3f * w[1]);
    if (loop > 0.36f)
        return hg_spot(HG_TISSUE_FAT, HG_ORGAN_NONE);
    bool gas = loop < 0.24f && w[2] > 0.5f && t->p.y < 5;
    return hg_spot(gas ? HG_TISSUE_AIR : HG_TISSUE_BOWEL, HG_ORGAN_BOWEL);
}

static bool ascites_at(const hg_trunk_point *t)
{
    const hg_phantom_lesion *l = &t->patient->lesion;
    if (l->kind != HG_LESION_ASCITES)
        return false;
    float width = l->radius.x * (0.5f + 0.6f * hg_phantom_step(fabsf(t->p.x), 60, 110) +
                                 0.5f * hg_phantom_step(-t->p.z, 40, 160));
    return t->wall > -14 - width && t->p.y < 62;
}

bool hg_trunk_abdomen(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    float back = 46.0f + 14.0f * hg_phantom_step(fabsf(t->p.x), 40, 70);
    if (t->wall > -13 || t->p.z > t->dome - 3 || t->cage > -5 || t->p.y > back + 14)
        return false;
    if (ascites_at(t)) {
        *spot = hg_lesion_spot(HG_TISSUE_CSF, HG_ORGAN_NONE);
        return true;
    }
    if (vessels_at(t, spot) || gallbladder_at(t, spot) || liver_at(t, spot) || kidney_at(t, spot) ||
        stomach_at(t, spot) || solid_at(t, spot))
        return true;
    *spot = bowel_at(t);
    return true;
}

/* ---- as a part ---- */

static hg_phantom_spot abdomen_at(const hg_phantom_patient *patient, hg_vec3 p)
{
    return hg_trunk_at(patient, p, HG_TRUNK_ABDOMEN_Z);
}

static void place_kidney(hg_phantom_lesion *l, hg_rng *rng, float side)
{
    float z = side > 0 ? -62.0f : -74.0f;
    bool stone = l->kind == HG_LESION_KIDNEY_STONE;
    float r = stone ? hg_phantom_range(rng, 3.5f, 8) : hg_phantom_range(rng, 9, 24);
    float up = hg_phantom_range(rng, -16, 16);
    l->centre =
        stone ? (hg_vec3){side * (51 + 0.18f * up), 38, z + up} : (hg_vec3){side * 80, 40, z + 1.5f * up};
    l->radius = (hg_vec3){r, r, r};
    l->organ = "kidney";
    l->side = hg_lesion_side(side, 0.5f);
}

static void abdomen_place(hg_phantom_patient *patient, hg_rng *rng)
{
    hg_phantom_lesion *l = &patient->lesion;
    float side = hg_phantom_chance(rng, 0.5f) ? 1.0f : -1.0f, r;
    l->push = 0.01f; /* its size is told */
    switch (l->kind) {
    case HG_LESION_LIVER_CYST:
    case HG_LESION_LIVER_TUMOUR:
        r = hg_phantom_range(rng, 9, 26);
        l->centre = (hg_vec3){hg_phantom_range(rng, -105, -50), hg_phantom_range(rng, -38, 10),
                              hg_phantom_range(rng, -45, 5)};
        l->radius = (hg_vec3){r, r, r};
        l->organ = "liver";
        break;
    case HG_LESION_KIDNEY_CYST:
    case HG_LESION_KIDNEY_STONE:
        place_kidney(l, rng, side);
        break;
    case HG_LESION_GALLSTONE:
        r = hg_phantom_range(rng, 4, 9);
        l->centre = (hg_vec3){-40, -52 + hg_phantom_range(rng, 0, 4), -58 + hg_phantom_range(rng, -8, 8)};
        l->radius = (hg_vec3){r, r, r};
        l->organ = "gallbladder";
        break;
    case HG_LESION_ANEURYSM:
        r = hg_phantom_range(rng, 21, 32);
        l->centre = (hg_vec3){10, 27, hg_phantom_range(rng, -125, -90)};
        l->radius = (hg_vec3){r, r, hg_phantom_range(rng, 40, 55)};
        l->organ = "";
        l->push = 0;
        break;
    default:
        r = hg_phantom_range(rng, 10, 30);
        l->centre = (hg_vec3){0, -60, -90};
        l->radius = (hg_vec3){r, r, 80};
        l->organ = "peritoneal cavity";
        l->push = 0;
        break;
    }
    l->centre.z -= HG_TRUNK_ABDOMEN_Z;
}

static const hg_lesion_kind abdomen_kinds[] = {
    HG_LESION_LIVER_CYST, HG_LESION_LIVER_TUMOUR, HG_LESION_KIDNEY_CYST, HG_LESION_KIDNEY_STONE,
    HG_LESION_GALLSTONE,  HG_LESION_ASCITES,      HG_LESION_ANEURYSM,    HG_LESION_NONE};

const hg_phantom_body hg_phantom_abdomen = {.name = "abdomen",
                                            .field_mm = 370,
                                            .low = {-90, -45, -65},
                                            .high = {90, 50, 60},
                                            .thick_mm = 6,
                                            .t2_gain = 1.6f,
                                            .at = abdomen_at,
                                            .kinds = abdomen_kinds,
                                            .place = abdomen_place};
