/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_head.c: the head: scalp, skull, brain with folds, ventricles, nuclei, cerebellum, eyes and sinuses.
 *
 * The brain is an egg with a stepped floor (three fossae); the skull is a shell about it, the head a larger
 * egg. Folds of the cortex are the sheets where a random field is zero: sheets in space, like sulci; the
 * field is read at the point's projection to the surface, so that they stand upright on it.
 */
#include "data/phantom_body.h"
#include "data/phantom_organ.h"

/* What the head's pieces need to know about a point. */
typedef struct head_point {
    const hg_phantom_patient *patient;
    hg_vec3 p;      /* in the body's frame */
    hg_vec3 q;      /* the same after the lesion's push and the brain's unevenness are taken back */
    float noise[4]; /* of the coarse field at p */
    float brain;    /* distance to the brain's surface, negative inside */
    float skin;     /* distance to the head's surface */
} head_point;

static hg_phantom_spot spot(hg_tissue tissue, hg_phantom_organ organ)
{
    return (hg_phantom_spot){(uint8_t)tissue, (uint8_t)organ, false};
}

/* Narrower towards the forehead. */
static hg_vec3 egg(hg_vec3 p)
{
    return (hg_vec3){p.x * (1.0f + 0.0011f * fmaxf(-p.y, 0.0f)), p.y, p.z};
}

static float head_surface(hg_vec3 p)
{
    hg_vec3 r = {77.5f, 97.5f, p.z > 0 ? 92.0f : 150.0f};
    return hg_shape_ellipsoid(egg(p), (hg_vec3){0, 0, 0}, r);
}

/* The floor of the brain: front, middle and rear fossa. */
static float brain_floor(hg_vec3 p)
{
    float bowl = 0.006f * p.x * p.x;
    float front = -24.0f + 0.10f * (p.y + 50.0f) - 3.0f * hg_phantom_step(fabsf(p.x), 24, 4);
    return bowl + front - 20.0f * hg_phantom_step(p.y, -46, -22) - 18.0f * hg_phantom_step(p.y, 6, 28);
}

static float brain_surface(hg_vec3 p)
{
    hg_vec3 r = {64, 84, p.z > 0 ? 78.0f : 74.0f};
    float e = hg_shape_ellipsoid(egg(p), (hg_vec3){0, 0, 0}, r);
    return fmaxf(e, 0.9f * (brain_floor(p) - p.z));
}

/* Thinner at the base than above. */
static float skull_thickness(const head_point *h)
{
    return 3.6f + 3.4f * hg_phantom_step(h->p.z - brain_floor(h->p), -2, 12) + 1.5f * h->noise[0];
}

/* ---- outside the brain ---- */

static hg_phantom_spot eye_at(const head_point *h, bool *found)
{
    float s = h->p.x > 0 ? 1.0f : -1.0f;
    hg_vec3 c = {32.0f * s, -70, -38};
    float d = hg_vec3_length(hg_vec3_sub(h->p, c)) - 12.0f;
    *found = true;
    if (d < 0) {
        if (hg_shape_ellipsoid(h->p, (hg_vec3){32.0f * s, -79, -38}, (hg_vec3){5, 2.2f, 5}) < 0)
            return spot(HG_TISSUE_LENS, HG_ORGAN_EYES);
        return spot(d > -1.2f ? HG_TISSUE_MUSCLE : HG_TISSUE_CSF, HG_ORGAN_EYES);
    }
    float nerve =
        hg_shape_rod(h->p, (hg_vec3){32.0f * s, -59, -38}, (hg_vec3){10.0f * s, -26, -34}, 2.2f, 2.2f);
    if (nerve < 0)
        return spot(HG_TISSUE_WHITE, HG_ORGAN_NONE);
    float orbit = hg_shape_rod(h->p, (hg_vec3){32.0f * s, -72, -38}, (hg_vec3){16.0f * s, -34, -35}, 17, 5);
    float muscle = fabsf(orbit + 4.5f) - 1.1f;
    if (orbit < 0 && h->p.y > -66 && muscle < 0 && fabsf(h->p.x - 26.0f * s) > 3.0f)
        return spot(HG_TISSUE_MUSCLE, HG_ORGAN_NONE);
    if (orbit < 0)
        return spot(HG_TISSUE_FAT, HG_ORGAN_NONE);
    *found = orbit < 2.0f;
    return spot(HG_TISSUE_BONE, HG_ORGAN_SKULL);
}

