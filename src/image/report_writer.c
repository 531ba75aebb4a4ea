/* SPDX-License-Identifier: Apache-2.0
 *
 * report_writer.c: a question and its answer as a Basic Text SR document: who observed (a device), the
 * request, the finding that was inferred from the images, and that nobody has verified it. Codes are of DCM
 * (PS3.16) and LOINC.
 */
#include "base/file.h"
#include "base/memory.h"
#include "image/record_modules.h"

#include <string.h>

#define TAG(group, element) HG_DICOM_TAG(group, element)
#define REPORT_CLASS "1.2.840.10008.5.1.4.1.1.88.11"
#define REPORT_MAX_BYTES ((size_t)1 << 24)
#define REPORT_NOTE "Answer of a language model, not verified by a person. For research; not for diagnosis."

static const uint32_t report_content = TAG(0x0040, 0xa730);

/* Begins a content item under the open one; to be ended. */
static void report_begin(hg_record_writer *w, const char *relation, const char *type)
{
    hg_dicom_begin(w->build, report_content);
    hg_dicom_put_text(w->build, TAG(0x0040, 0xa010), relation);
    hg_dicom_put_text(w->build, TAG(0x0040, 0xa040), type);
}

static void report_begin_text(hg_record_writer *w, const char *relation, const char *code,
                              const char *meaning, const char *text)
{
    report_begin(w, relation, "TEXT");
    hg_record_put_code(w, TAG(0x0040, 0xa043), code, "DCM", meaning);
    hg_dicom_put_text(w->build, TAG(0x0040, 0xa160), text);
}

/* TID 1004 as far as it is known. */
static void report_put_observer(hg_record_writer *w)
{
    report_begin(w, "HAS OBS CONTEXT", "CODE");
    hg_record_put_code(w, TAG(0x0040, 0xa043), "121005", "DCM", "Observer Type");
    hg_record_put_code(w, TAG(0x0040, 0xa168), "121007", "DCM", "Device");
    hg_dicom_end(w->build);
    report_begin_text(w, "HAS OBS CONTEXT", "121013", "Device Observer Name", "healthgpt");
    hg_dicom_end(w->build);
    if (w->options.model_name != NULL) {
        report_begin_text(w, "HAS OBS CONTEXT", "121015", "Device Observer Model Name",
                          w->options.model_name);
        hg_dicom_end(w->build);
    }
}

static hg_status report_put_finding(hg_record_writer *w, const char *answer, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    report_begin_text(w, "CONTAINS", "121071", "Finding", answer);
    for (size_t i = 0; status == HG_STATUS_OK && i < w->options.n_sources; i++) {
        if (!hg_record_can_refer(&w->options.sources[i]))
            continue;
        report_begin(w, "INFERRED FROM", "IMAGE");
        hg_dicom_begin(w->build, TAG(0x0008, 0x1199));
        status = hg_record_put_reference(w, &w->options.sources[i], err);
        hg_dicom_end(w->build);
        hg_dicom_end(w->build);
    }
    hg_dicom_end(w->build);
    return status;
}

static hg_status report_put_content(hg_record_writer *w, const hg_record_answer *answer, hg_error *err)
{
    hg_dicom_put_text(w->build, TAG(0x0040, 0xa040), "CONTAINER");
    hg_record_put_code(w, TAG(0x0040, 0xa043), "18748-4", "LN", "Diagnostic Imaging Report");
    hg_dicom_put_text(w->build, TAG(0x0040, 0xa050), "SEPARATE");
    report_put_observer(w);
    report_begin_text(w, "CONTAINS", "121062", "Request", answer->question);
    hg_dicom_end(w->build);
    hg_status status = report_put_finding(w, answer->answer, err);
    report_begin_text(w, "CONTAINS", "121106", "Comment", REPORT_NOTE);
    hg_dicom_end(w->build);
    return status;
}

static bool report_same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* One item for the study and series of each image. Images of the report's own study are its evidence, those
 * of others other evidence. */
static hg_status report_put_evidence(hg_record_writer *w, hg_error *err)
{
    const char *study = w->first != NULL ? w->first->values[HG_RECORD_STUDY_UID] : NULL;
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < w->options.n_sources; i++) {
        const hg_record *record = w->options.sources[i].record;
        if (!hg_record_can_refer(&w->options.sources[i]) || record->values[HG_RECORD_STUDY_UID] == NULL ||
            record->values[HG_RECORD_SERIES_UID] == NULL)
            continue;
        bool own = report_same(record->values[HG_RECORD_STUDY_UID], study);
        hg_dicom_begin(w->build, own ? TAG(0x0040, 0xa375) : TAG(0x0040, 0xa385));
        hg_dicom_begin(w->build, TAG(0x0008, 0x1115));
        hg_dicom_begin(w->build, TAG(0x0008, 0x1199));
        status = hg_record_put_reference(w, &w->options.sources[i], err);
        hg_dicom_end(w->build);
        if (status == HG_STATUS_OK)
            status = hg_record_put_uid(w, TAG(0x0020, 0x000e), record->values[HG_RECORD_SERIES_UID], err);
        hg_dicom_end(w->build);
        if (status == HG_STATUS_OK)
            status = hg_record_put_uid(w, TAG(0x0020, 0x000d), record->values[HG_RECORD_STUDY_UID], err);
        hg_dicom_end(w->build);
    }
    return status;
}

