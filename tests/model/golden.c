/* SPDX-License-Identifier: Apache-2.0
 *
 * golden.c: see golden.h.
 */
#include "golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

hg_tensor_file *golden_open(const char *path)
{
    hg_tensor_file *file = NULL;
    hg_error err = {0};
    if (hg_tensor_file_open(&file, path, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return file;
}

const hg_tensor *golden_get(const hg_tensor_file *file, const char *name)
{
    const hg_tensor *t = NULL;
    hg_error err = {0};
    if (hg_tensor_file_need(file, name, &t, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(t->dtype, HG_DTYPE_F32);
    return t;
}

void golden_compare(const char *what, const hg_tensor *want, const float *got, double relative)
{
    const float *w = want->data;
    double largest = 0;
    for (int64_t i = 0; i < hg_tensor_count(want); i++)
        largest = fmax(largest, fabs((double)w[i]));
    assert_true(largest > 0);
    for (int64_t i = 0; i < hg_tensor_count(want); i++) {
        if (!(fabs((double)w[i] - (double)got[i]) <= relative * largest))
            fail_msg("%s, element %lld: %.9g, expected %.9g", what, (long long)i, (double)got[i],
                     (double)w[i]);
    }
}
