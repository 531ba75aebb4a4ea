/* SPDX-License-Identifier: Apache-2.0
 *
 * record_table.h: the attributes that files made from a DICOM file may repeat, and what becomes of each when
 * the result is de-identified. Nothing that is not in this table, private attributes among it, leaves a
 * source.
 */
#ifndef HG_IMAGE_RECORD_TABLE_H
#define HG_IMAGE_RECORD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where an attribute belongs in the result. */
typedef enum hg_record_place {
    HG_RECORD_PLACE_PATIENT,
    HG_RECORD_PLACE_STUDY,
    HG_RECORD_PLACE_SERIES,
    HG_RECORD_PLACE_EQUIPMENT, /* the source's device: an item of ContributingEquipmentSequence */
    HG_RECORD_PLACE_REFERENCE  /* of the source itself: for references, and for what a result inherits */
} hg_record_place;

/* Actions of PS3.15, table E.1-1, basic profile. Where the table leaves a choice, the stricter one that the
 * result's IOD allows. */
typedef enum hg_deid_action {
    HG_DEID_ACTION_KEEP,   /* not in the table */
    HG_DEID_ACTION_REMOVE, /* X */
    HG_DEID_ACTION_EMPTY,  /* Z: an empty value */
    HG_DEID_ACTION_UID     /* U: another UID, the same for the same one */
} hg_deid_action;

typedef struct hg_record_attribute {
    uint32_t tag;
    const char *name; /* keyword of PS3.6 */
    char vr[3];
    hg_record_place place;
    hg_deid_action deid;
    bool required; /* type 2 there: written without a value when there is none */
    bool many;     /* may have several values */
} hg_record_attribute;

/* Indices of the attributes that code asks for by name. The order is that of the table. */
typedef enum hg_record_id {
    HG_RECORD_PATIENT_NAME,
    HG_RECORD_PATIENT_ID,
    HG_RECORD_STUDY_UID,
    HG_RECORD_SOP_CLASS,
    HG_RECORD_SOP_UID,
    HG_RECORD_SERIES_UID,
    HG_RECORD_MODALITY,
    HG_RECORD_FRAMES,
    HG_RECORD_BURNED_IN,
    HG_RECORD_LOSSY,
    HG_RECORD_LOSSY_RATIO,
    HG_RECORD_LOSSY_METHOD,
    HG_RECORD_BODY_PART,
    HG_RECORD_LATERALITY,
    HG_RECORD_MANUFACTURER,
    HG_RECORD_NAMED /* the others follow */
} hg_record_id;

#define HG_RECORD_COUNT 46

extern const hg_record_attribute hg_record_table[HG_RECORD_COUNT];

#endif
