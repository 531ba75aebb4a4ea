/* SPDX-License-Identifier: Apache-2.0
 *
 * quant_samples.h: data for the tests of the quantised types, and errors of what comes back.
 */
#ifndef HG_TESTS_QUANT_SAMPLES_H
#define HG_TESTS_QUANT_SAMPLES_H

#include "tensor/quant.h"

#define SAMPLES (256 * 64) /* whole blocks of every type */

typedef enum sample_kind {
    SAMPLE_NORMAL,
    SAMPLE_UNIFORM, /* in (-1, 1) */
    SAMPLE_HEAVY,   /* a normal divided by another: tails like 1 / x² */
    SAMPLE_SPARSE,  /* one value in twenty */
    SAMPLE_SCALES,  /* a scale of its own every 16 values */
    SAMPLE_KINDS
} sample_kind;

/* SAMPLES values, of size `size`. */
void sample_fill(sample_kind kind, double size, hg_real *x);

/* To blocks and back. */
void sample_round_trip(hg_dtype type, const hg_real *x, hg_real *y);

/* The root of the mean square of x - y; y NULL: of x. */
double sample_rms(const hg_real *x, const hg_real *y);

#endif
