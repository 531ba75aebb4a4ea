/* SPDX-License-Identifier: Apache-2.0
 *
 * record_modules.c: modules of PS3.3 in the order of their tables. All text that is ours is ASCII, so the
 * source's character set is right for the whole file. When the file is de-identified, its own dates are left
 * out as the source's are: they would tell when the patient was there.
 */
#include "image/record_modules.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define TAG(group, element) HG_DICOM_TAG(group, element)

/* Letters of ASCII that any text value may have; at most n - 1 of them. */
static void modules_ascii(char *out, size_t n, const char *text)
{
    size_t i = 0;
    for (; text[i] != 0 && i + 1 < n; i++) {
        bool good = text[i] >= 0x20 && text[i] < 0x7f && text[i] != '\\' && text[i] != '^' && text[i] != '=';
        out[i] = good ? text[i] : '_';
    }
    out[i] = 0;
}

/* ---- beginning and end ---- */

static const hg_record *modules_first(const hg_record_options *options)
{
    for (size_t i = 0; i < options->n_sources; i++) {
        if (options->sources[i].record != NULL && options->sources[i].record->dicom)
            return options->sources[i].record;
    }
    return NULL;
}

hg_status hg_record_check(const hg_record_options *options, hg_error *err)
{
    static const hg_record_id ids[2] = {HG_RECORD_PATIENT_ID, HG_RECORD_PATIENT_NAME};
    const hg_record *first = modules_first(options);
    for (size_t i = 0; i < options->n_sources; i++) {
        const hg_record *record = options->sources[i].record;
        for (int k = 0; k < 2 && record != NULL && record->dicom; k++) {
            const char *a = first->values[ids[k]], *b = record->values[ids[k]];
            if (strcmp(a != NULL ? a : "", b != NULL ? b : "") != 0)
                return hg_error_set(
                    err, HG_STATUS_USAGE,
                    "the images are of several patients: one DICOM file cannot hold the result");
        }
    }
    return HG_STATUS_OK;
}

static void modules_clock(hg_record_writer *w)
{
    time_t now = time(NULL);
    struct tm parts;
    if (w->options.deidentify || localtime_r(&now, &parts) == NULL)
        return;
    strftime(w->date, sizeof w->date, "%Y%m%d", &parts);
    strftime(w->time, sizeof w->time, "%H%M%S", &parts);
}

hg_status hg_record_writer_init(hg_record_writer *w, const hg_record_options *options, hg_error *err)
{
    *w = (hg_record_writer){0};
    if (options != NULL)
        w->options = *options;
    w->first = modules_first(&w->options);
    hg_status status = hg_record_check(&w->options, err);
    if (status == HG_STATUS_OK && w->options.deidentify && w->options.deid_key == NULL)
        status = hg_uid_key(w->key, err);
    else if (w->options.deidentify && w->options.deid_key != NULL)
        memcpy(w->key, w->options.deid_key, sizeof w->key);
    modules_clock(w);
    return status == HG_STATUS_OK ? hg_dicom_build_create(&w->build, err) : status;
}

void hg_record_writer_deinit(hg_record_writer *w)
{
    if (w->build != NULL)
        hg_dicom_build_destroy(w->build);
    *w = (hg_record_writer){0};
}

static bool modules_take(void *user, const void *bytes, size_t n)
{
    return hg_buffer_push(user, bytes, n);
}

hg_status hg_record_writer_finish(hg_record_writer *w, hg_buffer *out, hg_error *err)
{
    return hg_dicom_build_write(w->build, modules_take, out, err);
}

/* ---- pieces ---- */

void hg_record_put_code(hg_record_writer *w, uint32_t tag, const char *value, const char *scheme,
                        const char *meaning)
{
    hg_dicom_begin(w->build, tag);
    hg_dicom_put_text(w->build, TAG(0x0008, 0x0100), value);
    hg_dicom_put_text(w->build, TAG(0x0008, 0x0102), scheme);
    hg_dicom_put_text(w->build, TAG(0x0008, 0x0104), meaning);
    hg_dicom_end(w->build);
}

hg_status hg_record_put_uid(hg_record_writer *w, uint32_t tag, const char *uid, hg_error *err)
{
    char other[HG_UID_BYTES];
    hg_status status = HG_STATUS_OK;
    if (w->options.deidentify)
        status = hg_uid_replace(other, uid, w->key, err);
    hg_dicom_put_text(w->build, tag, w->options.deidentify ? other : uid);
    return status;
}