/* The SR document series and general modules. Dates must have a value: without ours, one that means nothing.
 */
static hg_status report_put_document(hg_record_writer *w, const hg_record_answer *answer, hg_error *err)
{
    hg_dicom_put_sequence(w->build, TAG(0x0008, 0x1111));
    hg_dicom_put_text(w->build, TAG(0x0008, 0x0023), w->date[0] != 0 ? w->date : "19000101");
    hg_dicom_put_text(w->build, TAG(0x0008, 0x0033), w->time[0] != 0 ? w->time : "000000");
    hg_dicom_put_text(w->build, TAG(0x0040, 0xa491), answer->complete ? "COMPLETE" : "PARTIAL");
    if (!answer->complete)
        hg_dicom_put_text(w->build, TAG(0x0040, 0xa492), "the answer was cut before its end");
    hg_dicom_put_text(w->build, TAG(0x0040, 0xa493), "UNVERIFIED");
    hg_dicom_put_sequence(w->build, TAG(0x0040, 0xa372));
    return report_put_evidence(w, err);
}

static bool report_is_ascii(const char *text)
{
    for (; *text != 0; text++) {
        if ((unsigned char)*text >= 0x80)
            return false;
    }
    return true;
}

/* The document's text is UTF-8; where it is only ASCII, the source's character set may stay. */
static hg_status report_put_charset(hg_record_writer *w, const hg_record_answer *answer, hg_error *err)
{
    const char *model = w->options.model_name != NULL ? w->options.model_name : "";
    if (report_is_ascii(answer->question) && report_is_ascii(answer->answer) && report_is_ascii(model))
        return HG_STATUS_OK;
    bool named = w->first != NULL && w->first->terms[0] != 0 && !w->options.deidentify;
    if (named)
        return hg_dicom_build_to_utf8(w->build, err);
    hg_dicom_put_text(w->build, TAG(0x0008, 0x0005), "ISO_IR 192");
    return HG_STATUS_OK;
}

static hg_status report_encode(hg_buffer *out, const hg_record_answer *answer, hg_record_writer *w,
                               hg_error *err)
{
    hg_status status = hg_record_put_modules(w, REPORT_CLASS, "SR", "AI answer, not verified", err);
    if (status == HG_STATUS_OK)
        status = report_put_charset(w, answer, err);
    if (status == HG_STATUS_OK)
        status = report_put_document(w, answer, err);
    if (status == HG_STATUS_OK)
        status = report_put_content(w, answer, err);
    return status == HG_STATUS_OK ? hg_record_writer_finish(w, out, err) : status;
}

static hg_status report_encode_clean(hg_buffer *out, const hg_record_answer *answer,
                                     const hg_record_options *options, hg_error *err)
{
    hg_record_writer w;
    hg_status status = hg_record_writer_init(&w, options, err);
    if (status == HG_STATUS_OK)
        status = report_encode(out, answer, &w, err);
    hg_record_writer_deinit(&w);
    return status;
}

/* A model may say anything, control characters among it. */
hg_status hg_record_encode_answer(hg_buffer *out, const hg_record_answer *answer,
                                  const hg_record_options *options, hg_error *err)
{
    char *question = hg_mem_string(answer->question), *text = hg_mem_string(answer->answer);
    hg_status status = HG_STATUS_OK;
    if (question == NULL || text == NULL)
        status = hg_error_memory(err, strlen(answer->question) + strlen(answer->answer), "an answer");
    else {
        const hg_record_answer clean = {question, text, answer->complete};
        hg_record_text_clean(question);
        hg_record_text_clean(text);
        status = report_encode_clean(out, &clean, options, err);
    }
    hg_mem_free(question);
    hg_mem_free(text);
    return status;
}

hg_status hg_record_save_answer(const hg_record_answer *answer, const char *path,
                                const hg_record_options *options, hg_error *err)
{
    hg_buffer file;
    hg_buffer_init(&file, REPORT_MAX_BYTES);
    hg_status status = hg_record_encode_answer(&file, answer, options, err);
    if (status == HG_STATUS_OK)
        status = hg_file_write(path, file.data, file.size, err);
    else
        status = hg_error_prefix(err, status, "%s", path);
    hg_buffer_deinit(&file);
    return status;
}
