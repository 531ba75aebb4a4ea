/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_lesion.c: names of lesions, their uneven surfaces, and how they displace what is around them.
 */
#include "data/phantom_lesion.h"

#include <stddef.h>

static const hg_lesion_words words[HG_LESION_COUNT] = {
    [HG_LESION_NONE] = {"none", "", "lesion", false, 1, {NULL}},
    [HG_LESION_TUMOUR] = {"tumour", "a ", "tumour", false, 60, {"dark", "dark", "bright", "bright"}},
    [HG_LESION_HAEMORRHAGE] =
        {"haemorrhage", "a ", "haemorrhage", false, 60, {"bright", "bright", "dark", NULL}},
    [HG_LESION_SUBDURAL] =
        {"subdural-haematoma", "a ", "subdural haematoma", false, 100, {"bright", "bright", "dark", NULL}},
    [HG_LESION_INFARCT] = {"infarct", "an ", "infarct", false, 120, {"dark", "dark", "bright", "bright"}},
    [HG_LESION_CYST] = {"cyst", "a ", "cyst", false, 60, {"dark", "dark", "bright", "bright"}},
    [HG_LESION_MENINGIOMA] = {"meningioma", "a ", "meningioma", false, 80, {"bright", NULL, NULL, NULL}},
    [HG_LESION_SKULL_FRACTURE] =
        {"skull-fracture", "a ", "skull fracture", true, 12, {"dark", NULL, NULL, NULL}},
    [HG_LESION_NODULE] = {"nodule", "a ", "lung nodule", false, 40, {"bright", NULL, NULL, NULL}},
    [HG_LESION_EFFUSION] =
        {"effusion", "a ", "pleural effusion", false, 150, {"bright", "dark", "bright", "bright"}},
    [HG_LESION_PNEUMOTHORAX] = {"pneumothorax", "a ", "pneumothorax", true, 200, {"dark", NULL, NULL, NULL}},
    [HG_LESION_PNEUMONIA] = {"pneumonia", "", "pneumonia", false, 200, {"bright", NULL, "bright", NULL}},
    [HG_LESION_CARDIOMEGALY] = {"cardiomegaly", "", "cardiomegaly", false, 3000, {NULL}},
    [HG_LESION_LIVER_CYST] =
        {"liver-cyst", "a ", "liver cyst", false, 50, {"dark", "dark", "bright", "bright"}},
    [HG_LESION_LIVER_TUMOUR] =
        {"liver-tumour", "a ", "liver tumour", false, 60, {"dark", "dark", "bright", NULL}},
    [HG_LESION_KIDNEY_CYST] =
        {"kidney-cyst", "a ", "kidney cyst", false, 50, {"dark", "dark", "bright", "bright"}},
    [HG_LESION_KIDNEY_STONE] = {"kidney-stone", "a ", "kidney stone", true, 10, {"bright", NULL, NULL, NULL}},
    [HG_LESION_GALLSTONE] = {"gallstone", "a ", "gallstone", true, 10, {"bright", NULL, NULL, NULL}},
    [HG_LESION_ASCITES] = {"ascites", "", "ascites", false, 400, {"dark", "dark", "bright", "bright"}},
    [HG_LESION_ANEURYSM] = {"aneurysm", "an ", "aortic aneurysm", false, 500, {NULL}},
    [HG_LESION_BLADDER_STONE] =
        {"bladder-stone", "a ", "bladder stone", false, 15, {"bright", "dark", "dark", "dark"}},
    [HG_LESION_BLADDER_TUMOUR] =
        {"bladder-tumour", "a ", "bladder tumour", false, 60, {"bright", "bright", "dark", "dark"}},
    [HG_LESION_HIP_FRACTURE] = {"hip-fracture", "a ", "hip fracture", true, 15, {"dark", NULL, NULL, NULL}},
    [HG_LESION_OVARIAN_CYST] =
        {"ovarian-cyst", "an ", "ovarian cyst", false, 60, {"dark", "dark", "bright", "bright"}},
    [HG_LESION_BONE_METASTASIS] =
        {"bone-metastasis", "a ", "bone metastasis", false, 60, {"dark", "dark", "bright", NULL}},
};

const hg_lesion_words *hg_lesion_words_get(hg_lesion_kind kind)
{
    return &words[kind];
}

const char *hg_lesion_side(float x, float middle)
{
    if (fabsf(x) < middle)
        return "midline";
    return x > 0 ? "left" : "right";
}

float hg_lesion_level(const hg_phantom_lesion *lesion, hg_vec3 p, float rough)
{
    return hg_shape_level(hg_vec3_sub(p, lesion->centre), lesion->radius) * (1.0f + 0.22f * rough);
}

/* Along each ray, the tissue that was within `push` of the radius is moved out; the shift fades with the
 * distance so that it ends before the skull does. */
hg_vec3 hg_lesion_unpush(const hg_phantom_lesion *lesion, hg_vec3 p)
{
    hg_vec3 d = hg_vec3_sub(p, lesion->centre);
    float level = hg_shape_level(d, lesion->radius);
    if (lesion->push <= 0 || level > 4.0f)
        return p;
    float far = 1.0f - hg_phantom_step(level, 1.0f, 4.0f);
    float q = lesion->push * far / fmaxf(level * level, 1.0f);
    float s = sqrtf(1.0f - q);
    return (hg_vec3){lesion->centre.x + s * d.x, lesion->centre.y + s * d.y, lesion->centre.z + s * d.z};
}