static hg_status modules_put_new_uid(hg_record_writer *w, uint32_t tag, hg_error *err)
{
    char uid[HG_UID_BYTES] = "";
    hg_status status = hg_uid_create(uid, err);
    hg_dicom_put_text(w->build, tag, uid);
    return status;
}

bool hg_record_can_refer(const hg_record_source *source)
{
    const hg_record *record = source->record;
    return record != NULL && record->dicom && !record->several &&
           record->values[HG_RECORD_SOP_CLASS] != NULL && record->values[HG_RECORD_SOP_UID] != NULL;
}

/* A reference names a frame where the class may have several. These of the usual ones may not, whatever a
 * file does. */
static bool modules_has_frames(const hg_record *record)
{
    static const char *const single[] = {"1", "1.1", "2", "4", "6", "6.1", "7", "128"};
    static const char root[] = "1.2.840.10008.5.1.4.1.1.";
    const char *frames = record->values[HG_RECORD_FRAMES], *class = record->values[HG_RECORD_SOP_CLASS];
    bool several = frames != NULL && strcmp(frames, "1") != 0;
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
        if (strncmp(class, root, sizeof root - 1) == 0 && strcmp(class + sizeof root - 1, single[i]) == 0)
            several = false;
    }
    return several;
}

hg_status hg_record_put_reference(hg_record_writer *w, const hg_record_source *source, hg_error *err)
{
    const hg_record *record = source->record;
    hg_dicom_put_text(w->build, TAG(0x0008, 0x1150), record->values[HG_RECORD_SOP_CLASS]);
    if (modules_has_frames(record)) {
        char number[16];
        snprintf(number, sizeof number, "%d", source->frame + 1);
        hg_dicom_put_text(w->build, TAG(0x0008, 0x1160), number);
    }
    return hg_record_put_uid(w, TAG(0x0008, 0x1155), record->values[HG_RECORD_SOP_UID], err);
}

/* Laterality must be there for a part of the body that comes in pairs, if only empty, and must not for one
 * that does not. A part that is not named or not known counts as a pair. */
static void modules_put_laterality(hg_record_writer *w)
{
    static const char *const unpaired[] = {
        "ABDOMEN", "ABDOMENPELVIS", "AORTA",   "BLADDER", "BRAIN",  "CHEST",    "COCCYX",
        "COLON",   "CSPINE",        "CTSPINE", "FACE",    "HEAD",   "HEADNECK", "HEART",
        "JAW",     "LIVER",         "LSPINE",  "LSSPINE", "NECK",   "NOSE",     "PANCREAS",
        "PELVIS",  "PROSTATE",      "SKULL",   "SPINE",   "SPLEEN", "SSPINE",   "STERNUM",
        "STOMACH", "THORAX",        "TLSPINE", "TONGUE",  "TSPINE", "UTERUS",   "WHOLEBODY"};
    const char *part = w->first != NULL ? w->first->values[HG_RECORD_BODY_PART] : NULL;
    const char *side = w->first != NULL ? w->first->values[HG_RECORD_LATERALITY] : NULL;
    for (size_t i = 0; part != NULL && i < sizeof unpaired / sizeof unpaired[0]; i++) {
        if (strcmp(part, unpaired[i]) == 0)
            return;
    }
    bool good = side != NULL && (strcmp(side, "L") == 0 || strcmp(side, "R") == 0);
    hg_dicom_put_text(w->build, hg_record_table[HG_RECORD_LATERALITY].tag, good ? side : "");
}

/* The attributes of one place, as they are or as the profile leaves them. */
static hg_status modules_put_place(hg_record_writer *w, hg_record_place place, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < HG_RECORD_COUNT; i++) {
        const hg_record_attribute *attribute = &hg_record_table[i];
        if (attribute->place != place)
            continue;
        const char *value = w->first != NULL ? w->first->values[i] : NULL;
        hg_deid_action action = w->options.deidentify ? attribute->deid : HG_DEID_ACTION_KEEP;
        if (action == HG_DEID_ACTION_EMPTY || action == HG_DEID_ACTION_REMOVE)
            value = NULL;
        if (i == HG_RECORD_LATERALITY)
            modules_put_laterality(w);
        else if (i == HG_RECORD_STUDY_UID)
            status = value != NULL ? hg_record_put_uid(w, attribute->tag, value, err)
                                   : modules_put_new_uid(w, attribute->tag, err);
        else if (value != NULL || attribute->required)
            hg_dicom_put_text(w->build, attribute->tag, value);
    }
    return status;
}

/* ---- equipment ---- */

