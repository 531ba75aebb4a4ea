/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_tissue.c: the table of tissues. Relaxation times are near those of 1.5 T: fat short T1, water long
 * T1 and T2, compact bone almost no protons that can be seen. Values are rounded; what matters is their
 * order.
 */
#include "data/phantom_tissue.h"

#include "data/phantom_random.h"

/* Proton density relative to water, T1 and T2 in ms, Hounsfield units. */
static const struct tissue_row {
    float pd, t1, t2, hu;
} tissues[HG_TISSUE_COUNT] = {
    [HG_TISSUE_AIR] = {0.0f, 1000, 10, -1000},         [HG_TISSUE_SKIN] = {0.70f, 700, 40, 45},
    [HG_TISSUE_FAT] = {0.90f, 270, 85, -95},           [HG_TISSUE_MUSCLE] = {0.80f, 950, 45, 55},
    [HG_TISSUE_BONE] = {0.08f, 500, 4, 1150},          [HG_TISSUE_MARROW] = {0.62f, 380, 65, 280},
    [HG_TISSUE_CSF] = {1.0f, 4000, 1500, 5},           [HG_TISSUE_GREY] = {0.82f, 1050, 98, 39},
    [HG_TISSUE_WHITE] = {0.73f, 600, 76, 29},          [HG_TISSUE_DEEP_GREY] = {0.80f, 880, 84, 40},
    [HG_TISSUE_DURA] = {0.35f, 800, 30, 62},           [HG_TISSUE_LENS] = {0.50f, 700, 30, 70},
    [HG_TISSUE_BLOOD] = {0.35f, 1300, 60, 44}, /* flowing: little signal */
    [HG_TISSUE_LUNG] = {0.12f, 900, 30, -840},         [HG_TISSUE_LIVER] = {0.78f, 560, 46, 60},
    [HG_TISSUE_SPLEEN] = {0.85f, 1050, 75, 50},        [HG_TISSUE_KIDNEY] = {0.84f, 900, 82, 35},
    [HG_TISSUE_PANCREAS] = {0.78f, 620, 60, 42},       [HG_TISSUE_BOWEL] = {0.80f, 1000, 75, 35},
    [HG_TISSUE_PROSTATE] = {0.82f, 1100, 88, 42},      [HG_TISSUE_MYOCARDIUM] = {0.80f, 950, 52, 48},
    [HG_TISSUE_DISC] = {0.78f, 900, 90, 80},           [HG_TISSUE_CALCIUM] = {0.15f, 600, 12, 380},
    [HG_TISSUE_BILE] = {1.0f, 2600, 900, 8},           [HG_TISSUE_TUMOUR] = {0.88f, 1350, 135, 43},
    [HG_TISSUE_NECROSIS] = {0.96f, 2300, 350, 18},     [HG_TISSUE_OEDEMA] = {0.90f, 1500, 170, 17},
    [HG_TISSUE_HAEMATOMA] = {0.75f, 520, 42, 70},      [HG_TISSUE_INFARCT] = {0.92f, 1600, 190, 18},
    [HG_TISSUE_MENINGIOMA] = {0.80f, 900, 92, 58},     [HG_TISSUE_EFFUSION] = {0.98f, 2400, 600, 14},
    [HG_TISSUE_CONSOLIDATION] = {0.80f, 1200, 90, 35}, [HG_TISSUE_STONE] = {0.02f, 500, 5, 800},
    [HG_TISSUE_METAL] = {0.0f, 500, 5, 2500},
};

/* Repetition and echo time in ms, and the signal that becomes 1. */
static const struct contrast_row {
    const char *name;
    double tr, te, full;
} contrasts[HG_CONTRAST_COUNT] = {
    [HG_CONTRAST_CT] = {"ct", 0, 0, 0},
    [HG_CONTRAST_T1] = {"t1", 450, 12, 0.58},
    [HG_CONTRAST_T2] = {"t2", 4000, 100, 0.62},
    [HG_CONTRAST_PD] = {"pd", 2600, 22, 0.80},
};

const char *hg_contrast_name(hg_contrast contrast)
{
    return contrasts[contrast].name;
}

void hg_contrast_times(hg_contrast contrast, float *tr, float *te)
{
    *tr = (float)contrasts[contrast].tr;
    *te = (float)contrasts[contrast].te;
}

float hg_tissue_hounsfield(hg_tissue tissue)
{
    return tissues[tissue].hu;
}

/* 1 with a few percent more or less. */
static double vary(uint64_t seed, uint64_t what, double part)
{
    return seed == 0 ? 1.0 : 1.0 + part * (double)hg_phantom_normal(hg_phantom_hash(seed, what));
}

static double spin_echo(const struct tissue_row *row, const struct contrast_row *c, uint64_t seed, uint64_t i)
{
    double pd = row->pd * vary(seed, 4 * i, 0.015), t1 = row->t1 * vary(seed, 4 * i + 1, 0.03),
           t2 = row->t2 * vary(seed, 4 * i + 2, 0.03);
    return pd * (1.0 - hg_phantom_exp(-c->tr / t1)) * hg_phantom_exp(-c->te / t2) / c->full;
}

void hg_tissue_signals(float signals[HG_TISSUE_COUNT][HG_CONTRAST_COUNT], uint64_t seed)
{
    for (uint64_t i = 0; i < HG_TISSUE_COUNT; i++) {
        const struct tissue_row *row = &tissues[i];
        double shift = seed == 0 ? 0 : 0.8 * (double)hg_phantom_normal(hg_phantom_hash(seed, 4 * i + 3));
        signals[i][HG_CONTRAST_CT] = i == HG_TISSUE_AIR ? row->hu : row->hu + (float)shift;
        for (int c = HG_CONTRAST_T1; c < HG_CONTRAST_COUNT; c++)
            signals[i][c] = (float)spin_echo(row, &contrasts[c], seed, i);
    }
}
