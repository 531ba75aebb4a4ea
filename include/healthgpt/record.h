/* SPDX-License-Identifier: Apache-2.0
 *
 * record.h: results as DICOM files: pictures (Secondary Capture) and answers (Basic Text SR), in the study of
 * the image that they were made from.
 */
#ifndef HEALTHGPT_RECORD_H
#define HEALTHGPT_RECORD_H

#include <healthgpt/image.h>
#include <healthgpt/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What an image file says of its patient, its study and itself, as far as files made from it repeat it. It
 * identifies a patient: nothing here prints or logs it. */
typedef struct hg_record hg_record;

/* Reads the file that `image` was opened from, in a confined child process. One that is not DICOM gives a
 * record without patient or study. HG_STATUS_INPUT when the file is missing or damaged. */
HG_API hg_status hg_record_open(hg_record **record, const char *path, const hg_image *image,
                                hg_error *err) HG_MUST_CHECK;

/* NULL is allowed. */
HG_API void hg_record_close(hg_record *record);

/* Whether a name or a date may be drawn into the picture itself, where no header tells. */
typedef enum hg_record_text {
    HG_RECORD_TEXT_NO,      /* the file says that there is none */
    HG_RECORD_TEXT_UNKNOWN, /* the file does not say */
    HG_RECORD_TEXT_LIKELY   /* it says so, or is of a kind that often has some: US, SC, XC, OT, ES */
} hg_record_text;

HG_API hg_record_text hg_record_get_text(const hg_record *record);

/* Keywords of attributes that break the standard's rules and are left out, separated by ", "; "" when there
 * are none. Borrowed from the record. */
HG_API const char *hg_record_left_out(const hg_record *record);

/* An image that a result was made from. */
typedef struct hg_record_source {
    const hg_record *record;
    int frame; /* of a multi-frame file, from 0 */
} hg_record_source;

#define HG_DEID_KEY_BYTES 32

typedef struct hg_record_options {
    const hg_record_source *sources; /* may be NULL; patient and study are those of the first DICOM file */
    size_t n_sources;
    const char *model_name;    /* NULL: none took part */
    const char *model_version; /* may be NULL */
    const char *description;   /* what was done, in ASCII, of at most 700 characters; may be NULL */
    const char *comment;       /* for ImageComments, after the mark of a synthetic picture; may be NULL */
    bool no_burn_in;           /* do not write the mark into the pixels of a synthetic picture */
    bool deidentify;           /* by the basic profile of PS3.15 annex E; see docs/images.md */
    const uint8_t *deid_key;   /* HG_DEID_KEY_BYTES secret bytes: the same key gives the same new UIDs for the
                                  same   old ones; NULL: new ones in each call */
} hg_record_options;

/* HG_STATUS_USAGE when the options' sources are of several patients: to be asked before the work. */
HG_API hg_status hg_record_check(const hg_record_options *options, hg_error *err) HG_MUST_CHECK;

/* The mark in the pixels of a synthetic picture. */
#define HG_RECORD_MARK "SYNTHETIC - NOT FOR DIAGNOSIS"

/* Writes the image as a Secondary Capture, whole or not at all: 8 or 16 bits of grey, 8 of RGB (alpha is
 * dropped), uncompressed. SOP instance and series are new. `options` may be NULL. HG_STATUS_USAGE when
 * sources are of several patients, or the picture is too small for the mark; HG_STATUS_FAILED when it cannot
 * be written. */
HG_API hg_status hg_record_save_image(const hg_image *image, const char *path,
                                      const hg_record_options *options, hg_error *err) HG_MUST_CHECK;

/* A question and its answer, in UTF-8. */
typedef struct hg_record_answer {
    const char *question;
    const char *answer;
    bool complete; /* false: the answer was cut */
} hg_record_answer;

/* Writes a question and its answer as a Basic Text SR document, unverified, that refers to the sources. The
 * errors are those of hg_record_save_image; HG_STATUS_FAILED also when the source's character set cannot be
 * turned into UTF-8. */
HG_API hg_status hg_record_save_answer(const hg_record_answer *answer, const char *path,
                                       const hg_record_options *options, hg_error *err) HG_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
