/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_record.c: options of DICOM output, and the warnings that go with them.
 */
#include "cli_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool cli_record_take(cli_record_options *o, int code, const char *argument)
{
    switch (code) {
    case CLI_RECORD_DEID:
        o->deid = true;
        return true;
    case CLI_RECORD_KEY:
        o->key_path = argument;
        return true;
    case CLI_RECORD_NO_BURN_IN:
        o->no_burn_in = true;
        return true;
    default:
        return false;
    }
}

bool cli_record_wanted(const char *path)
{
    size_t n = strlen(path);
    return n >= 4 && strcasecmp(path + n - 4, ".dcm") == 0;
}

static void record_warn(const hg_record *record, const cli_record_options *o, bool quiet)
{
    const char *left_out = hg_record_left_out(record);
    hg_record_text text = hg_record_get_text(record);
    if (left_out[0] != 0 && !quiet)
        fprintf(stderr, "note: left out, because they break the rules of DICOM: %s\n", left_out);
    if (o->deid && text == HG_RECORD_TEXT_LIKELY)
        fprintf(stderr,
                "warning: the picture itself may show a name or a date, which --deid does not remove\n");
    else if (o->deid && text == HG_RECORD_TEXT_UNKNOWN && !quiet)
        fprintf(stderr,
                "note: the source does not say whether its picture shows a name or a date, which --deid "
                "does not remove\n");
}

hg_status cli_records_add(cli_records *records, const char *path, const hg_image *image,
                          const cli_record_options *o, bool quiet, hg_error *err)
{
    if (records->n == CLI_MAX_RECORDS) {
        *err = (hg_error){HG_STATUS_USAGE, "too many images for one DICOM file"};
        return HG_STATUS_USAGE;
    }
    hg_record *record;
    hg_status status = hg_record_open(&record, path, image, err);
    if (status != HG_STATUS_OK)
        return status;
    records->items[records->n] = record;
    records->sources[records->n] = (hg_record_source){record, hg_image_get_source(image)->instance_frame};
    records->n++;
    record_warn(record, o, quiet);
    return HG_STATUS_OK;
}

void cli_records_close(cli_records *records)
{
    for (size_t i = 0; i < records->n; i++)
        hg_record_close(records->items[i]);
    records->n = 0;
}

static hg_status record_read_key(cli_record_options *o, hg_error *err)
{
    FILE *file = fopen(o->key_path, "rb");
    size_t n = file != NULL ? fread(o->key, 1, sizeof o->key, file) : 0;
    int reason = file == NULL ? errno : 0;
    if (file != NULL)
        fclose(file);
    if (n == sizeof o->key)
        return HG_STATUS_OK;
    err->code = HG_STATUS_INPUT;
    snprintf(err->text, sizeof err->text, "%.300s: %s", o->key_path,
             reason != 0 ? strerror(reason) : "a key of 32 bytes is wanted (head -c 32 /dev/urandom)");
    return HG_STATUS_INPUT;
}

void cli_records_name_model(cli_records *records, const char *name, const char *path, const char *version)
{
    size_t n = name[0] != 0 ? strlen(name) : strlen(path), begin = 0;
    const char *text = name[0] != 0 ? name : path;
    if (name[0] == 0) {
        while (n > 1 && text[n - 1] == '/')
            n--;
        for (begin = n; begin > 0 && text[begin - 1] != '/';)
            begin--;
    }
    snprintf(records->model, sizeof records->model, "%.*s", (int)(n - begin < 64 ? n - begin : 64),
             text + begin);
    records->version = version;
}

hg_status cli_records_options(hg_record_options *out, const cli_records *records, cli_record_options *o,
                              hg_error *err)
{
    *out = (hg_record_options){.sources = records->sources,
                               .n_sources = records->n,
                               .model_name = records->model[0] != 0 ? records->model : NULL,
                               .model_version = records->version,
                               .no_burn_in = o->no_burn_in,
                               .deidentify = o->deid};
    if (o->key_path == NULL)
        return HG_STATUS_OK;
    if (!o->deid) {
        *err = (hg_error){HG_STATUS_USAGE,
                          "--deid-key is for --deid: without it the file would name the patient"};
        return HG_STATUS_USAGE;
    }
    out->deid_key = o->key;
    return record_read_key(o, err);
}

hg_status cli_records_check(const cli_records *records, cli_record_options *o, hg_error *err)
{
    hg_record_options options;
    hg_status status = cli_records_options(&options, records, o, err);
    return status == HG_STATUS_OK ? hg_record_check(&options, err) : status;
}