/* Distance to the air of nose and sinuses; the walls between the cells come from a field. */
static float sinus_air(const head_point *h)
{
    float s = h->p.x > 0 ? 1.0f : -1.0f;
    float d = hg_shape_ellipsoid(h->p, (hg_vec3){11.0f * s, -86, -24}, (hg_vec3){10, 4.5f, 9}); /* frontal */
    d = fminf(d, hg_shape_box(h->p, (hg_vec3){0, -62, -44}, (hg_vec3){13, 20, 12}, 5));         /* ethmoid */
    d = fminf(d, hg_shape_ellipsoid(h->p, (hg_vec3){8.0f * s, -24, -44}, (hg_vec3){9, 11, 8})); /* sphenoid */
    d = fminf(
        d, hg_shape_ellipsoid(h->p, (hg_vec3){29.0f * s, -62, -72}, (hg_vec3){13, 16, 17})); /* maxillary */
    float mastoid = hg_shape_ellipsoid(h->p, (hg_vec3){54.0f * s, 26, -46}, (hg_vec3){9, 14, 13});
    float walls = fabsf(hg_phantom_sin(0.75f * h->p.x + 2.0f * h->noise[0])) - 0.25f;
    float rows = fabsf(hg_phantom_sin(0.55f * h->p.y + 2.0f * h->noise[1])) - 0.25f;
    float cells = fmaxf(fminf(d, mastoid), -2.5f * fminf(walls, rows));
    bool cellular = fabsf(h->p.x) < 13.5f || mastoid < 0;
    return cellular ? cells : d;
}

static hg_phantom_spot face_at(const head_point *h)
{
    bool found = false;
    if (h->p.z < -14 && h->p.y < -20) {
        hg_phantom_spot eye = eye_at(h, &found);
        if (found)
            return eye;
    }
    if (h->p.z < -10) {
        float air = sinus_air(h);
        if (air < 0)
            return spot(HG_TISSUE_AIR, HG_ORGAN_SINUSES);
        if (air < 1.8f)
            return spot(HG_TISSUE_BONE, HG_ORGAN_SKULL);
    }
    /* cheekbone and jaw muscles beside the skull */
    float s = h->p.x > 0 ? 1.0f : -1.0f;
    float cheek = hg_shape_rod(h->p, (hg_vec3){50.0f * s, -52, -52}, (hg_vec3){60.0f * s, -10, -50}, 5, 4);
    if (cheek < 0)
        return spot(cheek > -2.0f ? HG_TISSUE_BONE : HG_TISSUE_MARROW, HG_ORGAN_SKULL);
    if (h->brain < 16 && h->noise[2] > -0.35f && h->p.z < 25)
        return spot(HG_TISSUE_MUSCLE, HG_ORGAN_NONE);
    if (h->p.z < -50 && h->noise[3] > -0.2f)
        return spot(HG_TISSUE_MUSCLE, HG_ORGAN_NONE);
    return spot(HG_TISSUE_FAT, HG_ORGAN_NONE);
}

/* A gap through the skull along a plane near the lesion's centre. */
static bool fracture_at(const head_point *h)
{
    const hg_phantom_lesion *l = &h->patient->lesion;
    if (l->kind != HG_LESION_SKULL_FRACTURE)
        return false;
    hg_vec3 d = hg_vec3_sub(h->p, l->centre);
    float along = 0.8f * d.y + 0.6f * d.x * (l->centre.x > 0 ? -1.0f : 1.0f);
    return hg_vec3_length(d) < l->radius.z && fabsf(along + 2.0f * h->noise[1]) < l->radius.x;
}

