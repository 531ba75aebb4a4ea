/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_body.c: draws a patient's numbers and turns the scanner's frame into the body's.
 */
#include "data/phantom_body.h"

#include <string.h>

static const hg_phantom_body *const bodies[HG_PHANTOM_PART_COUNT] = {
    [HG_PHANTOM_HEAD] = &hg_phantom_head,       [HG_PHANTOM_CHEST] = &hg_phantom_chest,
    [HG_PHANTOM_ABDOMEN] = &hg_phantom_abdomen, [HG_PHANTOM_PELVIS] = &hg_phantom_pelvis,
    [HG_PHANTOM_BLOOD] = &hg_phantom_smear,     [HG_PHANTOM_BLANK] = &hg_phantom_nothing,
};

const hg_phantom_body *hg_phantom_body_get(hg_phantom_part part)
{
    return bodies[part];
}

bool hg_phantom_part_find(const char *name, size_t n, hg_phantom_part *out)
{
    for (int i = 0; i < HG_PHANTOM_PART_COUNT; i++) {
        if (strlen(bodies[i]->name) != n || strncmp(bodies[i]->name, name, n) != 0)
            continue;
        *out = (hg_phantom_part)i;
        return true;
    }
    return false;
}

static void make_build(hg_phantom_build *b, hg_rng *rng)
{
    float age = hg_phantom_range(rng, 0, 1);
    float tilt = hg_phantom_range(rng, -0.09f, 0.09f), rock = hg_phantom_range(rng, -0.05f, 0.05f);
    b->scale = hg_phantom_range(rng, 0.92f, 1.06f);
    b->wide = hg_phantom_range(rng, 0.95f, 1.06f);
    b->atrophy = age * age;
    b->ventricle = hg_phantom_range(rng, 0.8f, 1.15f) + 0.75f * b->atrophy;
    b->fat = hg_phantom_range(rng, 6, 30);
    b->tilt_sin = hg_phantom_sin(tilt);
    b->tilt_cos = hg_phantom_cos(tilt);
    b->rock_sin = hg_phantom_sin(rock);
    b->rock_cos = hg_phantom_cos(rock);
    for (int i = 0; i < 8; i++)
        b->organ[i] = hg_phantom_range(rng, 0.86f, 1.14f);
    b->female = hg_phantom_chance(rng, 0.5f);
}

static void make_lesion(hg_phantom_patient *patient, const hg_phantom_body *body, float ill, hg_rng *rng)
{
    int n = 0;
    while (body->kinds != NULL && body->kinds[n] != HG_LESION_NONE)
        n++;
    bool has = hg_phantom_chance(rng, ill) && n > 0;
    hg_lesion_kind kind = has ? body->kinds[hg_phantom_pick(rng, n)] : HG_LESION_NONE;
    patient->lesion =
        (hg_phantom_lesion){.kind = kind, .radius = {1, 1, 1}, .organ = body->name, .side = "midline"};
    if (has)
        body->place(patient, rng);
}

hg_phantom_patient hg_phantom_patient_healthy(const hg_phantom_patient *patient)
{
    hg_phantom_patient healthy = *patient;
    healthy.lesion.kind = HG_LESION_NONE;
    healthy.lesion.push = 0;
    return healthy;
}

void hg_phantom_patient_make(hg_phantom_patient *patient, uint64_t seed, int index, hg_phantom_part part,
                             float ill)
{
    hg_rng rng;
    patient->seed = hg_phantom_hash(hg_phantom_hash(seed, (uint64_t)index), (uint64_t)part);
    patient->index = index;
    patient->part = part;
    hg_rng_init(&rng, patient->seed);
    make_build(&patient->build, &rng);
    make_lesion(patient, hg_phantom_body_get(part), ill, &rng);
    hg_phantom_field_fill(&patient->field, hg_phantom_hash(patient->seed, 1));
    hg_tissue_signals(patient->signals, hg_phantom_hash(patient->seed, 2) | 1);
    for (int i = 0; i < HG_TISSUE_COUNT; i++)
        patient->signals[i][HG_CONTRAST_T2] *= hg_phantom_body_get(part)->t2_gain;
}

hg_phantom_spot hg_phantom_at(const hg_phantom_patient *patient, hg_vec3 p)
{
    const hg_phantom_build *b = &patient->build;
    hg_vec3 t = {b->tilt_cos * p.x + b->tilt_sin * p.y, b->tilt_cos * p.y - b->tilt_sin * p.x, p.z};
    hg_vec3 r = {b->rock_cos * t.x + b->rock_sin * t.z, t.y, b->rock_cos * t.z - b->rock_sin * t.x};
    float s = 1.0f / b->scale;
    return bodies[patient->part]->at(patient, (hg_vec3){r.x * s / b->wide, r.y * s, r.z * s});
}

hg_vec3 hg_phantom_to_scanner(const hg_phantom_patient *patient, hg_vec3 p)
{
    const hg_phantom_build *b = &patient->build;
    hg_vec3 r = {p.x * b->scale * b->wide, p.y * b->scale, p.z * b->scale};
    hg_vec3 t = {b->rock_cos * r.x - b->rock_sin * r.z, r.y, b->rock_cos * r.z + b->rock_sin * r.x};
    return (hg_vec3){b->tilt_cos * t.x - b->tilt_sin * t.y, b->tilt_cos * t.y + b->tilt_sin * t.x, t.z};
}
