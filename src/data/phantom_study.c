/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_study.c: slices of one patient in all contrasts, their questions, and the pairs that the drawing
 * tasks learn from.
 */
#include "data/phantom_record.h"
#include "data/phantom_shown.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

#define STUDY_MAX_BYTES ((size_t)64 << 20)
#define STUDY_SAMPLES 2     /* points along each side of a pixel */
#define STUDY_NOISE_HU 3.0f /* deviation in CT */
#define STUDY_NOISE_MR 0.02f
#define STUDY_BIAS 0.15f

/* The window in which CT of a part is shown, in Hounsfield units. */
static const struct ct_window {
    const char *name;
    float centre, width;
} windows[HG_PHANTOM_PART_COUNT] = {[HG_PHANTOM_HEAD] = {"brain", 40, 80},
                                    [HG_PHANTOM_CHEST] = {"soft tissue", 40, 400},
                                    [HG_PHANTOM_ABDOMEN] = {"abdomen", 40, 400},
                                    [HG_PHANTOM_PELVIS] = {"pelvis", 40, 400}},
  lung_window = {"lung", -600, 1500};

/* What the drawing tasks say, as the engine does; the last two have no name there. */
static const struct study_pair {
    const char *task;
    hg_contrast from, to;
    const char *instruction;
} pairs[] = {
    {"ct-to-mri", HG_CONTRAST_CT, HG_CONTRAST_T1, "Convert the CT image to an MRI image."},
    {"mri-to-ct", HG_CONTRAST_T1, HG_CONTRAST_CT, "Convert the MRI image to a CT image."},
    {"t1-to-t2", HG_CONTRAST_T1, HG_CONTRAST_T2,
     "Convert the T1-weighted MRI image to a T2-weighted MRI image."},
    {"t2-to-t1", HG_CONTRAST_T2, HG_CONTRAST_T1,
     "Convert the T2-weighted MRI image to a T1-weighted MRI image."},
};

/* One slice on its way to the files. */
typedef struct study_slice {
    hg_phantom_study *study;
    hg_phantom_slice slice;
    hg_phantom_slice healthy; /* the same without the lesion, where there is one */
    float *measured;          /* (size, size), of the contrast at work */
    float *low;               /* (size / 4, size / 4) */
    const struct ct_window *window;
    const char *ending; /* of the slices' files */
    int number;
    hg_rng rng;
    char names[HG_CONTRAST_COUNT][96]; /* "images/P000012_s03_ct.png" */
    char stem[64];                     /* "P000012_s03" */
} study_slice;

/* ---- facts ---- */

/* What of the lesion shows in the contrast. */
static hg_shown lesion_shown(const study_slice *s, hg_contrast contrast)
{
    bool ct = contrast == HG_CONTRAST_CT;
    float low = ct ? s->window->centre - 0.5f * s->window->width : 0,
          high = ct ? s->window->centre + 0.5f * s->window->width : 1;
    int size = s->slice.place.size;
    return hg_phantom_shown(s->slice.values[contrast], s->healthy.values[contrast], size * size, low, high);
}

/* A lesion just outside the slice may show by what it pushes and swells, one within it be as grey as what is
 * around it: nothing is said about it then. */
static hg_seen lesion_seen(const study_slice *s, hg_contrast contrast)
{
    const hg_phantom_lesion *l = &s->study->patient.lesion;
    if (l->kind == HG_LESION_NONE)
        return HG_SEEN_NO;
    const hg_lesion_words *w = hg_lesion_words_get(l->kind);
    hg_seen seen =
        hg_seen_by_pixels(lesion_shown(s, contrast), hg_seen_by_area(s->slice.lesion_mm2, w->seen_mm2));
    return seen == HG_SEEN_YES && w->only_ct && contrast != HG_CONTRAST_CT ? HG_SEEN_UNSURE : seen;
}

static const char *plane_name(hg_image_axis axis)
{
    return axis == HG_IMAGE_AXIS_SAGITTAL ? "sagittal" : axis == HG_IMAGE_AXIS_CORONAL ? "coronal" : "axial";
}

