/* SPDX-License-Identifier: Apache-2.0
 *
 * adamw.c: the update, element by element in float; what is the same for all elements is made in double.
 */
#include "train/adamw.h"

#include <math.h>

typedef struct adamw_step {
    const hg_adamw *o;
    double correct_m, correct_v; /* 1 - b1^step and sqrt(1 - b2^step): the moments start at zero */
} adamw_step;

hg_adamw hg_adamw_init(const hg_adamw_group *groups)
{
    return (hg_adamw){.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .groups = groups};
}

static double adamw_update(void *arg, const hg_param *param, int64_t begin, int64_t count)
{
    const adamw_step *s = arg;
    const hg_adamw_group *group = &s->o->groups[param->group];
    double rate = s->o->rate * (double)group->lr_scale;
    float keep = (float)(1 - rate * (double)group->weight_decay), size = (float)(rate / s->correct_m);
    float new_m = (float)(1 - s->o->beta1), old_v = (float)s->o->beta2, new_v = (float)(1 - s->o->beta2);
    float root = (float)s->correct_v, epsilon = (float)s->o->epsilon;
    float *restrict x = param->value + begin, *restrict m = param->m + begin, *restrict v = param->v + begin;
    const float *restrict g = param->grad + begin;
    for (int64_t i = 0; i < count; i++) {
        m[i] += new_m * (g[i] - m[i]);
        v[i] = old_v * v[i] + new_v * g[i] * g[i];
        x[i] = keep * x[i] - size * (m[i] / (sqrtf(v[i]) / root + epsilon));
    }
    return 0;
}

void hg_adamw_step(const hg_adamw *o, hg_param *params, size_t n_params, int64_t step, int n_threads)
{
    adamw_step s = {o, 1 - pow(o->beta1, (double)step), sqrt(1 - pow(o->beta2, (double)step))};
    hg_param_sum(params, n_params, n_threads, adamw_update, &s);
}
