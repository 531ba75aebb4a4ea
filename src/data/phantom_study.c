/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_study.c: slices of one patient in all contrasts, their questions, and the pairs that the drawing
 * tasks learn from.
 */
#include "data/phantom_study.h"

#include "base/file.h"
#include "base/memory.h"
#include "image/image_writer.h"
#include "image/pixels.h"

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
                                    [HG_PHANTOM_PELVIS] = {"pelvis", 40, 400}};

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
    float *measured; /* (size, size), of the contrast at work */
    float *low;      /* (size / 4, size / 4) */
    hg_rng rng;
    char names[HG_CONTRAST_COUNT][96]; /* "images/P000012_s03_ct.png" */
    char stem[64];                     /* "P000012_s03" */
} study_slice;

/* Writes grey values low..high as an 8-bit picture, marked as synthetic. */
static hg_status save_grey(hg_phantom_study *study, const char *name, const float *values, int size,
                           float low, float high)
{
    hg_error *err = &study->err;
    char path[HG_PATH_BYTES];
    hg_image image;
    hg_buffer file;
    hg_image_init(&image);
    hg_buffer_init(&file, STUDY_MAX_BYTES);
    hg_status status = hg_path_join(path, study->request->out, name, err);
    if (status == HG_STATUS_OK)
        status = hg_image_alloc(&image, size, size, 1, 8, err);
    if (status == HG_STATUS_OK) {
        uint8_t *out = image.samples;
        for (int i = 0; i < size * size; i++)
            out[i] = (uint8_t)(hg_phantom_clamp((values[i] - low) / (high - low), 0, 1) * 255.0f + 0.5f);
        image.synthetic = true;
        status = hg_image_encode(&file, &image, HG_IMAGE_TYPE_PNG, NULL, err);
    }
    if (status == HG_STATUS_OK)
        status = hg_file_write_quick(path, file.data, file.size, err);
    study->n_images += status == HG_STATUS_OK;
    hg_buffer_deinit(&file);
    hg_image_deinit(&image);
    return status;
}

/* ---- facts ---- */

static hg_seen seen_by_area(float mm2, float wanted)
{
    if (mm2 >= wanted)
        return HG_SEEN_YES;
    return mm2 > 0.1f * wanted ? HG_SEEN_UNSURE : HG_SEEN_NO;
}

/* How far the slice passes from the middle of the lesion, in its own radii. */
static float lesion_distance(const study_slice *s)
{
    const hg_phantom_patient *p = &s->study->patient;
    hg_vec3 d = hg_vec3_sub(hg_phantom_to_scanner(p, p->lesion.centre), s->slice.place.origin);
    hg_vec3 r = p->lesion.radius;
    return fabsf(hg_vec3_dot(d, s->slice.place.across)) / fmaxf(r.x, fmaxf(r.y, r.z));
}

/* A lesion just outside the slice may show by what it pushes and swells: nothing is said about it then. */
static hg_seen lesion_seen(const study_slice *s, hg_contrast contrast)
{
    const hg_phantom_lesion *l = &s->study->patient.lesion;
    if (l->kind == HG_LESION_NONE)
        return HG_SEEN_NO;
    const hg_lesion_words *w = hg_lesion_words_get(l->kind);
    hg_seen seen = seen_by_area(s->slice.lesion_mm2, w->seen_mm2);
    if (seen == HG_SEEN_NO)
        return lesion_distance(s) < 1.9f ? HG_SEEN_UNSURE : HG_SEEN_NO;
    return w->only_ct && contrast != HG_CONTRAST_CT ? HG_SEEN_UNSURE : seen;
}

static const char *plane_name(hg_image_axis axis)
{
    return axis == HG_IMAGE_AXIS_SAGITTAL ? "sagittal" : axis == HG_IMAGE_AXIS_CORONAL ? "coronal" : "axial";
}

static void make_facts(hg_phantom_facts *f, const study_slice *s, hg_contrast contrast)
{
    static const char *const sequences[HG_CONTRAST_COUNT] = {NULL, "T1-weighted", "T2-weighted",
                                                             "PD-weighted"};
    const hg_phantom_patient *patient = &s->study->patient;
    const hg_phantom_body *body = hg_phantom_body_get(patient->part);
    const hg_phantom_lesion *l = &patient->lesion;
    *f = (hg_phantom_facts){.modality = contrast == HG_CONTRAST_CT ? "CT" : "MRI",
                            .sequence = sequences[contrast],
                            .part = body->name,
                            .plane = plane_name(s->slice.place.axis),
                            .contrast = contrast,
                            .has_contrast = true,
                            .kinds = body->kinds,
                            .lesion = lesion_seen(s, contrast),
                            .kind = l->kind,
                            .organ = l->organ,
                            .side = l->side,
                            .count = -1};
    if (l->kind != HG_LESION_NONE && l->push > 0)
        f->size_mm = 2.0f * fmaxf(l->radius.x, fmaxf(l->radius.y, l->radius.z)) * patient->build.scale;
    for (int i = 1; i < HG_ORGAN_COUNT; i++)
        f->organs[i] = seen_by_area(s->slice.organ_mm2[i], hg_organ_words_get((hg_phantom_organ)i)->seen_mm2);
}

