/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_extras.c: the pictures of a study that are no slices: of the chest a film with its report, of the
 * abdomen an ultrasound picture, and the blood smear.
 */
#include "data/phantom_blank.h"
#include "data/phantom_blood.h"
#include "data/phantom_projection.h"
#include "data/phantom_record.h"
#include "data/phantom_shown.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

/* Neither is a part of a body: they have no tissue and no lesions. */
const hg_phantom_body hg_phantom_nothing = {.name = "blank", .t2_gain = 1};
const hg_phantom_body hg_phantom_smear = {.name = "blood", .t2_gain = 1};

/* What a film of the chest always shows, and what it never does. */
static void film_organs(hg_phantom_facts *f)
{
    static const hg_phantom_organ shown[] = {HG_ORGAN_LUNGS, HG_ORGAN_HEART, HG_ORGAN_RIBS, HG_ORGAN_SPINE};
    static const hg_phantom_organ absent[] = {HG_ORGAN_EYES,          HG_ORGAN_CEREBELLUM,
                                              HG_ORGAN_SKULL,         HG_ORGAN_BLADDER,
                                              HG_ORGAN_FEMORAL_HEADS, HG_ORGAN_PELVIC_BONES};
    for (int i = 0; i < HG_ORGAN_COUNT; i++)
        f->organs[i] = HG_SEEN_UNSURE;
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        f->organs[shown[i]] = HG_SEEN_YES;
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        f->organs[absent[i]] = HG_SEEN_NO;
    f->organs_known = true;
}

/* The lesion's part of the film, whose noise has the same key in both. `memory`: two films. */
static hg_seen film_seen(const hg_phantom_study *study, float *memory)
{
    int size = study->request->size, n = size * size;
    const hg_phantom_lesion *l = &study->patient.lesion;
    hg_phantom_patient healthy = hg_phantom_patient_healthy(&study->patient);
    uint64_t key = hg_phantom_hash(study->patient.seed, 50);
    if (l->kind == HG_LESION_NONE)
        return HG_SEEN_NO;
    float mm2 = hg_phantom_xray(memory, size, &study->patient, 0, key);
    hg_phantom_xray(memory + n, size, &healthy, 0, key);
    hg_seen area = hg_seen_by_area(mm2, 1.5f * hg_lesion_words_get(l->kind)->seen_mm2);
    return hg_seen_by_pixels(hg_phantom_shown(memory, memory + n, n, 0, 1), area);
}

static hg_status make_film(hg_phantom_study *study, float *memory, hg_rng *rng)
{
    char stem[64], name[96], report[600];
    int size = study->request->size;
    hg_phantom_facts f = hg_record_facts(study);
    f.lesion = film_seen(study, memory);
    float mm2 = hg_phantom_xray(memory, size, &study->patient, (float)study->request->noise,
                                hg_phantom_hash(study->patient.seed, 50));
    f.modality = "X-ray";
    film_organs(&f);
    snprintf(stem, sizeof stem, "%s_xr", study->name);
    snprintf(name, sizeof name, "images/%s.png", stem);
    hg_status status = hg_record_grey(study, name, memory, size, 0, 1);
    if (status == HG_STATUS_OK)
        status = hg_record_truth(study, name, &f, mm2, NULL);
    if (status == HG_STATUS_OK)
        status = hg_record_questions(study, stem, name, &f, rng);
    if (status != HG_STATUS_OK || f.lesion == HG_SEEN_UNSURE)
        return status;
    hg_phantom_report(report, sizeof report, &f, rng);
    return hg_record_pair(study, stem, "report-to-cxr", NULL, name, report);
}

/* Where the probe is put: over the lesion if it can be reached, else over liver or right kidney. */
static hg_vec3 aim(const hg_phantom_study *study, hg_rng *rng)
{
    const hg_phantom_patient *p = &study->patient;
    hg_vec3 target = {hg_phantom_range(rng, -85, -45), 0, hg_phantom_range(rng, -20, 55)};
    switch (p->lesion.kind) {
    case HG_LESION_LIVER_CYST:
    case HG_LESION_LIVER_TUMOUR:
    case HG_LESION_GALLSTONE:
        target = p->lesion.centre;
        target.x += hg_phantom_range(rng, -3, 3);
        break;
    case HG_LESION_KIDNEY_CYST:
    case HG_LESION_KIDNEY_STONE:
        if (p->lesion.centre.x < 0)
            target = p->lesion.centre;
        break;
    default:
        break;
    }
    return hg_phantom_to_scanner(p, target);
}

