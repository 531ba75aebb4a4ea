/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_trunk.c: outline, fat, muscles, spine and ribs of the trunk.
 */
#include "data/phantom_trunk.h"

/* Half axes of the muscle wall by height; between the rows they are blended. */
static const struct trunk_row {
    float z, a, b;
} rows[] = {{-420, 160, 106}, {-330, 168, 114}, {-270, 162, 112}, {-200, 148, 108}, {-110, 136, 106},
            {0, 148, 112},    {120, 158, 116},  {190, 158, 104},  {235, 105, 72},   {300, 62, 60}};

#define N_ROWS ((int)(sizeof rows / sizeof *rows))

void hg_trunk_section(float z, float *a, float *b)
{
    int i = 0;
    while (i < N_ROWS - 2 && z > rows[i + 1].z)
        i++;
    float t = hg_phantom_step(z, rows[i].z, rows[i + 1].z);
    *a = rows[i].a + t * (rows[i + 1].a - rows[i].a);
    *b = rows[i].b + t * (rows[i + 1].b - rows[i].b);
}

float hg_trunk_tubes(const hg_trunk_point *t, float knot, float thin, float shift)
{
    float w[4];
    hg_phantom_field_at(&t->patient->field, t->p.x / knot + shift, t->p.y / knot + 2.0f * shift,
                        t->p.z / knot, w);
    return (sqrtf(w[0] * w[0] + w[1] * w[1]) - thin) * knot;
}

/* ---- spine ---- */

static float spine_shift(float z)
{
    return 7.0f * hg_phantom_sin(z / 95.0f);
}

/* Height within a vertebra and its disc: 0..period. */
static float within(float z, float period)
{
    float n = z / period;
    int whole = (int)n - (n < 0);
    return z - period * (float)whole;
}

static bool spine_at(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    const float period = 33.0f;
    float y = t->p.y - spine_shift(t->p.z), h = within(t->p.z, period);
    if (fabsf(t->p.x) > 52 || y < 25 || y > 112 || t->p.z < -205)
        return false;
    float body = hg_shape_ellipsoid((hg_vec3){t->p.x, y, 0}, (hg_vec3){0, 46, 0}, (hg_vec3){22, 17, 1e4f});
    if (body < 0) {
        bool disc = h < 8.0f;
        bool shell = body > -2.0f || h < 9.6f || h > period - 1.6f;
        *spot = hg_spot(disc ? HG_TISSUE_DISC : shell ? HG_TISSUE_BONE : HG_TISSUE_MARROW, HG_ORGAN_SPINE);
        return true;
    }
    float canal = hg_vec3_length((hg_vec3){t->p.x * 0.85f, y - 73.0f, 0}) - 9.0f;
    if (canal < 0) {
        bool cord = canal < -4.0f;
        *spot = hg_spot(cord ? HG_TISSUE_WHITE : HG_TISSUE_CSF, HG_ORGAN_SPINE);
        return true;
    }
    bool arch = canal < 4.5f && (h > 12 || y < 76);
    float spine = hg_shape_box((hg_vec3){t->p.x, y, h}, (hg_vec3){0, 94, 18}, (hg_vec3){3.5f, 14, 9}, 3);
    float wing =
        hg_shape_rod((hg_vec3){fabsf(t->p.x), y, h}, (hg_vec3){12, 72, 20}, (hg_vec3){38, 80, 20}, 5, 4);
    if (!arch && spine > 0 && wing > 0)
        return false;
    bool marrow = fminf(spine, wing) < -2.0f;
    *spot = hg_spot(marrow ? HG_TISSUE_MARROW : HG_TISSUE_BONE, HG_ORGAN_SPINE);
    return true;
}

/* ---- ribs, breastbone, shoulders ---- */

static bool rib_at(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    const float period = 25.0f;
    if (fabsf(t->cage) > 5 || t->p.z < -30 - 0.45f * t->p.y || t->p.z > 232)
        return false;
    if (t->p.y > 80 && fabsf(t->p.x) < 20)
        return false;
    float h = within(t->p.z - 0.5f * t->p.y + 2.0f * t->noise[0], period) - 0.5f * period;
    float d = hg_vec3_length((hg_vec3){h * 0.85f, t->cage, 0}) - 4.0f;
    if (d > 0)
        return false;
    if (t->p.y < -80) {
        *spot = hg_spot(HG_TISSUE_DISC, HG_ORGAN_NONE); /* cartilage */
        return true;
    }
    *spot = hg_spot(d < -1.7f ? HG_TISSUE_MARROW : HG_TISSUE_BONE, HG_ORGAN_RIBS);
    return true;
}

