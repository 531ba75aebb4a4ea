/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_record.c: pictures to files, facts to lines.
 */
#include "data/phantom_record.h"

#include "base/file.h"
#include "base/memory.h"
#include "image/image_writer.h"
#include "image/pixels.h"

#include <stdio.h>
#include <string.h>

#define RECORD_TEXT_TURNS 9
#define RECORD_MAX_BYTES ((size_t)16 << 20)

/* The image, marked as synthetic, becomes a file. */
static hg_status save(hg_phantom_study *study, const char *name, hg_image *image)
{
    char path[HG_PATH_BYTES];
    hg_buffer file;
    hg_buffer_init(&file, RECORD_MAX_BYTES);
    image->synthetic = true;
    hg_status status = hg_path_join(path, study->request->out, name, &study->err);
    if (status == HG_STATUS_OK)
        status = hg_image_encode(&file, image, HG_IMAGE_TYPE_PNG, NULL, &study->err);
    if (status == HG_STATUS_OK)
        status = hg_file_write_quick(path, file.data, file.size, &study->err);
    study->n_images += status == HG_STATUS_OK;
    hg_buffer_deinit(&file);
    return status;
}

hg_status hg_record_grey(hg_phantom_study *study, const char *name, const float *values, int size, float low,
                         float high)
{
    hg_image image;
    hg_image_init(&image);
    hg_status status = hg_image_alloc(&image, size, size, 1, 8, &study->err);
    if (status == HG_STATUS_OK) {
        uint8_t *out = image.samples;
        for (int i = 0; i < size * size; i++)
            out[i] = (uint8_t)(hg_phantom_clamp((values[i] - low) / (high - low), 0, 1) * 255.0f + 0.5f);
        status = save(study, name, &image);
    }
    hg_image_deinit(&image);
    return status;
}

hg_status hg_record_rgb(hg_phantom_study *study, const char *name, const uint8_t *rgb, int size)
{
    hg_image image;
    hg_image_init(&image);
    hg_status status = hg_image_alloc(&image, size, size, 3, 8, &study->err);
    if (status == HG_STATUS_OK) {
        memcpy(image.samples, rgb, (size_t)size * (size_t)size * 3);
        status = save(study, name, &image);
    }
    hg_image_deinit(&image);
    return status;
}

hg_status hg_record_scan(hg_phantom_study *study, const char *name, const hg_phantom_scan *scan)
{
    const char *ending = strrchr(name, '.');
    if (strcmp(ending, ".png") == 0)
        return hg_record_grey(study, name, scan->values, scan->place.size, scan->low, scan->high);
    char path[HG_PATH_BYTES];
    hg_buffer file;
    hg_buffer_init(&file, RECORD_MAX_BYTES);
    hg_status status = strcmp(ending, ".dcm") == 0 ? hg_phantom_scan_dicom(&file, scan, &study->err)
                                                   : hg_phantom_scan_nifti(&file, scan, &study->err);
    if (status == HG_STATUS_OK)
        status = hg_path_join(path, study->request->out, name, &study->err);
    if (status == HG_STATUS_OK)
        status = hg_file_write_quick(path, file.data, file.size, &study->err);
    study->n_images += status == HG_STATUS_OK;
    hg_buffer_deinit(&file);
    return status;
}

/* ---- facts ---- */

hg_seen hg_seen_by_area(float mm2, float wanted)
{
    if (mm2 >= wanted)
        return HG_SEEN_YES;
    return mm2 > 0.1f * wanted ? HG_SEEN_UNSURE : HG_SEEN_NO;
}

void hg_record_organs(hg_phantom_facts *f, const float organ_mm2[HG_ORGAN_COUNT])
{
    for (int i = 1; i < HG_ORGAN_COUNT; i++)
        f->organs[i] = hg_seen_by_area(organ_mm2[i], hg_organ_words_get((hg_phantom_organ)i)->seen_mm2);
    f->organs_known = true;
}

hg_phantom_facts hg_record_facts(const hg_phantom_study *study)
{
    const hg_phantom_patient *patient = &study->patient;
    const hg_phantom_body *body = hg_phantom_body_get(patient->part);
    const hg_phantom_lesion *l = &patient->lesion;
    hg_phantom_facts f = {.part = body->name,
                          .kinds = body->kinds,
                          .kind = l->kind,
                          .organ = l->organ,
                          .side = l->side,
                          .count = -1};
    if (l->kind != HG_LESION_NONE && l->push > 0)
        f.size_mm = 2.0f * fmaxf(l->radius.x, fmaxf(l->radius.y, l->radius.z)) * patient->build.scale;
    return f;
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

hg_status hg_record_pair(hg_phantom_study *study, const char *stem, const char *task, const char *image,
                         const char *target, const char *instruction)
{
    char id[100];
    snprintf(id, sizeof id, "%s_%s", stem, task);
    json_t *item = hg_item_draw(id, image, target, instruction);
    if (item != NULL)
        json_object_set_new(item, "task", json_string(task));
    return push_item(study, item);
}

static hg_status push_text(hg_phantom_study *study, const char *id, const hg_phantom_question *turns, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++) {
        json_array_append_new(list, json_pack("{s:s, s:s}", "from", "human", "value", turns[i].text));
        json_array_append_new(list, json_pack("{s:s, s:s}", "from", "gpt", "value", turns[i].answer));
    }
    return hg_line_push(
        &study->texts,
        json_pack("{s:s, s:s, s:o}", "id", id, "split", hg_split_name(study->split), "conversations", list),
        &study->err);
}

/* The picture's conversations in words alone, for a language model that has seen nothing yet: one about all,
 * one of choices, which take the most examples to learn. */
static hg_status record_texts(hg_phantom_study *study, const char *stem, const hg_phantom_facts *facts,
                              hg_rng *rng)
{
    hg_phantom_question turns[RECORD_TEXT_TURNS];
    char id[100];
    hg_rng own;
    hg_status status = push_text(study, stem, turns, hg_phantom_talk(turns, RECORD_TEXT_TURNS, facts, rng));
    if (status != HG_STATUS_OK || facts->blank)
        return status;
    hg_rng_init(&own, hg_phantom_hash(study->patient.seed, 100 + study->n_images));
    snprintf(id, sizeof id, "%s_options", stem);
    return push_text(study, id, turns, hg_phantom_choose(turns, RECORD_TEXT_TURNS, facts, &own));
}

hg_status hg_record_questions(hg_phantom_study *study, const char *stem, const char *image,
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
    if (status == HG_STATUS_OK)
        status = record_texts(study, stem, facts, rng);
    if (status == HG_STATUS_OK)
        status = hg_record_pair(study, stem, "reconstruct", image, image, "Reconstruct the image.");
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

hg_status hg_record_truth(hg_phantom_study *study, const char *image, const hg_phantom_facts *f, float mm2,
                          json_t *extra)
{
    json_t *truth =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*, s:s*, s:o, s:o, s:o}", "image", image, "patient",
                  study->name, "split", hg_split_name(study->split), "part", f->part, "modality", f->modality,
                  "sequence", f->sequence, "plane", f->plane, "lesion", truth_lesion(study, f, mm2), "organs",
                  truth_organs(f, HG_SEEN_YES), "organs_absent", truth_organs(f, HG_SEEN_NO));
    if (truth != NULL && extra != NULL)
        json_object_update(truth, extra);
    json_decref(extra);
    return hg_line_push(&study->truth, truth, &study->err);
}
