/* SPDX-License-Identifier: Apache-2.0
 *
 * test_adamw.c: twelve steps of clipping, schedule and AdamW against PyTorch's (two groups with their own
 * rate and decay), after every step; the same bits for any number of threads.
 */
#include "train/adamw.h"

#include "base/memory.h"
#include "base/rng.h"
#include "model/golden.h"
#include "train/gradient_clip.h"
#include "train/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define STEPS 12
#define PARAMS 3
#define MAX_ELEMENTS 25
#define ROUNDING 2e-6

typedef struct storage {
    float value[MAX_ELEMENTS], grad[MAX_ELEMENTS], m[MAX_ELEMENTS], v[MAX_ELEMENTS];
} storage;

static const hg_tensor *get(const hg_tensor_file *file, const char *format, int a, int b)
{
    char name[32];
    if (b >= 0)
        snprintf(name, sizeof name, "%s.%d.%d", format, a, b);
    else
        snprintf(name, sizeof name, "%s.%d", format, a);
    return golden_get(file, name);
}

static void start(const hg_tensor_file *file, storage *s, hg_param *params)
{
    for (int i = 0; i < PARAMS; i++) {
        const hg_tensor *first = get(file, "start", i, -1);
        params[i] = (hg_param){s[i].value, s[i].grad, s[i].m, s[i].v, hg_tensor_count(first), i == 0 ? 0 : 1};
        assert_true(params[i].n <= MAX_ELEMENTS);
        memcpy(s[i].value, first->data, (size_t)params[i].n * sizeof(float));
    }
}

static void test_as_pytorch(void **state)
{
    (void)state;
    hg_tensor_file *file = golden_open(HG_TEST_DATA "/training/optimizer.safetensors");
    const float *norms = golden_get(file, "norm")->data, *rates = golden_get(file, "rate")->data;
    storage s[PARAMS] = {0};
    hg_param params[PARAMS];
    start(file, s, params);
    const hg_adamw_group groups[2] = {{1, 0}, {0.1F, 0.1F}};
    hg_adamw o = hg_adamw_init(groups);
    hg_schedule schedule = {HG_SCHEDULE_COSINE, 2e-2, 3};
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < PARAMS; i++)
            memcpy(s[i].grad, get(file, "grad", step, i)->data, (size_t)params[i].n * sizeof(float));
        double norm = hg_gradient_clip(params, PARAMS, 1, 2);
        assert_true(fabs(norm - (double)norms[step]) <= ROUNDING * norm);
        o.rate = hg_schedule_rate(&schedule, step, STEPS);
        assert_true(fabs(o.rate - (double)rates[step]) <= 1e-7 * schedule.rate);
        hg_adamw_step(&o, params, PARAMS, step + 1, 2);
        for (int i = 0; i < PARAMS; i++)
            golden_compare("value", get(file, "value", step, i), s[i].value, ROUNDING);
    }
    for (int i = 0; i < PARAMS; i++) {
        golden_compare("clipped", get(file, "clipped", i, -1), s[i].grad, ROUNDING);
        golden_compare("m", get(file, "m", i, -1), s[i].m, ROUNDING);
        golden_compare("v", get(file, "v", i, -1), s[i].v, ROUNDING);
    }
    hg_tensor_file_close(file);
}

#define MANY 100003 /* several pieces and a rest */

static void run_many(float *memory, int n_threads)
{
    hg_rng rng;
    hg_rng_init(&rng, 3);
    for (int64_t i = 0; i < 4 * MANY; i++)
        memory[i] = i < 2 * MANY ? (float)hg_rng_normal(&rng) : 0;
    hg_param params[2] = {{memory, memory + MANY, memory + 2 * MANY, memory + 3 * MANY, 70001, 0},
                          {memory + 70001, memory + MANY + 70001, memory + 2 * MANY + 70001,
                           memory + 3 * MANY + 70001, MANY - 70001, 0}};
    const hg_adamw_group group = {1, 0.01F};
    hg_adamw o = hg_adamw_init(&group);
    o.rate = 1e-3;
    for (int64_t step = 1; step <= 3; step++) {
        hg_gradient_clip(params, 2, 100, n_threads);
        hg_adamw_step(&o, params, 2, step, n_threads);
    }
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    float *one = hg_mem_array(4 * MANY, sizeof *one), *many = hg_mem_array(4 * MANY, sizeof *many);
    assert_true(one != NULL && many != NULL);
    run_many(one, 1);
    for (int n = 2; n <= 8; n++) {
        run_many(many, n);
        assert_memory_equal(one, many, 4 * MANY * sizeof *one);
    }
    hg_mem_free(one);
    hg_mem_free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_pytorch),
        cmocka_unit_test(test_threads_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
