/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_slice.c: samples the tissue function, adds up signals, and measures them.
 */
#include "data/phantom_slice.h"

#include <string.h>

#define SLICE_FACTOR 4 /* of super-resolution */
#define SLICE_REACH 6  /* pixels on each side of a low-resolution pixel's middle that it sees */

hg_slice_place hg_slice_place_make(hg_image_axis axis, float at, float field_mm, int size, float thick_mm)
{
    hg_slice_place s = {.axis = axis, .size = size, .pixel_mm = field_mm / (float)size, .thick_mm = thick_mm};
    float half = 0.5f * (field_mm - s.pixel_mm);
    if (axis == HG_IMAGE_AXIS_SAGITTAL) { /* the front on the left */
        s.origin = (hg_vec3){at, -half, half};
        s.right = (hg_vec3){0, s.pixel_mm, 0};
        s.down = (hg_vec3){0, 0, -s.pixel_mm};
        s.across = (hg_vec3){1, 0, 0};
    } else if (axis == HG_IMAGE_AXIS_CORONAL) {
        s.origin = (hg_vec3){-half, at, half};
        s.right = (hg_vec3){s.pixel_mm, 0, 0};
        s.down = (hg_vec3){0, 0, -s.pixel_mm};
        s.across = (hg_vec3){0, 1, 0};
    } else {
        s.axis = HG_IMAGE_AXIS_AXIAL;
        s.origin = (hg_vec3){-half, -half, at};
        s.right = (hg_vec3){s.pixel_mm, 0, 0};
        s.down = (hg_vec3){0, s.pixel_mm, 0};
        s.across = (hg_vec3){0, 0, 1};
    }
    return s;
}

static hg_vec3 slice_point(const hg_slice_place *s, float column, float row, float depth)
{
    return (hg_vec3){s->origin.x + column * s->right.x + row * s->down.x + depth * s->across.x,
                     s->origin.y + column * s->right.y + row * s->down.y + depth * s->across.y,
                     s->origin.z + column * s->right.z + row * s->down.z + depth * s->across.z};
}

/* The mean over samples^3 points of one pixel. */
static void render_pixel(hg_phantom_slice *slice, const hg_phantom_patient *patient, int row, int column,
                         int samples)
{
    const hg_slice_place *s = &slice->place;
    float sum[HG_CONTRAST_COUNT] = {0};
    hg_phantom_cell *cell = &slice->cells[row * HG_PHANTOM_CELLS / s->size * HG_PHANTOM_CELLS +
                                          column * HG_PHANTOM_CELLS / s->size];
    float step = 1.0f / (float)samples, share = step * step * step, mm2 = share * s->pixel_mm * s->pixel_mm;
    for (int i = 0; i < samples * samples * samples; i++) {
        float u = ((float)(i % samples) + 0.5f) * step - 0.5f;
        float v = ((float)(i / samples % samples) + 0.5f) * step - 0.5f;
        float w = ((float)(i / samples / samples) + 0.5f) * step - 0.5f;
        hg_phantom_spot spot =
            hg_phantom_at(patient, slice_point(s, (float)column + u, (float)row + v, w * s->thick_mm));
        for (int c = 0; c < HG_CONTRAST_COUNT; c++)
            sum[c] += patient->signals[spot.tissue][c];
        slice->organ_mm2[spot.organ] += mm2;
        slice->lesion_mm2 += spot.lesion ? mm2 : 0;
        slice->body_mm2 += spot.tissue == HG_TISSUE_AIR ? 0 : mm2;
        cell->organs[spot.organ]++;
        cell->lesion += spot.lesion;
        cell->body += spot.tissue != HG_TISSUE_AIR;
        cell->all++;
    }
    for (int c = 0; c < HG_CONTRAST_COUNT; c++)
        slice->values[c][row * s->size + column] = sum[c] * share;
}

void hg_phantom_slice_render(hg_phantom_slice *slice, const hg_phantom_patient *patient,
                             const hg_slice_place *place, int samples)
{
    slice->place = *place;
    memset(slice->organ_mm2, 0, sizeof slice->organ_mm2);
    slice->lesion_mm2 = slice->body_mm2 = 0;
    memset(slice->cells, 0, sizeof slice->cells);
    for (int row = 0; row < place->size; row++) {
        for (int column = 0; column < place->size; column++)
            render_pixel(slice, patient, row, column, samples);
    }
}

void hg_phantom_measure_ct(float *out, const float *in, int size, float hu, uint64_t key)
{
    for (int i = 0; i < size * size; i++)
        out[i] = in[i] + hu * hg_phantom_normal(hg_phantom_hash(key, (uint64_t)i));
}

/* A smooth polynomial over the picture, within +-1 or so. */
static float bias_at(const float c[5], float x, float y)
{
    return c[0] * x + c[1] * y + c[2] * x * y + c[3] * (x * x - 0.33f) + c[4] * (y * y - 0.33f);
}

void hg_phantom_measure_mr(float *out, const float *in, int size, float bias, float noise, uint64_t key)
{
    float c[5];
    for (uint64_t i = 0; i < 5; i++)
        c[i] = 0.4f * hg_phantom_normal(hg_phantom_hash(key ^ 0xb1a5, i));
    for (int i = 0; i < size * size; i++) {
        float x = 2.0f * (float)(i % size) / (float)size - 1.0f,
              y = 2.0f * (float)(i / size) / (float)size - 1.0f;
        float gain = 1.0f + bias * hg_phantom_clamp(bias_at(c, x, y), -1, 1);
        float re = in[i] * gain + noise * hg_phantom_normal(hg_phantom_hash(key, 2 * (uint64_t)i));
        float im = noise * hg_phantom_normal(hg_phantom_hash(key, 2 * (uint64_t)i + 1));
        out[i] = sqrtf(re * re + im * im);
    }
}

/* Weights of a Gaussian whose full width at half maximum is SLICE_FACTOR pixels, at distances 0.5, 1.5, ...
 */
static void lower_weights(float w[SLICE_REACH])
{
    float sum = 0, sigma = (float)SLICE_FACTOR / 2.3548f;
    for (int i = 0; i < SLICE_REACH; i++) {
        float d = ((float)i + 0.5f) / sigma;
        w[i] = (float)hg_phantom_exp(-0.5 * (double)(d * d));
        sum += 2.0f * w[i];
    }
    for (int i = 0; i < SLICE_REACH; i++)
        w[i] /= sum;
}

static int clamp_index(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

void hg_phantom_lower(float *out, const float *in, int size)
{
    float w[SLICE_REACH], line[HG_PHANTOM_MAX_SIZE];
    int n = size / SLICE_FACTOR;
    lower_weights(w);
    for (int row = 0; row < n; row++) {
        int middle = row * SLICE_FACTOR + SLICE_FACTOR / 2;
        for (int x = 0; x < size; x++) {
            line[x] = 0;
            for (int i = 0; i < SLICE_REACH; i++)
                line[x] += w[i] * (in[clamp_index(middle + i, size) * size + x] +
                                   in[clamp_index(middle - 1 - i, size) * size + x]);
        }
        for (int column = 0; column < n; column++) {
            int at = column * SLICE_FACTOR + SLICE_FACTOR / 2;
            float sum = 0;
            for (int i = 0; i < SLICE_REACH; i++)
                sum += w[i] * (line[clamp_index(at + i, size)] + line[clamp_index(at - 1 - i, size)]);
            out[row * n + column] = sum;
        }
    }
}
