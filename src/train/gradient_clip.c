/* SPDX-License-Identifier: Apache-2.0
 *
 * gradient_clip.c: sums of squares and scaling over the pieces of hg_param_sum.
 */
#include "train/gradient_clip.h"

#include <math.h>

/* Eight sums side by side: a fixed order that vectors keep. */
#define LANES 8

static double clip_squares(void *arg, const hg_param *param, int64_t begin, int64_t count)
{
    (void)arg;
    const float *g = param->grad + begin;
    double sums[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (int lane = 0; lane < LANES; lane++)
            sums[lane] += (double)g[i + lane] * (double)g[i + lane];
    }
    for (; i < count; i++)
        sums[0] += (double)g[i] * (double)g[i];
    double sum = 0;
    for (int lane = 0; lane < LANES; lane++)
        sum += sums[lane];
    return sum;
}

static double clip_scale(void *arg, const hg_param *param, int64_t begin, int64_t count)
{
    float factor = *(const float *)arg;
    float *g = param->grad + begin;
    for (int64_t i = 0; i < count; i++)
        g[i] *= factor;
    return 0;
}

double hg_gradient_norm(const hg_param *params, size_t n_params, int n_threads)
{
    return sqrt(hg_param_sum(params, n_params, n_threads, clip_squares, NULL));
}

void hg_gradient_scale(hg_param *params, size_t n_params, double factor, int n_threads)
{
    float f = (float)factor;
    hg_param_sum(params, n_params, n_threads, clip_scale, &f);
}

double hg_gradient_clip(hg_param *params, size_t n_params, double max_norm, int n_threads)
{
    double norm = hg_gradient_norm(params, n_params, n_threads);
    double factor = max_norm / (norm + 1e-6);
    if (isfinite(norm) && factor < 1)
        hg_gradient_scale(params, n_params, factor, n_threads);
    return norm;
}
