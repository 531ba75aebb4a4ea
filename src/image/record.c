/* SPDX-License-Identifier: Apache-2.0
 *
 * record.c: the half of reading a record that trusts nothing: every value is checked against its
 * representation before it may stand in a new file; one that breaks the rules is left out, and its keyword
 * (never its value) is remembered. memmem is of GNU, hence _GNU_SOURCE.
 */
#define _GNU_SOURCE
#include "base/memory.h"
#include "image/dicom_file.h"
#include "image/dicom_reader.h"
#include "image/image_files.h"
#include "image/jpeg_reader.h"
#include "image/pixels.h"
#include "image/record_data.h"
#include "image/sandbox.h"

#include <stdio.h>
#include <string.h>

/* What is left to be parsed. */
typedef struct record_rest {
    const uint8_t *at;
    size_t n;
} record_rest;

static bool record_take(record_rest *rest, void *out, size_t n)
{
    if (n > rest->n)
        return false;
    memcpy(out, rest->at, n);
    rest->at += n;
    rest->n -= n;
    return true;
}

/* A terminated text that fits `out`. */
static bool record_take_text(record_rest *rest, char *out, size_t n)
{
    const uint8_t *end = memchr(rest->at, 0, rest->n < n ? rest->n : n);
    return end != NULL && record_take(rest, out, (size_t)(end - rest->at) + 1);
}

static void record_leave_out(hg_record *record, const char *name)
{
    size_t n = strlen(record->left_out);
    snprintf(record->left_out + n, sizeof record->left_out - n, "%s%s", n > 0 ? ", " : "", name);
}

static void record_trim(char *text)
{
    size_t n = strlen(text), first = strspn(text, " ");
    while (n > first && text[n - 1] == ' ')
        n--;
    memmove(text, text + first, n - first);
    text[n - first] = 0;
}

/* NULL stays in `values` when the value is empty or may not be used. */
static hg_status record_take_value(hg_record *record, size_t i, record_rest *rest, hg_error *err)
{
    const hg_record_attribute *attribute = &hg_record_table[i];
    uint32_t n = 0;
    if (!record_take(rest, &n, sizeof n) || n > HG_RECORD_VALUE_MAX + 1 || n > rest->n)
        return hg_error_set(err, HG_STATUS_INPUT, "the decoder gave a wrong record");
    if (n == 0)
        return HG_STATUS_OK;
    char *value = hg_mem_string_n((const char *)rest->at, n);
    if (value == NULL)
        return hg_error_memory(err, n, "an attribute");
    rest->at += n;
    rest->n -= n;
    record_trim(value);
    bool good = n <= HG_RECORD_VALUE_MAX && value[0] != 0 &&
                hg_record_value_check(value, attribute->vr, attribute->many, record->charset);
    if (good)
        record->values[i] = value;
    else {
        if (value[0] != 0)
            record_leave_out(record, attribute->name);
        hg_mem_free(value);
    }
    return HG_STATUS_OK;
}

static bool record_put(hg_record *record, hg_record_id id, const char *text)
{
    hg_mem_free(record->values[id]);
    record->values[id] = hg_mem_string(text);
    return record->values[id] != NULL;
}

/* Loss that the file does not own up to is known from its transfer syntax; method and ratio that are missing
 * are filled in, because a file with loss must have them. */
static hg_status record_fill_lossy(hg_record *record, uint64_t file, uint64_t pixels, hg_error *err)
{
    static const char *const methods[][2] = {{"1.2.840.10008.1.2.4.50", "ISO_10918_1"},
                                             {"1.2.840.10008.1.2.4.51", "ISO_10918_1"},
                                             {"1.2.840.10008.1.2.4.81", "ISO_14495_1"},
                                             {"1.2.840.10008.1.2.4.91", "ISO_15444_1"},
                                             {"1.2.840.10008.1.2.4.203", "ISO_15444_15"}};
    const char *lossy = record->values[HG_RECORD_LOSSY], *method = NULL;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        method = strcmp(record->syntax, methods[i][0]) == 0 ? methods[i][1] : method;
    if (method == NULL && (lossy == NULL || strcmp(lossy, "01") != 0))
        return HG_STATUS_OK;
    bool ok = record_put(record, HG_RECORD_LOSSY, "01");
    if (ok && method != NULL && record->values[HG_RECORD_LOSSY_METHOD] == NULL)
        ok = record_put(record, HG_RECORD_LOSSY_METHOD, method);
    if (ok && record->values[HG_RECORD_LOSSY_RATIO] == NULL && file > 0 && pixels > file) {
        char ratio[17];
        snprintf(ratio, sizeof ratio, "%.2f", (double)pixels / (double)file);
        ok = record_put(record, HG_RECORD_LOSSY_RATIO, ratio);
    }
    return ok ? HG_STATUS_OK : hg_error_memory(err, 16, "an attribute");
}

/* PS3.15 leaves text in the pixels to whoever de-identifies: these are the kinds that often have some. */
static hg_record_text record_find_text(const hg_record *record)
{
    static const char *const kinds[] = {"US", "SC", "XC", "OT", "ES"};
    const char *said = record->values[HG_RECORD_BURNED_IN], *modality = record->values[HG_RECORD_MODALITY];
    for (size_t i = 0; modality != NULL && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(modality, kinds[i]) == 0)
            return HG_RECORD_TEXT_LIKELY;
    }
    if (said == NULL)
        return HG_RECORD_TEXT_UNKNOWN;
    return strcmp(said, "NO") == 0 ? HG_RECORD_TEXT_NO : HG_RECORD_TEXT_LIKELY;
}

