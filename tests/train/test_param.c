/* SPDX-License-Identifier: Apache-2.0
 *
 * test_param.c: every element of every parameter once, also when there are more pieces than one round takes;
 * the sum has one order.
 */
#include "train/param.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static double count_elements(void *arg, const hg_param *param, int64_t begin, int64_t count)
{
    (void)arg;
    assert_true(begin >= 0 && count > 0 && begin + count <= param->n);
    for (int64_t i = begin; i < begin + count; i++)
        param->value[i]++;
    return (double)count;
}

static double uneven(void *arg, const hg_param *param, int64_t begin, int64_t count)
{
    (void)arg;
    (void)count;
    return 1.0 / (double)(3 + begin + param->group); /* the sum depends on its order */
}

#define SMALL 3000 /* more parameters than a round has pieces */
#define LARGE 200001

static void test_each_element_once(void **state)
{
    (void)state;
    float *value = hg_mem_array(SMALL * 2 + LARGE, sizeof *value);
    hg_param *params = hg_mem_array(SMALL + 2, sizeof *params);
    assert_true(value != NULL && params != NULL);
    for (int i = 0; i < SMALL; i++)
        params[i] = (hg_param){.value = value + 2 * i, .n = 2, .group = i};
    params[SMALL] = (hg_param){.value = NULL, .n = 0};
    params[SMALL + 1] = (hg_param){.value = value + (ptrdiff_t)(2 * SMALL), .n = LARGE};
    double one = hg_param_sum(params, SMALL + 2, 1, uneven, NULL);
    for (int n = 1; n <= 8; n++) {
        double sum = hg_param_sum(params, SMALL + 2, n, count_elements, NULL);
        assert_true(sum == SMALL * 2 + LARGE);
        for (int i = 0; i < SMALL * 2 + LARGE; i++)
            assert_true(value[i] == (float)n);
        assert_true(hg_param_sum(params, SMALL + 2, n, uneven, NULL) == one);
    }
    hg_mem_free(params);
    hg_mem_free(value);
}

static void test_nothing(void **state)
{
    (void)state;
    assert_true(hg_param_sum(NULL, 0, 4, count_elements, NULL) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_element_once),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
