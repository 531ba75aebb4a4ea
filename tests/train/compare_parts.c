/* SPDX-License-Identifier: Apache-2.0
 *
 * compare_parts.c: compare_parts A B LIMIT: whether two files of tensors (f32) have the same tensors within
 * LIMIT of each one's largest value; for scripts. Exit code 0: yes, 1: no, 2: they cannot be compared.
 */
#include "formats/tensor_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The largest difference over the largest value; -1 when the tensors are not alike. */
static double difference(const hg_tensor *a, const hg_tensor *b)
{
    if (b == NULL || !hg_tensor_same_shape(a, b) || a->dtype != HG_DTYPE_F32 || b->dtype != HG_DTYPE_F32)
        return -1;
    double largest = 0, apart = 0;
    for (int64_t i = 0; i < hg_tensor_count(a); i++) {
        double x = (double)((const float *)a->data)[i], y = (double)((const float *)b->data)[i];
        largest = fmax(largest, fabs(x));
        apart = fmax(apart, fabs(x - y));
    }
    return largest > 0 ? apart / largest : apart;
}

int main(int argc, char **argv)
{
    hg_tensor_file *a = NULL, *b = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    if (argc != 4 || hg_tensor_file_open(&a, argv[1], &err) != HG_STATUS_OK ||
        hg_tensor_file_open(&b, argv[2], &err) != HG_STATUS_OK) {
        fprintf(stderr, "compare_parts: %s\n", err.text);
        return 2;
    }
    double limit = atof(argv[3]), worst = 0;
    int rc = hg_tensor_file_n_tensors(a) == hg_tensor_file_n_tensors(b) ? 0 : 2;
    for (size_t i = 0; i < hg_tensor_file_n_tensors(a) && rc != 2; i++) {
        const hg_named_tensor *t = hg_tensor_file_get(a, i);
        double d = difference(&t->tensor, hg_tensor_file_find(b, t->name));
        worst = fmax(worst, d);
        if (d < 0 || d > limit) {
            fprintf(stderr, "%s: %g\n", t->name, d);
            rc = d < 0 ? 2 : 1;
        }
    }
    printf("%zu tensors, the largest difference is %.3g of the largest value\n", hg_tensor_file_n_tensors(a),
           worst);
    hg_tensor_file_close(a);
    hg_tensor_file_close(b);
    return rc;
}
