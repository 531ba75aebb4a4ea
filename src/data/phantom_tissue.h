/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_tissue.h: what the phantoms are made of, and how bright each tissue is in CT and in spin-echo MRI.
 */
#ifndef HG_DATA_PHANTOM_TISSUE_H
#define HG_DATA_PHANTOM_TISSUE_H

#include <stdint.h>

typedef enum hg_tissue {
    HG_TISSUE_AIR,
    HG_TISSUE_SKIN,
    HG_TISSUE_FAT,
    HG_TISSUE_MUSCLE,
    HG_TISSUE_BONE,   /* compact */
    HG_TISSUE_MARROW, /* spongy bone with fatty marrow */
    HG_TISSUE_CSF,    /* and other clear water: cysts, urine, vitreous body */
    HG_TISSUE_GREY,
    HG_TISSUE_WHITE,
    HG_TISSUE_DEEP_GREY, /* nuclei: more iron than the cortex */
    HG_TISSUE_DURA,
    HG_TISSUE_LENS,
    HG_TISSUE_BLOOD,
    HG_TISSUE_LUNG,
    HG_TISSUE_LIVER,
    HG_TISSUE_SPLEEN,
    HG_TISSUE_KIDNEY,
    HG_TISSUE_PANCREAS,
    HG_TISSUE_BOWEL, /* wall and content */
    HG_TISSUE_PROSTATE,
    HG_TISSUE_MYOCARDIUM,
    HG_TISSUE_DISC,
    HG_TISSUE_CALCIUM,
    HG_TISSUE_BILE,
    /* of lesions */
    HG_TISSUE_TUMOUR,
    HG_TISSUE_NECROSIS,
    HG_TISSUE_OEDEMA,
    HG_TISSUE_HAEMATOMA,
    HG_TISSUE_INFARCT,
    HG_TISSUE_MENINGIOMA,
    HG_TISSUE_EFFUSION, /* fluid rich in protein */
    HG_TISSUE_CONSOLIDATION,
    HG_TISSUE_STONE,
    HG_TISSUE_METAL,
    HG_TISSUE_COUNT
} hg_tissue;

/* The contrasts of a slice. */
typedef enum hg_contrast {
    HG_CONTRAST_CT,
    HG_CONTRAST_T1,
    HG_CONTRAST_T2,
    HG_CONTRAST_PD,
    HG_CONTRAST_COUNT
} hg_contrast;

/* "ct", "t1", "t2", "pd". */
const char *hg_contrast_name(hg_contrast contrast);

/* Repetition and echo time in ms; 0 for CT. */
void hg_contrast_times(hg_contrast contrast, float *tr, float *te);

/* What each tissue gives in each contrast: Hounsfield units, and signals of a spin echo,
 * S = PD (1 - exp(-TR / T1)) exp(-TE / T2), divided by what the contrast's brightest usual tissue gives.
 * `seed` varies every tissue by some percent, as patients and scanners do; 0 does not. */
void hg_tissue_signals(float signals[HG_TISSUE_COUNT][HG_CONTRAST_COUNT], uint64_t seed);

/* Hounsfield units of the tissue, as tabulated. */
float hg_tissue_hounsfield(hg_tissue tissue);

#endif
