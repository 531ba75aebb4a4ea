/* SPDX-License-Identifier: Apache-2.0
 *
 * record_modules.h: what every DICOM file of ours has: patient, study, series, equipment, and the marks of
 * de-identification.
 */
#ifndef HG_IMAGE_RECORD_MODULES_H
#define HG_IMAGE_RECORD_MODULES_H

#include "base/buffer.h"
#include "image/dicom_build.h"
#include "image/dicom_file.h"
#include "image/dicom_uid.h"
#include "image/record_data.h"

typedef struct hg_record_writer {
    hg_dicom_build *build;
    hg_record_options options;
    const hg_record *first; /* the first DICOM file among the sources; NULL when there is none */
    uint8_t key[HG_DEID_KEY_BYTES];
    char date[9]; /* of now, as DICOM writes it; empty when de-identified */
    char time[7];
} hg_record_writer;

/* Checks the options and begins a data set; to be deinit whatever the result. HG_STATUS_USAGE when the
 * sources are of several patients. */
hg_status hg_record_writer_init(hg_record_writer *w, const hg_record_options *options,
                                hg_error *err) HG_MUST_CHECK;
void hg_record_writer_deinit(hg_record_writer *w);

/* SOP common, patient, study, series and equipment, with new UIDs. `description` is the series'. */
hg_status hg_record_put_modules(hg_record_writer *w, const char *sop_class, const char *modality,
                                const char *description, hg_error *err) HG_MUST_CHECK;

/* A code of a coding scheme into a new item of the sequence `tag`. */
void hg_record_put_code(hg_record_writer *w, uint32_t tag, const char *value, const char *scheme,
                        const char *meaning);

/* True when the source can be referred to: a DICOM file with its identifiers, the only one that the
 * picture was made from. */
bool hg_record_can_refer(const hg_record_source *source);

/* Class, instance and frame of a source, into the open item. */
hg_status hg_record_put_reference(hg_record_writer *w, const hg_record_source *source,
                                  hg_error *err) HG_MUST_CHECK;

/* A UID of a source under `tag`, replaced when the file is de-identified. */
hg_status hg_record_put_uid(hg_record_writer *w, uint32_t tag, const char *uid, hg_error *err) HG_MUST_CHECK;

/* Appends the file to `out`. */
hg_status hg_record_writer_finish(hg_record_writer *w, hg_buffer *out, hg_error *err) HG_MUST_CHECK;

/* Encodes into `out` what the public functions write to a path. */
hg_status hg_record_encode_image(hg_buffer *out, const hg_image *image, const hg_record_options *options,
                                 hg_error *err) HG_MUST_CHECK;
hg_status hg_record_encode_answer(hg_buffer *out, const hg_record_answer *answer,
                                  const hg_record_options *options, hg_error *err) HG_MUST_CHECK;

#endif