static hg_status make_ultrasound(hg_phantom_study *study, float *memory, hg_rng *rng)
{
    char stem[64], name[96];
    int size = study->request->size;
    float organ_mm2[HG_ORGAN_COUNT] = {0};
    hg_phantom_facts f = hg_record_facts(study);
    hg_vec3 at = aim(study, rng);
    float mm2;
    hg_status status =
        hg_phantom_ultrasound(memory, size, &study->patient, at.x, at.z,
                              hg_phantom_hash(study->patient.seed, 51), organ_mm2, &mm2, &study->err);
    if (status != HG_STATUS_OK)
        return status;
    hg_record_organs(&f, organ_mm2);
    f.modality = "ultrasound";
    f.lesion = HG_SEEN_UNSURE;
    if (f.kind == HG_LESION_NONE)
        f.lesion = HG_SEEN_NO;
    else if (f.kind != HG_LESION_ANEURYSM && mm2 >= hg_lesion_words_get(f.kind)->seen_mm2)
        f.lesion = HG_SEEN_YES;
    snprintf(stem, sizeof stem, "%s_us", study->name);
    snprintf(name, sizeof name, "images/%s.png", stem);
    status = hg_record_grey(study, name, memory, size, 0, 1);
    if (status == HG_STATUS_OK)
        status = hg_record_truth(study, name, &f, mm2, NULL);
    return status == HG_STATUS_OK ? hg_record_questions(study, stem, name, &f, rng) : status;
}

static hg_status make_smear(hg_phantom_study *study, int number, hg_rng *rng)
{
    static const char *const counted[] = {"white blood cells", "platelets"};
    char stem[64], name[96];
    int size = study->request->size;
    uint8_t *rgb = hg_mem_array((size_t)size * (size_t)size, 3);
    if (rgb == NULL)
        return hg_error_memory(&study->err, (size_t)size * (size_t)size * 3, "a smear");
    hg_blood_counts n = hg_phantom_blood(rgb, size, rng);
    hg_phantom_facts f = hg_record_facts(study);
    f.modality = "microscopy";
    f.part = "blood smear";
    f.lesion = HG_SEEN_UNSURE;
    f.counted = counted[number % 2];
    f.count = number % 2 == 0 ? n.white : n.platelets;
    snprintf(stem, sizeof stem, "%s_s%02d_mi", study->name, number);
    snprintf(name, sizeof name, "images/%s.png", stem);
    hg_status status = hg_record_rgb(study, name, rgb, size);
    hg_mem_free(rgb);
    if (status == HG_STATUS_OK)
        status = hg_record_truth(study, name, &f, 0,
                                 json_pack("{s:i, s:i, s:i}", "red_cells", n.red, "white_cells", n.white,
                                           "platelets", n.platelets));
    return status == HG_STATUS_OK ? hg_record_questions(study, stem, name, &f, rng) : status;
}

/* A picture of nothing, asked for the lesions and organs of some part of the body. */
static hg_status make_blank(hg_phantom_study *study, int number, float *memory, hg_rng *rng)
{
    char stem[64], name[96];
    hg_phantom_facts f = hg_record_facts(study);
    f.blank = true;
    f.modality = f.part = "none";
    f.lesion = HG_SEEN_NO;
    f.kinds = hg_phantom_body_get((hg_phantom_part)hg_phantom_pick(rng, HG_PHANTOM_BLOOD))->kinds;
    hg_record_organs(&f, (const float[HG_ORGAN_COUNT]){0});
    hg_phantom_blank(memory, study->request->size, rng);
    snprintf(stem, sizeof stem, "%s_s%02d_no", study->name, number);
    snprintf(name, sizeof name, "images/%s.png", stem);
    hg_status status = hg_record_grey(study, name, memory, study->request->size, 0, 1);
    if (status == HG_STATUS_OK)
        status = hg_record_truth(study, name, &f, 0, NULL);
    return status == HG_STATUS_OK ? hg_record_questions(study, stem, name, &f, rng) : status;
}

hg_status hg_record_extras(hg_phantom_study *study, float *memory, hg_rng *rng)
{
    hg_status status = HG_STATUS_OK;
    if (study->patient.part == HG_PHANTOM_CHEST)
        return make_film(study, memory, rng);
    if (study->patient.part == HG_PHANTOM_ABDOMEN)
        return make_ultrasound(study, memory, rng);
    if (study->patient.part != HG_PHANTOM_BLOOD && study->patient.part != HG_PHANTOM_BLANK)
        return status;
    for (int i = 0; i < study->request->n_slices && status == HG_STATUS_OK; i++)
        status = study->patient.part == HG_PHANTOM_BLOOD ? make_smear(study, i, rng)
                                                         : make_blank(study, i, memory, rng);
    return status;
}