static hg_phantom_spot skull_at(const head_point *h)
{
    float thick = skull_thickness(h);
    if (fracture_at(h)) {
        hg_phantom_spot gap = spot(HG_TISSUE_HAEMATOMA, HG_ORGAN_SKULL);
        gap.lesion = true;
        return gap;
    }
    bool spongy = h->brain > 2.0f && h->brain < thick - 2.0f && h->p.z > -30;
    return spot(spongy ? HG_TISSUE_MARROW : HG_TISSUE_BONE, HG_ORGAN_SKULL);
}

static hg_phantom_spot outside_brain(const head_point *h)
{
    const hg_phantom_lesion *l = &h->patient->lesion;
    if (h->brain < skull_thickness(h))
        return skull_at(h);
    if (h->skin > -1.8f)
        return spot(HG_TISSUE_SKIN, HG_ORGAN_NONE);
    if (l->kind == HG_LESION_SKULL_FRACTURE && hg_vec3_length(hg_vec3_sub(h->p, l->centre)) < 22)
        return spot(HG_TISSUE_HAEMATOMA, HG_ORGAN_NONE);
    return face_at(h);
}

/* ---- the brain's inside, in coordinates without the lesion's push ---- */

static float ventricle_distance(const head_point *h)
{
    const hg_phantom_build *b = &h->patient->build;
    float v = b->ventricle;
    hg_vec3 p = {fabsf(h->q.x), h->q.y, h->q.z};
    hg_vec3 front = {8.0f + 2.0f * v, -34, 6}, body = {7.0f + 2.0f * v, -4, 17},
            bend = {19.0f + 3.0f * v, 27, 12};
    float d = hg_shape_rod(p, front, body, 4.2f * v, 4.4f * v);
    d = fminf(d, hg_shape_rod(p, body, bend, 4.4f * v, 6.2f * v));
    d = fminf(d, hg_shape_rod(p, bend, (hg_vec3){22.0f + 2.0f * v, 44, 2}, 5.5f * v, 2.0f * v));
    return fminf(d, hg_shape_rod(p, bend, (hg_vec3){33, 4, -17}, 3.0f * v, 1.8f * v));
}

static bool nucleus_at(hg_vec3 q, hg_tissue *tissue)
{
    hg_vec3 p = {fabsf(q.x), q.y, q.z};
    *tissue = HG_TISSUE_DEEP_GREY;
    if (hg_shape_rod(p, (hg_vec3){15, -26, 7}, (hg_vec3){19, 8, 20}, 5.5f, 3.0f) < 0 || /* caudate */
        hg_shape_ellipsoid(p, (hg_vec3){11, 10, 5}, (hg_vec3){9, 15, 9}) < 0)           /* thalamus */
        return true;
    float lens = hg_shape_ellipsoid(p, (hg_vec3){26, -5, 2}, (hg_vec3){6.5f, 19, 11});
    float inner = hg_shape_ellipsoid(p, (hg_vec3){20, -2, 1}, (hg_vec3){5, 11, 7});
    return fminf(lens, inner) < 0;
}

/* Grey and white matter of the cerebellum: leaves on a white tree. */
static hg_phantom_spot cerebellum_at(const head_point *h, float d)
{
    float leaves = hg_phantom_sin(1.25f * (h->q.z + 0.45f * h->q.y) + 1.6f * h->noise[1] + 0.05f * h->q.x);
    if (d > -1.5f)
        return spot(leaves > 0.75f ? HG_TISSUE_CSF : HG_TISSUE_GREY, HG_ORGAN_CEREBELLUM);
    float core = hg_shape_ellipsoid((hg_vec3){fabsf(h->q.x), h->q.y, h->q.z}, (hg_vec3){18, 44, -38},
                                    (hg_vec3){17, 16, 10});
    bool white = core < 0 || (core < 9 && leaves > 0.35f);
    return spot(white ? HG_TISSUE_WHITE : HG_TISSUE_GREY, HG_ORGAN_CEREBELLUM);
}