/* ---- items ---- */

/* Adds what every item carries, and its line. */
static hg_status push_item(hg_phantom_study *study, json_t *item)
{
    const hg_phantom_body *body = hg_phantom_body_get(study->patient.part);
    json_object_set_new(item, "part", json_string(body->name));
    json_object_set_new(item, "patient", json_string(study->name));
    json_object_set_new(item, "split", json_string(hg_split_name(study->split)));
    json_object_set_new(item, "source", json_string("healthgpt phantom"));
    json_object_set_new(item, "license", json_string(HG_PHANTOM_LICENSE));
    return hg_line_push(&study->items, item, &study->err);
}

static hg_status push_pair(hg_phantom_study *study, const char *stem, const char *task, const char *image,
                           const char *target, const char *instruction)
{
    char id[100];
    snprintf(id, sizeof id, "%s_%s", stem, task);
    json_t *item = hg_item_draw(id, image, target, instruction);
    if (item != NULL)
        json_object_set_new(item, "task", json_string(task));
    return push_item(study, item);
}

static hg_status push_questions(hg_phantom_study *study, const char *stem, const char *image,
                                const hg_phantom_facts *facts, hg_rng *rng)
{
    hg_phantom_question questions[HG_PHANTOM_MAX_QUESTIONS];
    hg_status status = HG_STATUS_OK;
    int n = hg_phantom_ask(questions, study->request->n_questions, facts, study->split == HG_SPLIT_TEST, rng);
    for (int i = 0; i < n && status == HG_STATUS_OK; i++) {
        const hg_phantom_question *q = &questions[i];
        char id[100];
        snprintf(id, sizeof id, "%s_q%d", stem, i);
        json_t *item = hg_item_ask(id, image, q->text, q->answer);
        if (item != NULL) {
            json_object_set_new(item, "answer_type", json_string(hg_answer_type_name(q->type)));
            json_object_set_new(item, "question_type", json_string(q->topic));
            json_object_set_new(item, "wording", json_string(q->held_out ? "held-out" : "usual"));
            json_object_set_new(item, "modality", json_string(facts->modality));
        }
        status = push_item(study, item);
    }
    if (n > 0 && study->n_samples < HG_PHANTOM_MAX_SAMPLES) {
        hg_phantom_sample *sample = &study->samples[study->n_samples++];
        snprintf(sample->image, sizeof sample->image, "%s", image);
        snprintf(sample->text, sizeof sample->text, "%.240s\n%.120s\n%.60s", questions[0].answer,
                 questions[n - 1].text, questions[n - 1].answer);
    }
    return status;
}

static const char *seen_name(hg_seen seen)
{
    return seen == HG_SEEN_YES ? "yes" : seen == HG_SEEN_NO ? "no" : "unsure";
}

static json_t *truth_lesion(const hg_phantom_study *study, const hg_phantom_facts *f, float mm2)
{
    const hg_phantom_lesion *l = &study->patient.lesion;
    if (l->kind == HG_LESION_NONE)
        return json_null();
    hg_vec3 c = hg_phantom_to_scanner(&study->patient, l->centre);
    return json_pack("{s:s, s:s, s:s, s:s, s:[fff], s:[fff], s:f}", "kind", hg_lesion_words_get(l->kind)->id,
                     "visible", seen_name(f->lesion), "organ", l->organ, "side", l->side, "centre_mm",
                     (double)c.x, (double)c.y, (double)c.z, "half_axes_mm", (double)l->radius.x,
                     (double)l->radius.y, (double)l->radius.z, "area_mm2", (double)mm2);
}

/* The organs whose visibility is known, as lists of names. */
static json_t *truth_organs(const hg_phantom_facts *f, hg_seen seen)
{
    json_t *list = json_array();
    for (int i = 1; i < HG_ORGAN_COUNT; i++) {
        if (f->organs[i] == seen)
            json_array_append_new(list, json_string(hg_organ_words_get((hg_phantom_organ)i)->name));
    }
    return list;
}

