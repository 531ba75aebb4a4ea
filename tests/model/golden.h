/* SPDX-License-Identifier: Apache-2.0
 *
 * golden.h: reads expected values from a safetensors file; a tensor that is missing fails the test.
 */
#ifndef HG_TESTS_GOLDEN_H
#define HG_TESTS_GOLDEN_H

#include "formats/tensor_file.h"

hg_tensor_file *golden_open(const char *path);

/* The tensor's descriptor; data is float and read-only. */
const hg_tensor *golden_get(const hg_tensor_file *file, const char *name);

/* Fails, naming `what`, when an element differs by more than `relative` of the largest expected value. */
void golden_compare(const char *what, const hg_tensor *want, const float *got, double relative);

#endif
