/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_ultrasound.c: a fan of rays on a polar grid. The sum of many scatterers is a complex normal number
 * times the tissue's echo; blurred by the pulse and the beam, its magnitude is speckle.
 */
#include "data/phantom_projection.h"

#include "base/memory.h"
#include "data/phantom_organ.h"
#include "data/phantom_trunk.h"

#define FAN_RAYS 160
#define FAN_DEPTHS 224
#define FAN_RADIUS 45.0f /* of the probe's curve, mm */
#define FAN_DEPTH 165.0f
#define FAN_ANGLE 0.58f /* half of the opening, radians */
#define FAN_RANGE 3.6f  /* of the display, natural logarithm of amplitude (31 dB) */

typedef struct fan {
    float re[FAN_RAYS][FAN_DEPTHS], im[FAN_RAYS][FAN_DEPTHS];
    float shown[FAN_RAYS][FAN_DEPTHS];
} fan;

/* How strongly tissue scatters back, and how much it weakens the beam per mm. */
static void echo_of(hg_tissue tissue, float *echo, float *loss)
{
    *echo = 0.34f;
    *loss = 0.010f;
    switch (tissue) {
    case HG_TISSUE_CSF:
    case HG_TISSUE_BILE:
    case HG_TISSUE_EFFUSION:
    case HG_TISSUE_BLOOD:
        *echo = 0.012f;
        *loss = 0.001f;
        break;
    case HG_TISSUE_KIDNEY:
    case HG_TISSUE_TUMOUR:
        *echo = 0.19f;
        break;
    case HG_TISSUE_NECROSIS:
        *echo = 0.10f;
        break;
    case HG_TISSUE_FAT:
    case HG_TISSUE_PANCREAS:
        *echo = 0.50f;
        break;
    case HG_TISSUE_SKIN:
        *echo = 0.75f;
        break;
    case HG_TISSUE_AIR:
    case HG_TISSUE_LUNG:
        *echo = 1.0f;
        *loss = 0.12f;
        break;
    case HG_TISSUE_BONE:
    case HG_TISSUE_STONE:
    case HG_TISSUE_CALCIUM:
        *echo = 2.0f;
        *loss = 0.30f;
        break;
    default:
        break;
    }
}

/* The scattered field of one ray, before blurring. */
static float cast(fan *f, int ray, const hg_phantom_patient *patient, hg_vec3 skin, uint64_t key,
                  float organ_mm2[])
{
    float angle = FAN_ANGLE * (2.0f * ((float)ray + 0.5f) / (float)FAN_RAYS - 1.0f);
    float sine = hg_phantom_sin(angle), cosine = hg_phantom_cos(angle), gain = 1, lesion = 0;
    const float step = FAN_DEPTH / (float)FAN_DEPTHS;
    int before = HG_TISSUE_SKIN;
    for (int d = 0; d < FAN_DEPTHS; d++) {
        float r = FAN_RADIUS + ((float)d + 0.5f) * step, echo, loss;
        hg_vec3 p = {skin.x, skin.y - FAN_RADIUS + r * cosine, skin.z - r * sine};
        hg_phantom_spot spot = hg_phantom_at(patient, p);
        if (spot.organ == HG_ORGAN_RIBS || spot.tissue == HG_TISSUE_DISC)
            spot.tissue = HG_TISSUE_MUSCLE; /* looked between */
        echo_of((hg_tissue)spot.tissue, &echo, &loss);
        if (spot.tissue != before && d > 0)
            echo += 0.35f;
        before = spot.tissue;
        float area = step * r * 2.0f * FAN_ANGLE / (float)FAN_RAYS;
        if (gain > 0.2f) {
            organ_mm2[spot.organ] += area;
            lesion += spot.lesion ? area : 0;
        }
        uint64_t h = hg_phantom_hash(key, (uint64_t)(ray * FAN_DEPTHS + d));
        f->re[ray][d] = gain * echo * hg_phantom_normal(h);
        f->im[ray][d] = gain * echo * hg_phantom_normal(hg_phantom_hash(h, 1));
        /* The scanner's gain makes up for a loss of 0.01 per mm. */
        gain = hg_phantom_clamp(gain * (1.0f + step * (0.010f - loss)), 0.004f, 1.6f);
    }
    return lesion;
}

