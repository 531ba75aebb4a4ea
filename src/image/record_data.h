/* SPDX-License-Identifier: Apache-2.0
 *
 * record_data.h: what is inside an hg_record, and the two halves of reading one: gathering in the confined
 * child, checking outside.
 */
#ifndef HG_IMAGE_RECORD_DATA_H
#define HG_IMAGE_RECORD_DATA_H

#include "base/buffer.h"
#include "image/record_table.h"
#include "image/record_value.h"

#include <healthgpt/record.h>

struct hg_record {
    bool dicom;
    bool several; /* the picture comes from several files of its series, of which this is one */
    char syntax[68];
    char terms[68]; /* SpecificCharacterSet; "" for ASCII */
    hg_charset charset;
    char *values[HG_RECORD_COUNT]; /* owned, legal; NULL when absent */
    hg_record_text text;
    char left_out[400]; /* keywords */
};

/* Longest value that is looked at, in bytes. */
#define HG_RECORD_VALUE_MAX 40960
#define HG_RECORD_BLOB_MAX ((size_t)1 << 21)

/* The attributes of the table from the bytes of a DICOM or JPEG file, as they are, appended to `blob`. Runs
 * in the child; tests and fuzzers call it, too. */
hg_status hg_record_gather(hg_buffer *blob, const uint8_t *bytes, size_t n, hg_error *err) HG_MUST_CHECK;

/* A record from what was gathered, which may be any bytes. `record` is zeroed; deinit it whatever the
 * result. */
hg_status hg_record_parse(hg_record *record, const uint8_t *blob, size_t n, hg_error *err) HG_MUST_CHECK;
void hg_record_deinit(hg_record *record);

#endif