static void make_facts(hg_phantom_facts *f, const study_slice *s, hg_contrast contrast)
{
    static const char *const sequences[HG_CONTRAST_COUNT] = {NULL, "T1-weighted", "T2-weighted",
                                                             "PD-weighted"};
    *f = hg_record_facts(s->study);
    f->modality = contrast == HG_CONTRAST_CT ? "CT" : "MRI";
    f->sequence = sequences[contrast];
    f->plane = plane_name(s->slice.place.axis);
    f->contrast = contrast;
    f->has_contrast = true;
    f->lesion = lesion_seen(s, contrast);
    f->window = contrast == HG_CONTRAST_CT && s->window == &lung_window ? "lung" : NULL;
    hg_record_organs(f, s->slice.organ_mm2);
}

/* The word for a cell: the lesion where a fifth of it shows one or no cell shows more of it, else the organ
 * that fills a third of it or more, else "tissue" or "air". */
static const char *cell_word(const hg_phantom_cell *cell, uint32_t most, const hg_phantom_facts *f)
{
    int organ = HG_ORGAN_NONE + 1;
    if (f->lesion == HG_SEEN_YES && cell->lesion > 0 &&
        (5 * cell->lesion >= cell->all || cell->lesion == most))
        return hg_lesion_words_get(f->kind)->id;
    for (int i = organ + 1; i < HG_ORGAN_COUNT; i++)
        organ = cell->organs[i] > cell->organs[organ] ? i : organ;
    if (3 * cell->organs[organ] >= cell->all)
        return hg_organ_words_get((hg_phantom_organ)organ)->name;
    return 2 * cell->body >= cell->all ? "tissue" : "air";
}

static json_t *truth_cells(const study_slice *s, const hg_phantom_facts *f)
{
    json_t *cells = json_array();
    uint32_t most = 0;
    for (int i = 0; i < HG_PHANTOM_CELLS * HG_PHANTOM_CELLS; i++)
        most = s->slice.cells[i].lesion > most ? s->slice.cells[i].lesion : most;
    for (int i = 0; i < HG_PHANTOM_CELLS * HG_PHANTOM_CELLS; i++)
        json_array_append_new(cells, json_string(cell_word(&s->slice.cells[i], most, f)));
    return cells;
}

static json_t *geometry(const study_slice *s, const hg_phantom_facts *f, hg_contrast contrast)
{
    const hg_slice_place *p = &s->slice.place;
    const struct ct_window *w = s->window;
    json_t *g = json_pack("{s:o, s:[fff], s:f, s:f}", "cells", truth_cells(s, f), "first_pixel_mm",
                          (double)p->origin.x, (double)p->origin.y, (double)p->origin.z, "pixel_mm",
                          (double)p->pixel_mm, "thickness_mm", (double)p->thick_mm);
    if (g != NULL && contrast == HG_CONTRAST_CT)
        json_object_set_new(g, "window",
                            json_pack("{s:s, s:f, s:f}", "name", w->name, "centre", (double)w->centre,
                                      "width", (double)w->width));
    return g;
}

/* ---- pictures ---- */