static void modules_put_maker(hg_record_writer *w)
{
    char model[65] = "healthgpt", version[65] = "", versions[160];
    if (w->options.model_name != NULL)
        modules_ascii(model, sizeof model, w->options.model_name);
    if (w->options.model_version != NULL)
        modules_ascii(version, sizeof version, w->options.model_version);
    snprintf(versions, sizeof versions, "healthgpt %s%s%s", HG_VERSION, version[0] != 0 ? "\\" : "", version);
    hg_dicom_put_text(w->build, TAG(0x0008, 0x0070), "healthgpt");
    hg_dicom_put_text(w->build, TAG(0x0008, 0x1090), model);
    hg_dicom_put_text(w->build, TAG(0x0018, 0x1020), versions);
}

static void modules_put_contribution(hg_record_writer *w, const char *code, const char *meaning)
{
    char moment[20];
    snprintf(moment, sizeof moment, "%s%s", w->date, w->time);
    hg_dicom_begin(w->build, TAG(0x0018, 0xa001));
    hg_record_put_code(w, TAG(0x0040, 0xa170), code, "DCM", meaning);
    modules_put_maker(w);
    if (moment[0] != 0)
        hg_dicom_put_text(w->build, TAG(0x0018, 0xa002), moment);
    hg_dicom_end(w->build);
}

static hg_status modules_put_equipment(hg_record_writer *w, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    modules_put_maker(w);
    if (w->first != NULL && w->first->values[HG_RECORD_MANUFACTURER] != NULL && !w->options.deidentify) {
        hg_dicom_begin(w->build, TAG(0x0018, 0xa001));
        hg_record_put_code(w, TAG(0x0040, 0xa170), "109101", "DCM", "Acquisition Equipment");
        status = modules_put_place(w, HG_RECORD_PLACE_EQUIPMENT, err);
        hg_dicom_end(w->build);
    }
    modules_put_contribution(w, "109102", "Processing Equipment");
    if (w->options.deidentify)
        modules_put_contribution(w, "109104", "De-identifying Equipment");
    return status;
}

static void modules_put_deid(hg_record_writer *w)
{
    hg_dicom_put_text(w->build, TAG(0x0012, 0x0062), "YES");
    hg_dicom_put_text(w->build, TAG(0x0012, 0x0063),
                      "PS3.15 annex E basic profile\\pixels and free text not cleaned");
    hg_record_put_code(w, TAG(0x0012, 0x0064), "113100", "DCM", "Basic Application Confidentiality Profile");
    hg_dicom_put_text(w->build, TAG(0x0028, 0x0303), "REMOVED");
}

/* ---- all ---- */

static hg_status modules_put_identity(hg_record_writer *w, const char *sop_class, hg_error *err)
{
    hg_dicom_put_text(w->build, TAG(0x0008, 0x0016), sop_class);
    hg_status status = modules_put_new_uid(w, TAG(0x0008, 0x0018), err);
    if (status == HG_STATUS_OK)
        status = modules_put_new_uid(w, TAG(0x0020, 0x000e), err);
    /* Without any text of the source ASCII is enough. */
    if (w->first != NULL && w->first->terms[0] != 0 && !w->options.deidentify)
        hg_dicom_put_text(w->build, TAG(0x0008, 0x0005), w->first->terms);
    if (w->date[0] != 0) {
        hg_dicom_put_text(w->build, TAG(0x0008, 0x0012), w->date);
        hg_dicom_put_text(w->build, TAG(0x0008, 0x0013), w->time);
    }
    return status;
}

hg_status hg_record_put_modules(hg_record_writer *w, const char *sop_class, const char *modality,
                                const char *description, hg_error *err)
{
    char text[65];
    hg_status status = modules_put_identity(w, sop_class, err);
    if (status == HG_STATUS_OK)
        status = modules_put_place(w, HG_RECORD_PLACE_PATIENT, err);
    if (status == HG_STATUS_OK)
        status = modules_put_place(w, HG_RECORD_PLACE_STUDY, err);
    if (status == HG_STATUS_OK && strcmp(modality, "SR") != 0) /* of images only */
        status = modules_put_place(w, HG_RECORD_PLACE_SERIES, err);
    if (w->options.deidentify)
        modules_put_deid(w);
    modules_ascii(text, sizeof text, description);
    hg_dicom_put_text(w->build, TAG(0x0008, 0x0060), modality);
    hg_dicom_put_text(w->build, TAG(0x0008, 0x103e), text);
    hg_dicom_put_text(w->build, TAG(0x0020, 0x0011), "1");
    hg_dicom_put_text(w->build, TAG(0x0020, 0x0013), "1");
    return status == HG_STATUS_OK ? modules_put_equipment(w, err) : status;
}