hg_status hg_record_parse(hg_record *record, const uint8_t *blob, size_t n, hg_error *err)
{
    record_rest rest = {.at = blob, .n = n};
    uint64_t file = 0, pixels = 0;
    if (!record_take_text(&rest, record->syntax, sizeof record->syntax) ||
        !record_take_text(&rest, record->terms, sizeof record->terms) ||
        !record_take(&rest, &file, sizeof file) || !record_take(&rest, &pixels, sizeof pixels))
        return hg_error_set(err, HG_STATUS_INPUT, "the decoder gave a wrong record");
    record_trim(record->terms);
    record->charset = hg_charset_find(record->terms);
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < HG_RECORD_COUNT; i++)
        status = record_take_value(record, i, &rest, err);
    if (status == HG_STATUS_OK)
        status = record_fill_lossy(record, file, pixels, err);
    record->text = record_find_text(record);
    return status;
}

void hg_record_deinit(hg_record *record)
{
    for (size_t i = 0; i < HG_RECORD_COUNT; i++)
        hg_mem_free(record->values[i]);
    *record = (hg_record){0};
}

/* ---- reading a file ---- */

/* UIDs stand in the first of a file's attributes. */
#define RECORD_HEAD_BYTES 65536

typedef struct record_job {
    const hg_image_file *file; /* one, or the members of a series */
    uint32_t tag;              /* of the UID that the wanted member has */
    const char *uid;
} record_job;

static bool record_matches(const hg_image_file *file, const record_job *job)
{
    hg_dicom *dicom;
    char uid[68] = "";
    if (hg_dicom_open(&dicom, file->data, file->n, NULL) != HG_STATUS_OK)
        return false;
    hg_dicom_get_text(hg_dicom_root(dicom), job->tag, 0, uid, sizeof uid);
    hg_dicom_close(dicom);
    return strcmp(uid, job->uid) == 0;
}

/* The file of the UID. The first round only parses files in whose first bytes it is seen, the second all: in
 * a deflated file nothing is seen. */
static const hg_image_file *record_find(const record_job *job)
{
    size_t n_uid = strlen(job->uid);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < job->file->n_members; i++) {
            const hg_image_file *file = &job->file->members[i];
            size_t n = file->n < RECORD_HEAD_BYTES ? file->n : RECORD_HEAD_BYTES;
            bool seen = memmem(file->data, n, job->uid, n_uid) != NULL;
            if ((seen || round == 1) && record_matches(file, job))
                return file;
        }
    }
    return NULL;
}

static hg_status record_work(void *arg, hg_sandbox_out *out, hg_error *err)
{
    const record_job *job = arg;
    const hg_image_file *file = job->file->n_members > 0 ? record_find(job) : job->file;
    hg_buffer blob;
    if (file == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "the series' files have changed");
    hg_buffer_init(&blob, HG_RECORD_BLOB_MAX);
    hg_status status = hg_record_gather(&blob, file->data, file->n, err);
    if (status == HG_STATUS_OK) {
        uint8_t *to = hg_sandbox_reserve(out, blob.size, err);
        if (to == NULL)
            status = HG_STATUS_INPUT;
        else
            memcpy(to, blob.data, blob.size);
    }
    hg_buffer_deinit(&blob);
    return status;
}

static hg_status record_read(hg_record *record, const hg_image_files *files, const hg_image *image,
                             hg_error *err)
{
    bool series = files->file.n_members > 0, jpeg = files->format == &hg_jpeg_format;
    bool dicom = series || files->format == &hg_dicom_format;
    const char *instance = image != NULL ? image->source.instance_uid : "";
    record_job job = {.file = &files->file, .tag = HG_DICOM_TAG(0x0008, 0x0018), .uid = instance};
    record->text = HG_RECORD_TEXT_UNKNOWN;
    if (!dicom && !jpeg)
        return HG_STATUS_OK;
    if (series && instance[0] == 0) {
        record->several = true;
        job.tag = HG_DICOM_TAG(0x0020, 0x000e);
        job.uid = image != NULL ? image->source.series_uid : "";
    }
    const hg_sandbox_limits limits = hg_sandbox_limits_default();
    hg_sandbox_result result;
    hg_dicom_prepare();
    hg_status status = hg_sandbox_run(&result, record_work, &job, &limits, err);
    if (status != HG_STATUS_OK)
        return status;
    status = hg_record_parse(record, result.data, result.n, err);
    record->dicom = dicom;
    hg_sandbox_result_free(&result);
    return status;
}

hg_status hg_record_open(hg_record **record, const char *path, const hg_image *image, hg_error *err)
{
    hg_image_files files;
    *record = hg_mem_array(1, sizeof **record);
    if (*record == NULL)
        return hg_error_memory(err, sizeof **record, "a record");
    hg_status status = hg_image_files_open(&files, path, err);
    if (status == HG_STATUS_OK)
        status = record_read(*record, &files, image, err);
    hg_image_files_close(&files);
    if (status != HG_STATUS_OK) {
        hg_record_close(*record);
        *record = NULL;
        return hg_error_prefix(err, status, "%s", path);
    }
    return HG_STATUS_OK;
}

void hg_record_close(hg_record *record)
{
    if (record == NULL)
        return;
    hg_record_deinit(record);
    hg_mem_free(record);
}

hg_record_text hg_record_get_text(const hg_record *record)
{
    return record->text;
}

const char *hg_record_left_out(const hg_record *record)
{
    return record->left_out;
}
