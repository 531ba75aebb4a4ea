/* SPDX-License-Identifier: Apache-2.0
 *
 * test_quant_write_q6_k.c: the error of q6_k against a plain quantiser that keeps its scales in full
 * precision, against the theory of uniform values, and element by element: each code is the one nearest to
 * its value that the stored scales have.
 */
#include "quant_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static hg_real x[SAMPLES], y[SAMPLES], z[SAMPLES];

/* Codes from -32 to 31 for each 16 values, the largest magnitude at -32. */
static void plain_quantiser(const hg_real *from, hg_real *to)
{
    for (int g = 0; g < SAMPLES; g += 16) {
        double largest = 0;
        for (int i = g; i < g + 16; i++)
            largest = fabs((double)from[i]) > fabs(largest) ? (double)from[i] : largest;
        double step = largest / -32;
        for (int i = g; i < g + 16; i++)
            to[i] = step == 0 ? 0 : (hg_real)(step * fmin(round((double)from[i] / step), 31));
    }
}

static void test_no_worse_than_a_plain_quantiser(void **state)
{
    (void)state;
    for (sample_kind kind = 0; kind < SAMPLE_KINDS; kind++) {
        sample_fill(kind, 1, x);
        sample_round_trip(HG_DTYPE_Q6_K, x, y);
        plain_quantiser(x, z);
        double got = sample_rms(x, y), plain = sample_rms(x, z);
        if (!(got <= plain))
            fail_msg("sample %d: error %g, of the plain quantiser %g", (int)kind, got, plain);
    }
}

/* Rounding to levels a step apart has an error of step / sqrt(12); 32 steps reach to 1. */
static void test_uniform(void **state)
{
    (void)state;
    for (double size = 1e4; size > 1e-2; size /= 10) {
        sample_fill(SAMPLE_UNIFORM, size, x);
        sample_round_trip(HG_DTYPE_Q6_K, x, y);
        assert_true(sample_rms(x, y) <= size / 32 / sqrt(12));
    }
}

static void test_nearest_codes(void **state)
{
    (void)state;
    static uint8_t blocks[SAMPLES / 256 * 210];
    for (sample_kind kind = 0; kind < SAMPLE_KINDS; kind++) {
        sample_fill(kind, 1, x);
        hg_dtype_from_real(HG_DTYPE_Q6_K, SAMPLES, x, blocks);
        hg_dtype_to_real(HG_DTYPE_Q6_K, SAMPLES, blocks, y);
        for (int i = 0; i < SAMPLES; i++) {
            const uint8_t *block = blocks + i / 256 * 210;
            int scale = block[192 + i % 256 / 16];
            scale -= scale > 127 ? 256 : 0;
            double step = (double)hg_f16_to_f32((uint16_t)(block[208] | block[209] << 8)) * scale;
            double low = fmin(-32 * step, 31 * step), high = fmax(-32 * step, 31 * step);
            double want = fmin(fmax((double)x[i], low), high);
            assert_true(fabs((double)y[i] - want) <= 0.50001 * fabs(step) + 1e-6 * fabs(want));
        }
    }
}

/* Values that are on a block's levels already stay near them: another rounding to other levels would move
 * them as far as the first. */
static void test_levels_stay(void **state)
{
    (void)state;
    for (sample_kind kind = 0; kind < SAMPLE_KINDS; kind++) {
        sample_fill(kind, 1, x);
        sample_round_trip(HG_DTYPE_Q6_K, x, y);
        sample_round_trip(HG_DTYPE_Q6_K, y, z);
        assert_true(sample_rms(y, z) <= 0.5 * sample_rms(x, y));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_worse_than_a_plain_quantiser),
        cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_nearest_codes),
        cmocka_unit_test(test_levels_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