/* Blurs along the ray (the pulse) and across (the beam). */
static void blur(float in[FAN_RAYS][FAN_DEPTHS], float line[FAN_RAYS])
{
    for (int ray = 0; ray < FAN_RAYS; ray++) {
        float left = in[ray][0];
        for (int d = 1; d + 1 < FAN_DEPTHS; d++) {
            float own = in[ray][d];
            in[ray][d] = 0.5f * own + 0.35f * (left + in[ray][d + 1]);
            left = own;
        }
    }
    for (int d = 0; d < FAN_DEPTHS; d++) {
        for (int ray = 0; ray < FAN_RAYS; ray++)
            line[ray] = in[ray][d];
        for (int ray = 2; ray + 2 < FAN_RAYS; ray++)
            in[ray][d] = 0.45f * line[ray] + 0.38f * (line[ray - 1] + line[ray + 1]) +
                         0.2f * (line[ray - 2] + line[ray + 2]);
    }
}

static void compress(fan *f)
{
    for (int ray = 0; ray < FAN_RAYS; ray++) {
        for (int d = 0; d < FAN_DEPTHS; d++) {
            float re = f->re[ray][d], im = f->im[ray][d];
            float amplitude = sqrtf(re * re + im * im);
            float level = amplitude < 1e-4f ? -9.0f : (float)hg_phantom_log((double)amplitude);
            f->shown[ray][d] = hg_phantom_clamp((level - 0.4f + FAN_RANGE) / FAN_RANGE, 0, 1);
        }
    }
}

/* atan(x) for |x| < 1 by its rational approximation; error below 3e-4. */
static float arc(float x)
{
    return x / (1.0f + 0.28f * x * x);
}

/* Polar grid to picture, by blending four neighbours. */
static void convert(float *out, int size, const fan *f)
{
    float mm = (FAN_DEPTH + 8.0f) / (float)size;
    for (int i = 0; i < size * size; i++) {
        float x = ((float)(i % size) + 0.5f - 0.5f * (float)size) * mm;
        float y = ((float)(i / size) + 0.5f) * mm + FAN_RADIUS - 4.0f;
        float r = sqrtf(x * x + y * y);
        float ray = (arc(x / y) / FAN_ANGLE + 1.0f) * 0.5f * (float)FAN_RAYS - 0.5f;
        float d = (r - FAN_RADIUS) * (float)FAN_DEPTHS / FAN_DEPTH - 0.5f;
        out[i] = 0;
        if (ray < 0 || d < 0 || ray >= (float)(FAN_RAYS - 1) || d >= (float)(FAN_DEPTHS - 1))
            continue;
        int a = (int)ray, b = (int)d;
        float u = ray - (float)a, v = d - (float)b;
        out[i] = (1 - u) * ((1 - v) * f->shown[a][b] + v * f->shown[a][b + 1]) +
                 u * ((1 - v) * f->shown[a + 1][b] + v * f->shown[a + 1][b + 1]);
    }
}

hg_status hg_phantom_ultrasound(float *out, int size, const hg_phantom_patient *patient, float x, float z,
                                uint64_t key, float organ_mm2[], float *lesion_mm2, hg_error *err)
{
    float a, b, line[FAN_RAYS];
    fan *f = hg_mem_alloc(sizeof *f);
    if (f == NULL)
        return hg_error_memory(err, sizeof *f, "an ultrasound picture");
    *lesion_mm2 = 0;
    hg_trunk_section(z / patient->build.scale + HG_TRUNK_ABDOMEN_Z, &a, &b);
    float level = x / (a * patient->build.scale * patient->build.wide);
    float y = -(b * sqrtf(fmaxf(1.0f - level * level, 0.1f)) + patient->build.fat) * patient->build.scale;
    for (int ray = 0; ray < FAN_RAYS; ray++)
        *lesion_mm2 += cast(f, ray, patient, (hg_vec3){x, y, z}, key, organ_mm2);
    blur(f->re, line);
    blur(f->im, line);
    compress(f);
    convert(out, size, f);
    hg_mem_free(f);
    return HG_STATUS_OK;
}