static bool shoulder_at(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    hg_vec3 p = {fabsf(t->p.x), t->p.y, t->p.z};
    float d = hg_shape_box(p, (hg_vec3){0, -99, 125}, (hg_vec3){17, 6.5f, 75}, 4); /* breastbone */
    if (p.z > 90) {
        d = fminf(d,
                  hg_shape_rod(p, (hg_vec3){12, -72, 208}, (hg_vec3){118, -8, 222}, 6.5f, 7)); /* clavicle */
        float blade = fabsf(0.55f * (p.x - 100) + 0.83f * (p.y - 84)) - 3.0f;
        float reach = hg_shape_ellipsoid(p, (hg_vec3){98, 82, 152}, (hg_vec3){42, 30, 58});
        d = fminf(d, fmaxf(blade, reach));
    }
    if (d > 0)
        return false;
    *spot = hg_spot(d < -2.2f ? HG_TISSUE_MARROW : HG_TISSUE_BONE, HG_ORGAN_NONE);
    return true;
}

bool hg_trunk_bone(const hg_trunk_point *t, hg_phantom_spot *spot)
{
    if (spine_at(t, spot))
        return true;
    return t->p.z > -90 && (rib_at(t, spot) || shoulder_at(t, spot));
}

/* ---- the wall ---- */

static float diaphragm(hg_vec3 p)
{
    float x = (fabsf(p.x) - 70.0f) / 72.0f, y = (p.y - 5.0f) / 88.0f;
    return (p.x < 0 ? 12.0f : 2.0f) + 34.0f * (1.0f - x * x - y * y) -
           14.0f * hg_phantom_step(fabsf(p.x), 25, 0);
}

/* Muscle with planes of fat between its bellies. */
static hg_phantom_spot muscle(const hg_trunk_point *t)
{
    float planes = hg_phantom_sin(0.07f * t->wall + 0.02f * fabsf(t->p.x) + 3.0f * t->noise[0]);
    bool deep = t->wall < -7 && fabsf(t->p.x) > 8;
    return hg_spot(deep && planes > 0.97f ? HG_TISSUE_FAT : HG_TISSUE_MUSCLE, HG_ORGAN_NONE);
}

hg_phantom_spot hg_trunk_at(const hg_phantom_patient *patient, hg_vec3 own, float z0)
{
    hg_trunk_point t = {.patient = patient, .p = {own.x, own.y, own.z + z0}, .own = own};
    hg_phantom_spot spot;
    float a, b, fat = patient->build.fat;
    hg_trunk_section(t.p.z, &a, &b);
    t.wall = hg_shape_ellipsoid((hg_vec3){t.p.x, t.p.y, 0}, (hg_vec3){0, 0, 0}, (hg_vec3){a, b, 1e4f});
    if (t.wall > fat + 4)
        return hg_spot(HG_TISSUE_AIR, HG_ORGAN_NONE);
    hg_phantom_field_at(&patient->field, t.p.x / 42.0f, t.p.y / 42.0f, t.p.z / 42.0f, t.noise);
    t.wall += 2.0f * t.noise[0];
    if (t.wall > fat)
        return hg_spot(HG_TISSUE_AIR, HG_ORGAN_NONE);
    if (t.wall > fat - 2)
        return hg_spot(HG_TISSUE_SKIN, HG_ORGAN_NONE);
    if (t.wall > 0)
        return hg_spot(HG_TISSUE_FAT, HG_ORGAN_NONE);
    t.side = t.p.x < 0 ? -1.0f : 1.0f;
    float top = t.p.z > 90 ? (t.p.z - 90.0f) / 142.0f : 0;
    float shrink = sqrtf(fmaxf(1.0f - top * top, 0.0025f));
    t.cage = hg_shape_ellipsoid(
        (hg_vec3){t.p.x, t.p.y, 0}, (hg_vec3){0, 0, 0},
        (hg_vec3){(fminf(a, 150.0f) - 14) * shrink, (fminf(b, 112.0f) - 13) * shrink, 1e4f});
    t.dome = diaphragm(t.p) + 3.0f * t.noise[1];
    if (t.p.z < -190 ? hg_trunk_pelvis(&t, &spot) : hg_trunk_bone(&t, &spot))
        return spot;
    if (t.p.z > -45 && hg_trunk_chest(&t, &spot))
        return spot;
    if (t.p.z < 60 && hg_trunk_abdomen(&t, &spot))
        return spot;
    return muscle(&t);
}