/* Noise, bias, window, file, questions and truth of one contrast. */
static hg_status make_contrast(study_slice *s, hg_contrast contrast, uint64_t key)
{
    hg_phantom_study *study = s->study;
    const struct ct_window *w = s->window;
    int size = study->request->size;
    float noise = (float)study->request->noise;
    char stem[80];
    hg_phantom_facts facts;
    hg_status status;
    snprintf(stem, sizeof stem, "%s_%s", s->stem, hg_contrast_name(contrast));
    snprintf(s->names[contrast], sizeof s->names[contrast], "images/%s.%s", stem, s->ending);
    hg_phantom_scan scan = {.values = s->measured,
                            .place = s->slice.place,
                            .contrast = contrast,
                            .high = 1,
                            .patient = study->name,
                            .part = hg_phantom_body_get(study->patient.part)->name,
                            .female = study->patient.build.female,
                            .key = study->patient.seed,
                            .number = s->number};
    if (contrast == HG_CONTRAST_CT) {
        scan.low = w->centre - 0.5f * w->width;
        scan.high = w->centre + 0.5f * w->width;
        hg_phantom_measure_ct(s->measured, s->slice.values[contrast], size, noise * STUDY_NOISE_HU, key);
    } else {
        hg_phantom_measure_mr(s->measured, s->slice.values[contrast], size, STUDY_BIAS,
                              noise * STUDY_NOISE_MR, key);
    }
    status = hg_record_scan(study, s->names[contrast], &scan);
    make_facts(&facts, s, contrast);
    if (status == HG_STATUS_OK)
        status = hg_record_truth(study, s->names[contrast], &facts, s->slice.lesion_mm2,
                                 geometry(s, &facts, contrast));
    return status == HG_STATUS_OK ? hg_record_questions(study, stem, s->names[contrast], &facts, &s->rng)
                                  : status;
}

/* The same slice as a scan with four times larger pixels would show it, with noise of its own. */
static hg_status make_low(study_slice *s, hg_contrast contrast, uint64_t key)
{
    hg_phantom_study *study = s->study;
    int size = study->request->size;
    char name[96];
    snprintf(name, sizeof name, "images/%s_%s_low.png", s->stem, hg_contrast_name(contrast));
    hg_phantom_lower(s->low, s->slice.values[contrast], size);
    hg_phantom_measure_mr(s->low, s->low, size / 4, STUDY_BIAS, (float)study->request->noise * STUDY_NOISE_MR,
                          key);
    hg_status status = hg_record_grey(study, name, s->low, size / 4, 0, 1);
    return status == HG_STATUS_OK
               ? hg_record_pair(study, s->stem, "super-resolution", name, s->names[contrast],
                                "Increase the resolution of the image.")
               : status;
}

static hg_status make_slice(study_slice *s, const hg_slice_place *place, int number)
{
    hg_phantom_study *study = s->study;
    uint64_t key = hg_phantom_hash(study->patient.seed, 1000 + (uint64_t)number);
    hg_status status = HG_STATUS_OK;
    bool lung = study->patient.part == HG_PHANTOM_CHEST && number % 2 == 1;
    s->window = lung ? &lung_window : &windows[study->patient.part];
    s->number = number;
    snprintf(s->stem, sizeof s->stem, "%s_s%02d", study->name, number);
    hg_phantom_slice_render(&s->slice, &study->patient, place, STUDY_SAMPLES);
    if (study->patient.lesion.kind != HG_LESION_NONE) {
        hg_phantom_patient healthy = hg_phantom_patient_healthy(&study->patient);
        hg_phantom_slice_render(&s->healthy, &healthy, place, STUDY_SAMPLES);
    }
    for (int c = 0; c < HG_CONTRAST_COUNT && status == HG_STATUS_OK; c++)
        status = make_contrast(s, (hg_contrast)c, hg_phantom_hash(key, (uint64_t)c));
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs && status == HG_STATUS_OK; i++) {
        /* One picture must not have two right answers: CT in the lung window is in no pair. */
        if (!lung || (pairs[i].from != HG_CONTRAST_CT && pairs[i].to != HG_CONTRAST_CT))
            status = hg_record_pair(study, s->stem, pairs[i].task, s->names[pairs[i].from],
                                    s->names[pairs[i].to], pairs[i].instruction);
    }
    hg_contrast sharp = number % 2 == 0 ? HG_CONTRAST_T1 : HG_CONTRAST_T2;
    return status == HG_STATUS_OK ? make_low(s, sharp, hg_phantom_hash(key, (uint64_t)sharp)) : status;
}

static float along(hg_vec3 p, hg_image_axis axis)
{
    return axis == HG_IMAGE_AXIS_SAGITTAL ? p.x : axis == HG_IMAGE_AXIS_CORONAL ? p.y : p.z;
}

