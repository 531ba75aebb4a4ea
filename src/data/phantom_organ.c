/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_organ.c: the words.
 */
#include "data/phantom_organ.h"

static const hg_organ_words words[HG_ORGAN_COUNT] = {
    [HG_ORGAN_NONE] = {"", "", 1e9f},
    [HG_ORGAN_VENTRICLES] = {"lateral ventricles", "are", 120},
    [HG_ORGAN_EYES] = {"eyes", "are", 250},
    [HG_ORGAN_CEREBELLUM] = {"cerebellum", "is", 500},
    [HG_ORGAN_BRAINSTEM] = {"brainstem", "is", 200},
    [HG_ORGAN_CEREBRUM] = {"cerebrum", "is", 800},
    [HG_ORGAN_SINUSES] = {"paranasal sinuses", "are", 250},
    [HG_ORGAN_SKULL] = {"skull", "is", 600},
    [HG_ORGAN_LUNGS] = {"lungs", "are", 3000},
    [HG_ORGAN_HEART] = {"heart", "is", 2000},
    [HG_ORGAN_AORTA] = {"aorta", "is", 200},
    [HG_ORGAN_TRACHEA] = {"trachea", "is", 80},
    [HG_ORGAN_RIBS] = {"ribs", "are", 250},
    [HG_ORGAN_SPINE] = {"spine", "is", 400},
    [HG_ORGAN_LIVER] = {"liver", "is", 1500},
    [HG_ORGAN_SPLEEN] = {"spleen", "is", 500},
    [HG_ORGAN_KIDNEYS] = {"kidneys", "are", 600},
    [HG_ORGAN_STOMACH] = {"stomach", "is", 500},
    [HG_ORGAN_GALLBLADDER] = {"gallbladder", "is", 150},
    [HG_ORGAN_PANCREAS] = {"pancreas", "is", 200},
    [HG_ORGAN_BOWEL] = {"bowel", "is", 800},
    [HG_ORGAN_BLADDER] = {"bladder", "is", 400},
    [HG_ORGAN_FEMORAL_HEADS] = {"femoral heads", "are", 500},
    [HG_ORGAN_PELVIC_BONES] = {"pelvic bones", "are", 600},
    [HG_ORGAN_RECTUM] = {"rectum", "is", 200},
    [HG_ORGAN_PROSTATE] = {"prostate", "is", 200},
    [HG_ORGAN_UTERUS] = {"uterus", "is", 300},
};

const hg_organ_words *hg_organ_words_get(hg_phantom_organ organ)
{
    return &words[organ];
}
