/* SPDX-License-Identifier: Apache-2.0
 *
 * schedule.c: the factors of the rate.
 */
#include "train/schedule.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846

static double at_least_one(int64_t n)
{
    return n > 1 ? (double)n : 1;
}

double hg_schedule_rate(const hg_schedule *s, int64_t step, int64_t n_steps)
{
    if (step < s->warmup_steps)
        return s->rate * ((double)step / at_least_one(s->warmup_steps));
    if (s->kind == HG_SCHEDULE_CONSTANT)
        return s->rate;
    if (step >= n_steps)
        return 0;
    double rest = at_least_one(n_steps - s->warmup_steps);
    if (s->kind == HG_SCHEDULE_LINEAR)
        return s->rate * ((double)(n_steps - step) / rest);
    double progress = (double)(step - s->warmup_steps) / rest;
    return s->rate * (0.5 * (1 + cos(PI * progress)));
}

hg_status hg_schedule_parse(const char *name, hg_schedule_kind *kind, hg_error *err)
{
    static const char *const names[] = {[HG_SCHEDULE_CONSTANT] = "constant",
                                        [HG_SCHEDULE_LINEAR] = "linear",
                                        [HG_SCHEDULE_COSINE] = "cosine"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0) {
            *kind = (hg_schedule_kind)i;
            return HG_STATUS_OK;
        }
    }
    return hg_error_set(err, HG_STATUS_INPUT, "no schedule '%s': constant, linear or cosine", name);
}
