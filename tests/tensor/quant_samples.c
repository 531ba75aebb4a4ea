/* SPDX-License-Identifier: Apache-2.0
 *
 * quant_samples.c: the same numbers each time.
 */
#include "quant_samples.h"

#include "base/rng.h"

#include <stdlib.h>

void sample_fill(sample_kind kind, double size, hg_real *x)
{
    hg_rng rng;
    hg_rng_init(&rng, 42 + (uint64_t)kind);
    double scale = 1;
    for (int i = 0; i < SAMPLES; i++) {
        double value = hg_rng_normal(&rng);
        if (i % 16 == 0)
            scale = exp(1.5 * hg_rng_normal(&rng));
        if (kind == SAMPLE_UNIFORM)
            value = 2 * hg_rng_uniform(&rng) - 1;
        else if (kind == SAMPLE_HEAVY)
            value /= fabs(hg_rng_normal(&rng)) + 0.01;
        else if (kind == SAMPLE_SPARSE)
            value = hg_rng_uniform(&rng) < 0.05 ? value : 0;
        else if (kind == SAMPLE_SCALES)
            value *= scale;
        x[i] = (hg_real)(size * value);
    }
}

void sample_round_trip(hg_dtype type, const hg_real *x, hg_real *y)
{
    void *blocks = malloc(hg_dtype_span(type, SAMPLES));
    if (blocks == NULL)
        abort();
    hg_dtype_from_real(type, SAMPLES, x, blocks);
    hg_dtype_to_real(type, SAMPLES, blocks, y);
    free(blocks);
}

double sample_rms(const hg_real *x, const hg_real *y)
{
    double sum = 0;
    for (int i = 0; i < SAMPLES; i++) {
        double d = (double)x[i] - (y == NULL ? 0 : (double)y[i]);
        sum += d * d;
    }
    return sqrt(sum / SAMPLES);
}
