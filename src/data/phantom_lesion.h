/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_lesion.h: what can be wrong with a phantom, and the words for it.
 */
#ifndef HG_DATA_PHANTOM_LESION_H
#define HG_DATA_PHANTOM_LESION_H

#include "data/phantom_shape.h"

#include <stdbool.h>

typedef enum hg_lesion_kind {
    HG_LESION_NONE,
    /* head */
    HG_LESION_TUMOUR,
    HG_LESION_HAEMORRHAGE,
    HG_LESION_SUBDURAL,
    HG_LESION_INFARCT,
    HG_LESION_CYST,
    HG_LESION_MENINGIOMA,
    HG_LESION_SKULL_FRACTURE,
    /* chest */
    HG_LESION_NODULE,
    HG_LESION_EFFUSION,
    HG_LESION_PNEUMOTHORAX,
    HG_LESION_PNEUMONIA,
    HG_LESION_CARDIOMEGALY,
    /* abdomen */
    HG_LESION_LIVER_CYST,
    HG_LESION_LIVER_TUMOUR,
    HG_LESION_KIDNEY_CYST,
    HG_LESION_KIDNEY_STONE,
    HG_LESION_GALLSTONE,
    HG_LESION_ASCITES,
    HG_LESION_ANEURYSM,
    /* pelvis */
    HG_LESION_BLADDER_STONE,
    HG_LESION_BLADDER_TUMOUR,
    HG_LESION_HIP_FRACTURE,
    HG_LESION_OVARIAN_CYST,
    HG_LESION_BONE_METASTASIS,
    HG_LESION_COUNT
} hg_lesion_kind;

typedef struct hg_phantom_lesion {
    hg_lesion_kind kind;
    hg_vec3 centre;    /* in the body's frame */
    hg_vec3 radius;    /* half axes, mm */
    float push;        /* how much of its volume it takes from its neighbours, 0..1 */
    const char *organ; /* "frontal lobe"; static text */
    const char *side;  /* "left", "right" of the patient, or "midline" */
} hg_phantom_lesion;

/* Nouns for a kind. */
typedef struct hg_lesion_words {
    const char *id;      /* "skull-fracture", for files */
    const char *article; /* "a " or "an " or "" */
    const char *noun;    /* "skull fracture" */
    bool only_ct;        /* hardly to be seen in MRI */
    float seen_mm2;      /* area in a slice from which on it counts as visible */
    const char *look[4]; /* how it appears in CT, T1, T2 and PD: "bright", "dark"; NULL: not said */
} hg_lesion_words;

const hg_lesion_words *hg_lesion_words_get(hg_lesion_kind kind);

/* "left", "right", or "midline" when |x| is below `middle`. */
const char *hg_lesion_side(float x, float middle);

/* About 1 on the lesion's uneven surface, less inside; `rough` is a field's value in -1..1. */
float hg_lesion_level(const hg_phantom_lesion *lesion, hg_vec3 p, float rough);

/* Where the tissue at p was before the lesion grew and pushed it away. */
hg_vec3 hg_lesion_unpush(const hg_phantom_lesion *lesion, hg_vec3 p);

#endif