/* Rear fossa and cisterns: found is set when the point belongs to them. */
static hg_phantom_spot rear_at(const head_point *h, bool *found)
{
    hg_vec3 q = h->q;
    *found = true;
    float stem = hg_shape_rod(q, (hg_vec3){0, 2, -8}, (hg_vec3){0, 14, -34}, 14, 14);
    stem = fminf(stem, hg_shape_rod(q, (hg_vec3){0, 14, -34}, (hg_vec3){0, 26, -66}, 13, 9));
    float fourth = hg_shape_ellipsoid(q, (hg_vec3){0, 30, -36}, (hg_vec3){7, 5, 10});
    float v = h->patient->build.ventricle;
    if (q.z < -14 && fourth < 0.8f * (v - 1.0f))
        return spot(HG_TISSUE_CSF, HG_ORGAN_NONE);
    float tent = -12.0f + 0.20f * (44.0f - q.y) - 0.16f * fabsf(q.x); /* height of the tentorium */
    if (stem < 0 && q.z < 4 && q.y > -8)
        return spot(HG_TISSUE_WHITE, HG_ORGAN_BRAINSTEM);
    float cerebellum = hg_shape_ellipsoid(q, (hg_vec3){0, 42, -36}, (hg_vec3){56, 40, 34});
    cerebellum = fmaxf(cerebellum, q.z - tent + 1.5f);
    if (cerebellum < 0)
        return cerebellum_at(h, cerebellum);
    if (stem < 3.5f && q.z < -2 && q.z > -60)
        return spot(HG_TISSUE_CSF, HG_ORGAN_NONE);
    if (hg_shape_ellipsoid(q, (hg_vec3){0, -12, -26}, (hg_vec3){13, 12, 8}) < 0)
        return spot(HG_TISSUE_CSF, HG_ORGAN_NONE);
    bool below = q.y > 12 && q.z < tent;
    if (below && q.z > tent - 1.3f)
        return spot(HG_TISSUE_DURA, HG_ORGAN_NONE);
    *found = below;
    return spot(HG_TISSUE_CSF, HG_ORGAN_NONE);
}

/* Distance to the nearest sulcus: thin sheets near the surface. */
static float sulcus_distance(const head_point *h)
{
    hg_vec3 q = h->q;
    float level = hg_shape_level(egg(q), (hg_vec3){64, 84, 78});
    float out = 0.45f + 0.55f / fmaxf(level, 0.25f); /* projection, half of the way */
    const float knot = 12.0f;
    float wave[4];
    hg_phantom_field_at(&h->patient->field, (q.x * out + 5.0f * h->noise[1]) / knot + 40.3f,
                        (q.y * out + 5.0f * h->noise[2]) / knot + 7.7f,
                        (q.z * out + 5.0f * h->noise[3]) / knot + 3.1f, wave);
    float sheet = fminf(fabsf(wave[0]), fabsf(wave[1])) * knot / 1.7f;
    float depth = 14.0f + 10.0f * wave[2]; /* of the sulcus here */
    return fmaxf(sheet, -h->brain - depth);
}

/* The great fissures: between the halves, and the lateral one; the falx lies in the first. */
static float fissure_distance(const head_point *h, bool *falx)
{
    hg_vec3 q = h->q;
    float ring = hg_shape_level((hg_vec3){0, q.y - 2.0f, q.z - 4.0f}, (hg_vec3){1, 46, 25});
    bool between = ring > 1.0f && q.z > -24;
    float mid = between ? fabsf(q.x) : 50.0f;
    *falx = between && ring > 1.18f && fabsf(q.x) < 0.75f && q.z > -8;
    float slope = q.z - (-6.0f + 0.32f * (q.y + 15.0f));
    float lateral = fmaxf(fabsf(slope), fmaxf(35.0f - fabsf(q.x), fmaxf(-34.0f - q.y, q.y - 26.0f)));
    float insula = fmaxf(fabsf(fabsf(q.x) - 37.0f - 0.04f * (q.y + 5) * (q.y + 5) * 0.1f),
                         fmaxf(fabsf(slope) - 9.0f, fabsf(q.y + 4.0f) - 20.0f));
    return fminf(mid, fminf(lateral, insula));
}