static hg_status push_truth(const study_slice *s, const char *image, const hg_phantom_facts *f)
{
    hg_phantom_study *study = s->study;
    const hg_slice_place *p = &s->slice.place;
    const struct ct_window *w = &windows[study->patient.part];
    json_t *truth = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s*, s:s, s:[fff], s:f, s:f, s:o, s:o, s:o}", "image", image, "patient",
        study->name, "split", hg_split_name(study->split), "part", f->part, "modality", f->modality,
        "sequence", f->sequence, "plane", f->plane, "first_pixel_mm", (double)p->origin.x,
        (double)p->origin.y, (double)p->origin.z, "pixel_mm", (double)p->pixel_mm, "thickness_mm",
        (double)p->thick_mm, "lesion", truth_lesion(study, f, s->slice.lesion_mm2), "organs",
        truth_organs(f, HG_SEEN_YES), "organs_absent", truth_organs(f, HG_SEEN_NO));
    if (truth != NULL && f->contrast == HG_CONTRAST_CT)
        json_object_set_new(truth, "window",
                            json_pack("{s:s, s:f, s:f}", "name", w->name, "centre", (double)w->centre,
                                      "width", (double)w->width));
    return hg_line_push(&study->truth, truth, &study->err);
}

/* ---- pictures ---- */

/* Noise, bias, window, file, questions and truth of one contrast. */
static hg_status make_contrast(study_slice *s, hg_contrast contrast, uint64_t key)
{
    hg_phantom_study *study = s->study;
    const struct ct_window *w = &windows[study->patient.part];
    int size = study->request->size;
    float noise = (float)study->request->noise;
    hg_phantom_facts facts;
    hg_status status;
    snprintf(s->names[contrast], sizeof s->names[contrast], "images/%s_%s.png", s->stem,
             hg_contrast_name(contrast));
    if (contrast == HG_CONTRAST_CT) {
        hg_phantom_measure_ct(s->measured, s->slice.values[contrast], size, noise * STUDY_NOISE_HU, key);
        status = save_grey(study, s->names[contrast], s->measured, size, w->centre - 0.5f * w->width,
                           w->centre + 0.5f * w->width);
    } else {
        hg_phantom_measure_mr(s->measured, s->slice.values[contrast], size, STUDY_BIAS,
                              noise * STUDY_NOISE_MR, key);
        status = save_grey(study, s->names[contrast], s->measured, size, 0, 1);
    }
    make_facts(&facts, s, contrast);
    char stem[80];
    snprintf(stem, sizeof stem, "%s_%s", s->stem, hg_contrast_name(contrast));
    if (status == HG_STATUS_OK)
        status = push_truth(s, s->names[contrast], &facts);
    if (status == HG_STATUS_OK)
        status = push_questions(study, stem, s->names[contrast], &facts, &s->rng);
    return status == HG_STATUS_OK ? push_pair(study, stem, "reconstruct", s->names[contrast],
                                              s->names[contrast], "Reconstruct the image.")
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
    hg_status status = save_grey(study, name, s->low, size / 4, 0, 1);
    return status == HG_STATUS_OK ? push_pair(study, s->stem, "super-resolution", name, s->names[contrast],
                                              "Increase the resolution of the image.")
                                  : status;
}

static hg_status make_slice(study_slice *s, const hg_slice_place *place, int number)
{
    hg_phantom_study *study = s->study;
    uint64_t key = hg_phantom_hash(study->patient.seed, 1000 + (uint64_t)number);
    hg_status status = HG_STATUS_OK;
    snprintf(s->stem, sizeof s->stem, "%s_s%02d", study->name, number);
    hg_phantom_slice_render(&s->slice, &study->patient, place, STUDY_SAMPLES);
    for (int c = 0; c < HG_CONTRAST_COUNT && status == HG_STATUS_OK; c++)
        status = make_contrast(s, (hg_contrast)c, hg_phantom_hash(key, (uint64_t)c));
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs && status == HG_STATUS_OK; i++)
        status = push_pair(study, s->stem, pairs[i].task, s->names[pairs[i].from], s->names[pairs[i].to],
                           pairs[i].instruction);
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
    study_slice s = {.study = study};
    for (int c = 0; c < HG_CONTRAST_COUNT; c++)
        s.slice.values[c] = memory + (size_t)c * area;
    s.measured = memory + HG_CONTRAST_COUNT * area;
    s.low = s.measured + area;
    hg_rng_init(&s.rng, hg_phantom_hash(study->patient.seed, 3));
    hg_status status = HG_STATUS_OK;
    for (int i = 0; i < study->request->n_slices && status == HG_STATUS_OK; i++) {
        hg_slice_place place = choose_place(study, &s.rng);
        status = make_slice(&s, &place, i);
    }
    return status;
}

void hg_phantom_study_make(hg_phantom_study *study, const hg_phantom_request *request, int index,
                           hg_phantom_part part, hg_split split)
{
    size_t area = (size_t)request->size * (size_t)request->size;
    float *memory = hg_mem_array(area * (HG_CONTRAST_COUNT + 2), sizeof *memory);
    study->request = request;
    study->split = split;
    study->n_images = study->n_samples = 0;
    study->err.text[0] = 0;
    hg_buffer_init(&study->items, STUDY_MAX_BYTES);
    hg_buffer_init(&study->truth, STUDY_MAX_BYTES);
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
}
