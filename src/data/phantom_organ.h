/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_organ.h: the organs whose presence in a picture is known.
 */
#ifndef HG_DATA_PHANTOM_ORGAN_H
#define HG_DATA_PHANTOM_ORGAN_H

typedef enum hg_phantom_organ {
    HG_ORGAN_NONE,
    HG_ORGAN_VENTRICLES,
    HG_ORGAN_EYES,
    HG_ORGAN_CEREBELLUM,
    HG_ORGAN_BRAINSTEM,
    HG_ORGAN_CEREBRUM,
    HG_ORGAN_SINUSES,
    HG_ORGAN_SKULL,
    HG_ORGAN_LUNGS,
    HG_ORGAN_HEART,
    HG_ORGAN_AORTA,
    HG_ORGAN_TRACHEA,
    HG_ORGAN_RIBS,
    HG_ORGAN_SPINE,
    HG_ORGAN_LIVER,
    HG_ORGAN_SPLEEN,
    HG_ORGAN_KIDNEYS,
    HG_ORGAN_STOMACH,
    HG_ORGAN_GALLBLADDER,
    HG_ORGAN_PANCREAS,
    HG_ORGAN_BOWEL,
    HG_ORGAN_BLADDER,
    HG_ORGAN_FEMORAL_HEADS,
    HG_ORGAN_PELVIC_BONES,
    HG_ORGAN_RECTUM,
    HG_ORGAN_PROSTATE,
    HG_ORGAN_UTERUS,
    HG_ORGAN_COUNT
} hg_phantom_organ;

typedef struct hg_organ_words {
    const char *name; /* "eyes"; behind "the " */
    const char *verb; /* "are" or "is" */
    float seen_mm2;   /* area from which on it counts as visible */
} hg_organ_words;

const hg_organ_words *hg_organ_words_get(hg_phantom_organ organ);

#endif