static hg_phantom_spot cerebrum_at(const head_point *h)
{
    const hg_phantom_build *b = &h->patient->build;
    hg_tissue nucleus;
    bool falx, rear;
    hg_phantom_spot found = rear_at(h, &rear);
    if (rear)
        return found;
    float ventricle = ventricle_distance(h);
    if (ventricle < 0)
        return spot(HG_TISSUE_CSF, HG_ORGAN_VENTRICLES);
    if (hg_shape_ellipsoid(h->q, (hg_vec3){0, 0, -3}, (hg_vec3){1.4f + 1.4f * b->ventricle, 15, 11}) < 0)
        return spot(HG_TISSUE_CSF, HG_ORGAN_NONE);
    if (nucleus_at(h->q, &nucleus))
        return spot(nucleus, HG_ORGAN_CEREBRUM);
    float open = 0.25f + 0.8f * b->atrophy;
    float fissure = fissure_distance(h, &falx);
    if (falx)
        return spot(HG_TISSUE_DURA, HG_ORGAN_NONE);
    float space = fminf(sulcus_distance(h), fissure - 0.6f);
    if (space < open || h->brain > -(1.4f + 1.3f * b->atrophy))
        return spot(HG_TISSUE_CSF, HG_ORGAN_NONE);
    bool cortex = space < open + 3.0f || h->brain > -(4.6f + 1.3f * b->atrophy);
    return spot(cortex ? HG_TISSUE_GREY : HG_TISSUE_WHITE, HG_ORGAN_CEREBRUM);
}

/* ---- lesions ---- */

static bool is_brain(hg_phantom_spot s)
{
    return s.tissue == HG_TISSUE_GREY || s.tissue == HG_TISSUE_WHITE || s.tissue == HG_TISSUE_DEEP_GREY;
}

/* What the lesion makes of the point, which was `s` without it. */
static hg_phantom_spot lesion_at(const head_point *h, hg_phantom_spot s)
{
    const hg_phantom_lesion *l = &h->patient->lesion;
    float fine[4];
    hg_phantom_field_at(&h->patient->field, h->p.x / 9.0f + 5.2f, h->p.y / 9.0f + 1.3f, h->p.z / 9.0f + 9.1f,
                        fine);
    float rough = l->kind == HG_LESION_CYST || l->kind == HG_LESION_MENINGIOMA ? 0.2f * fine[0] : fine[0];
    float level = hg_lesion_level(l, h->p, rough);
    hg_tissue inside = HG_TISSUE_COUNT;
    switch (l->kind) {
    case HG_LESION_TUMOUR:
        inside = level < 0.55f + 0.15f * fine[1] ? HG_TISSUE_NECROSIS : HG_TISSUE_TUMOUR;
        if (level >= 1 && level < 1.55f + 0.35f * fine[2] && s.tissue == HG_TISSUE_WHITE)
            s.tissue = HG_TISSUE_OEDEMA;
        break;
    case HG_LESION_HAEMORRHAGE:
        inside = HG_TISSUE_HAEMATOMA;
        if (level >= 1 && level < 1.25f && is_brain(s))
            s.tissue = HG_TISSUE_OEDEMA;
        break;
    case HG_LESION_INFARCT:
        if (level < 1 && is_brain(s))
            inside = HG_TISSUE_INFARCT;
        break;
    case HG_LESION_CYST:
        inside = HG_TISSUE_CSF;
        break;
    case HG_LESION_MENINGIOMA:
        inside = fine[1] > 0.62f ? HG_TISSUE_CALCIUM : HG_TISSUE_MENINGIOMA;
        break;
    default:
        break;
    }
    if (level >= 1 || inside == HG_TISSUE_COUNT)
        return s;
    s.tissue = (uint8_t)inside;
    s.lesion = true;
    return s;
}

