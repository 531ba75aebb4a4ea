/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_body.h: a synthetic patient: one part of a body as a function from a point to a tissue.
 *
 * Points are in mm in the patient's frame as in DICOM: x to the patient's left, y to the back, z to the head.
 * The origin is the middle of the part. All numbers of a patient follow from the seed and its index.
 */
#ifndef HG_DATA_PHANTOM_BODY_H
#define HG_DATA_PHANTOM_BODY_H

#include "data/phantom_field.h"
#include "data/phantom_lesion.h"
#include "data/phantom_shape.h"
#include "data/phantom_tissue.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum hg_phantom_part {
    HG_PHANTOM_HEAD,
    HG_PHANTOM_CHEST,
    HG_PHANTOM_ABDOMEN,
    HG_PHANTOM_PELVIS,
    HG_PHANTOM_BLOOD, /* a smear: no slices */
    HG_PHANTOM_BLANK, /* no patient at all: pictures that show nothing */
    HG_PHANTOM_PART_COUNT
} hg_phantom_part;

/* How this patient differs from others. */
typedef struct hg_phantom_build {
    float scale;              /* of everything; 1 is usual */
    float wide;               /* of x against y */
    float atrophy;            /* 0..1: with age the brain shrinks and its spaces widen */
    float ventricle;          /* size of the brain's ventricles; 1 is usual */
    float fat;                /* thickness of the fat under the skin, mm (trunk) */
    float tilt_sin, tilt_cos; /* turn about z */
    float rock_sin, rock_cos; /* and about y */
    float organ[8];           /* free per part: sizes of organs, 0.85..1.15 */
    bool female;
} hg_phantom_build;

typedef struct hg_phantom_patient {
    uint64_t seed; /* of this patient */
    int index;
    hg_phantom_part part;
    hg_phantom_build build;
    hg_phantom_lesion lesion;
    hg_phantom_field field;
    float signals[HG_TISSUE_COUNT][HG_CONTRAST_COUNT];
} hg_phantom_patient;

/* What lies at a point. */
typedef struct hg_phantom_spot {
    uint8_t tissue; /* hg_tissue */
    uint8_t organ;  /* hg_phantom_organ */
    bool lesion;    /* of the patient's lesion */
} hg_phantom_spot;

/* A part of the body. */
typedef struct hg_phantom_body {
    const char *name;  /* "head" */
    float field_mm;    /* side of its pictures */
    hg_vec3 low, high; /* where slices are taken, along each axis */
    float thick_mm;    /* of a slice */
    float t2_gain;     /* of the display of T2: outside the head little is as bright as its fluid */
    hg_phantom_spot (*at)(const hg_phantom_patient *patient, hg_vec3 p); /* NULL: nothing to slice */
    /* Kinds of lesions that this part may have, ended by HG_LESION_NONE; NULL: none. */
    const hg_lesion_kind *kinds;
    /* Chooses place and size of the lesion, whose kind is set. */
    void (*place)(hg_phantom_patient *patient, hg_rng *rng);
} hg_phantom_body;

const hg_phantom_body *hg_phantom_body_get(hg_phantom_part part);

/* False for an unknown name. */
bool hg_phantom_part_find(const char *name, size_t n, hg_phantom_part *out);

/* Patient number `index` of the set `seed`. With probability `ill` it has a lesion. */
void hg_phantom_patient_make(hg_phantom_patient *patient, uint64_t seed, int index, hg_phantom_part part,
                             float ill);

/* The same patient without the lesion. */
hg_phantom_patient hg_phantom_patient_healthy(const hg_phantom_patient *patient);

/* The tissue at a point of the scanner's frame: turns and scales it into the body's own. */
hg_phantom_spot hg_phantom_at(const hg_phantom_patient *patient, hg_vec3 p);

/* The point of the scanner's frame where the body's point p lies. */
hg_vec3 hg_phantom_to_scanner(const hg_phantom_patient *patient, hg_vec3 p);

/* Parts; each in its own file. */
extern const hg_phantom_body hg_phantom_head;
extern const hg_phantom_body hg_phantom_chest;
extern const hg_phantom_body hg_phantom_abdomen;
extern const hg_phantom_body hg_phantom_pelvis;
extern const hg_phantom_body hg_phantom_smear;
extern const hg_phantom_body hg_phantom_nothing;

#endif
