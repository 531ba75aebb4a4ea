/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_xray.c: line integrals of attenuation through the chest, in parallel rays.
 */
#include "data/phantom_projection.h"

#include "data/phantom_organ.h"

#define XRAY_STEP 4.0f    /* mm between points of a ray */
#define XRAY_REACH 160.0f /* half of a ray */
#define XRAY_WATER 0.019f /* attenuation of water per mm, near 70 keV */
#define XRAY_LOW 1.35f    /* attenuation that is black, beyond that of the fat */
#define XRAY_HIGH 5.1f    /* and white */
#define XRAY_LESION_MM 8.0f

/* Bone is more opaque than its density says: photons are absorbed by its calcium, too. */
static float attenuation(float hu)
{
    float water = XRAY_WATER * (1.0f + hu / 1000.0f);
    return water + (hu > 150 ? XRAY_WATER * 0.2f * hu / 1000.0f : 0);
}

/* The integral along one ray; *lesion gets the lesion's thickness on it, in mm. */
static float ray(const hg_phantom_patient *patient, float x, float z, float start, float *lesion)
{
    float sum = 0;
    *lesion = 0;
    for (float y = -XRAY_REACH + start; y < XRAY_REACH; y += XRAY_STEP) {
        hg_phantom_spot spot = hg_phantom_at(patient, (hg_vec3){x, y, z});
        if (spot.tissue == HG_TISSUE_AIR && !spot.lesion)
            continue;
        sum += XRAY_STEP * attenuation(patient->signals[spot.tissue][HG_CONTRAST_CT]);
        *lesion += spot.lesion ? XRAY_STEP : 0;
    }
    return sum;
}

float hg_phantom_xray(float *out, int size, const hg_phantom_patient *patient, float noise, uint64_t key)
{
    float pixel = hg_phantom_body_get(patient->part)->field_mm / (float)size, area = 0;
    float low = XRAY_LOW + 1.6f * XRAY_WATER * patient->build.fat, high = low + XRAY_HIGH - XRAY_LOW;
    for (int i = 0; i < size * size; i++) {
        uint64_t h = hg_phantom_hash(key, (uint64_t)i);
        float x = ((float)(i % size) + 0.5f) * pixel - 0.5f * pixel * (float)size;
        float z = 0.5f * pixel * (float)size - ((float)(i / size) + 0.5f) * pixel;
        float lesion;
        float sum = ray(patient, x, z, XRAY_STEP * (float)(h >> 40) / 16777216.0f, &lesion);
        if (lesion >= XRAY_LESION_MM && sum < high)
            area += pixel * pixel;
        float v = (sum - low) / (high - low);
        /* Fewer photons pass where it is dense: more noise. */
        out[i] = v + noise * (0.012f + 0.014f * hg_phantom_clamp(v, 0, 1)) *
                         hg_phantom_normal(hg_phantom_hash(h, 1));
    }
    return area;
}