/* Thickness of a subdural haematoma here: a crescent along one side. */
static float crescent(const hg_phantom_lesion *l, hg_vec3 p)
{
    if (l->kind != HG_LESION_SUBDURAL || p.x * l->centre.x < 0 || p.z < -24)
        return 0;
    float y = (p.y - l->centre.y) / l->radius.y, z = (p.z - l->centre.z) / l->radius.z;
    float edge = 1.0f - y * y - z * z;
    return edge <= 0 ? 0 : l->radius.x * sqrtf(edge) * hg_phantom_step(fabsf(p.x), 4, 14);
}

/* Takes the unevenness of the brain and the push of the lesion back. */
static void head_unpush(head_point *h)
{
    const hg_phantom_lesion *l = &h->patient->lesion;
    hg_vec3 q = {h->p.x + 1.6f * h->noise[1], h->p.y + 2.2f * h->noise[2], h->p.z + 2.2f * h->noise[3]};
    if (l->kind == HG_LESION_SUBDURAL) {
        float near = hg_phantom_step(h->p.x * (l->centre.x > 0 ? 1.0f : -1.0f), -38, 45);
        q.x +=
            (l->centre.x > 0 ? 1.0f : -1.0f) * 0.75f * l->radius.x * near * hg_phantom_step(h->p.z, -30, 0);
    } else {
        q = hg_lesion_unpush(l, q);
    }
    h->q = q;
}

static hg_phantom_spot head_at(const hg_phantom_patient *patient, hg_vec3 p)
{
    head_point h = {.patient = patient, .p = p};
    h.skin = head_surface(p);
    if (h.skin > 3.0f)
        return spot(HG_TISSUE_AIR, HG_ORGAN_NONE);
    hg_phantom_field_at(&patient->field, p.x / 26.0f, p.y / 26.0f, p.z / 26.0f, h.noise);
    h.skin += 0.8f * h.noise[0];
    if (h.skin > 0)
        return spot(HG_TISSUE_AIR, HG_ORGAN_NONE);
    h.brain = brain_surface(p) + 0.6f * h.noise[1];
    if (h.brain > 0)
        return outside_brain(&h);
    if (h.brain > -0.9f)
        return spot(HG_TISSUE_DURA, HG_ORGAN_NONE);
    if (-h.brain < crescent(&patient->lesion, p)) {
        hg_phantom_spot s = spot(HG_TISSUE_HAEMATOMA, HG_ORGAN_NONE);
        s.lesion = true;
        return s;
    }
    head_unpush(&h);
    hg_phantom_spot s = cerebrum_at(&h);
    return patient->lesion.kind == HG_LESION_NONE ? s : lesion_at(&h, s);
}

/* ---- places of lesions ---- */

static const struct head_place {
    const char *name;
    hg_vec3 centre; /* on the left */
    hg_vec3 spread;
} places[] = {
    {"frontal lobe", {26, -46, 26}, {10, 10, 14}}, {"parietal lobe", {32, 26, 40}, {9, 10, 8}},
    {"temporal lobe", {44, -4, -16}, {5, 12, 6}},  {"occipital lobe", {22, 62, 8}, {8, 5, 8}},
    {"basal ganglia", {25, -4, 3}, {3, 6, 3}},     {"cerebellum", {26, 46, -32}, {8, 6, 4}},
};

#define N_PLACES ((int)(sizeof places / sizeof *places))