/* Axial mostly; of ill patients three slices of five pass through the lesion. */
static hg_slice_place choose_place(const hg_phantom_study *study, hg_rng *rng)
{
    const hg_phantom_patient *p = &study->patient;
    const hg_phantom_body *body = hg_phantom_body_get(p->part);
    const hg_phantom_lesion *l = &p->lesion;
    float turn = (float)hg_rng_uniform(rng);
    hg_image_axis axis = turn < 0.7f    ? HG_IMAGE_AXIS_AXIAL
                         : turn < 0.85f ? HG_IMAGE_AXIS_CORONAL
                                        : HG_IMAGE_AXIS_SAGITTAL;
    /* What reads a NIfTI file shows it across the axial axis unless told otherwise. */
    if (study->request->format != NULL && strcmp(study->request->format, "nifti") == 0)
        axis = HG_IMAGE_AXIS_AXIAL;
    float low = along(body->low, axis), high = along(body->high, axis);
    float at = hg_phantom_range(rng, low, high), off = hg_phantom_range(rng, -0.6f, 0.6f);
    if (l->kind != HG_LESION_NONE && hg_phantom_chance(rng, 0.6f))
        at = hg_phantom_clamp(along(hg_phantom_to_scanner(p, l->centre), axis) + off * along(l->radius, axis),
                              1.3f * low, 1.1f * high);
    return hg_slice_place_make(axis, at, body->field_mm, study->request->size, body->thick_mm);
}

static hg_status make_slices(hg_phantom_study *study, float *memory)
{
    size_t area = (size_t)study->request->size * (size_t)study->request->size;
    const char *format = study->request->format;
    study_slice s = {.study = study, .ending = "png"};
    if (format != NULL && strcmp(format, "png") != 0)
        s.ending = strcmp(format, "dicom") == 0 ? "dcm" : "nii";
    for (size_t c = 0; c < HG_CONTRAST_COUNT; c++) {
        s.slice.values[c] = memory + c * area;
        s.healthy.values[c] = memory + (HG_CONTRAST_COUNT + c) * area;
    }
    s.measured = memory + 2 * HG_CONTRAST_COUNT * area;
    s.low = s.measured + area;
    hg_rng_init(&s.rng, hg_phantom_hash(study->patient.seed, 3));
    hg_status status = HG_STATUS_OK;
    bool sliced = hg_phantom_body_get(study->patient.part)->at != NULL;
    for (int i = 0; sliced && i < study->request->n_slices && status == HG_STATUS_OK; i++) {
        hg_slice_place place = choose_place(study, &s.rng);
        status = make_slice(&s, &place, i);
    }
    return status == HG_STATUS_OK ? hg_record_extras(study, s.measured, &s.rng) : status;
}

void hg_phantom_study_make(hg_phantom_study *study, const hg_phantom_request *request, int index,
                           hg_phantom_part part, hg_split split)
{
    size_t area = (size_t)request->size * (size_t)request->size;
    float *memory = hg_mem_array(area * (2 * HG_CONTRAST_COUNT + 2), sizeof *memory);
    study->request = request;
    study->split = split;
    study->n_images = study->n_samples = 0;
    study->err.text[0] = 0;
    hg_buffer_init(&study->items, STUDY_MAX_BYTES);
    hg_buffer_init(&study->truth, STUDY_MAX_BYTES);
    hg_buffer_init(&study->texts, STUDY_MAX_BYTES);
    snprintf(study->name, sizeof study->name, "P%06d", index);
    if (memory == NULL) {
        study->status = hg_error_memory(&study->err, area * sizeof *memory, "a slice");
        return;
    }
    hg_phantom_patient_make(&study->patient, request->seed, index, part, (float)request->ill);
    study->status = make_slices(study, memory);
    hg_mem_free(memory);
}

void hg_phantom_study_deinit(hg_phantom_study *study)
{
    hg_buffer_deinit(&study->items);
    hg_buffer_deinit(&study->truth);
    hg_buffer_deinit(&study->texts);
}