static void place_in_brain(hg_phantom_lesion *l, hg_rng *rng, float side, float low, float high)
{
    const struct head_place *at = &places[hg_phantom_pick(rng, N_PLACES)];
    float r = hg_phantom_range(rng, low, high);
    l->organ = at->name;
    l->centre = (hg_vec3){side * (at->centre.x + at->spread.x * hg_phantom_range(rng, -1, 1)),
                          at->centre.y + at->spread.y * hg_phantom_range(rng, -1, 1),
                          at->centre.z + at->spread.z * hg_phantom_range(rng, -1, 1)};
    l->radius = (hg_vec3){r * hg_phantom_range(rng, 0.8f, 1.2f), r * hg_phantom_range(rng, 0.8f, 1.25f),
                          r * hg_phantom_range(rng, 0.8f, 1.2f)};
}

/* A point on the inner surface of the skull above the ears, at the given turn and height. */
static hg_vec3 on_surface(float side, hg_rng *rng, float inset)
{
    float turn = hg_phantom_range(rng, 0.5f, 2.6f), z = hg_phantom_range(rng, -5, 42);
    float k = sqrtf(fmaxf(1.0f - (z / 78.0f) * (z / 78.0f), 0.1f));
    return (hg_vec3){side * ((64.0f - inset) * k * hg_phantom_sin(turn)),
                     -(84.0f - inset) * k * hg_phantom_cos(turn), z};
}

static void place_at_surface(hg_phantom_lesion *l, hg_rng *rng, float side)
{
    float r = hg_phantom_range(rng, 9, 20);
    bool fracture = l->kind == HG_LESION_SKULL_FRACTURE;
    l->centre = on_surface(side, rng, fracture ? -4 : 0.6f * r);
    l->radius = (hg_vec3){r, r * hg_phantom_range(rng, 0.9f, 1.3f), r};
    if (fracture)
        l->radius = (hg_vec3){hg_phantom_range(rng, 1.3f, 2.2f), 1, hg_phantom_range(rng, 20, 34)};
    l->organ = l->centre.y < -25  ? "frontal region"
               : l->centre.y > 38 ? "occipital region"
                                  : "parietal region";
}

static void head_place_lesion(hg_phantom_patient *patient, hg_rng *rng)
{
    hg_phantom_lesion *l = &patient->lesion;
    float side = hg_phantom_chance(rng, 0.5f) ? 1.0f : -1.0f;
    switch (l->kind) {
    case HG_LESION_TUMOUR:
        place_in_brain(l, rng, side, 10, 21);
        l->push = 0.45f;
        break;
    case HG_LESION_HAEMORRHAGE:
        place_in_brain(l, rng, side, 8, 19);
        l->push = 0.5f;
        break;
    case HG_LESION_INFARCT:
        place_in_brain(l, rng, side, 14, 26);
        break;
    case HG_LESION_CYST:
        place_in_brain(l, rng, side, 8, 18);
        l->push = 0.6f;
        break;
    case HG_LESION_SUBDURAL:
        l->organ = "hemisphere";
        l->centre = (hg_vec3){side * 60.0f, hg_phantom_range(rng, -25, 20), hg_phantom_range(rng, 5, 30)};
        l->radius = (hg_vec3){hg_phantom_range(rng, 6, 15), hg_phantom_range(rng, 50, 75),
                              hg_phantom_range(rng, 35, 55)};
        break;
    default:
        place_at_surface(l, rng, side);
        l->push = l->kind == HG_LESION_MENINGIOMA ? 0.5f : 0;
        break;
    }
    l->side = hg_lesion_side(l->centre.x, 6);
}

static const hg_lesion_kind head_kinds[] = {
    HG_LESION_TUMOUR, HG_LESION_HAEMORRHAGE, HG_LESION_SUBDURAL,       HG_LESION_INFARCT,
    HG_LESION_CYST,   HG_LESION_MENINGIOMA,  HG_LESION_SKULL_FRACTURE, HG_LESION_NONE};

const hg_phantom_body hg_phantom_head = {.name = "head",
                                         .field_mm = 215,
                                         .low = {-45, -50, -40},
                                         .high = {45, 60, 66},
                                         .thick_mm = 4,
                                         .t2_gain = 1,
                                         .at = head_at,
                                         .kinds = head_kinds,
                                         .place = head_place_lesion};
