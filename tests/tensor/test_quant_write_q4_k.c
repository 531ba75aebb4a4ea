/* SPDX-License-Identifier: Apache-2.0
 *
 * test_quant_write_q4_k.c: the error of q4_k against a plain quantiser that keeps its scales in full
 * precision, against the theory of uniform values, and element by element: each code is the one nearest to
 * its value that the stored scales have.
 */
#include "quant_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static hg_real x[SAMPLES], y[SAMPLES], z[SAMPLES];

/* 16 levels from the least to the largest value of each 32 (and zero, as the format's minima want). */
static void plain_quantiser(const hg_real *from, hg_real *to)
{
    for (int g = 0; g < SAMPLES; g += 32) {
        double least = 0, most = 0;
        for (int i = g; i < g + 32; i++) {
            least = fmin(least, (double)from[i]);
            most = fmax(most, (double)from[i]);
        }
        double step = (most - least) / 15;
        for (int i = g; i < g + 32; i++)
            to[i] = step == 0 ? 0 : (hg_real)(least + step * round(((double)from[i] - least) / step));
    }
}

static void test_no_worse_than_a_plain_quantiser(void **state)
{
    (void)state;
    for (sample_kind kind = 0; kind < SAMPLE_KINDS; kind++) {
        sample_fill(kind, 1, x);
        sample_round_trip(HG_DTYPE_Q4_K, x, y);
        plain_quantiser(x, z);
        double got = sample_rms(x, y), plain = sample_rms(x, z);
        if (!(got <= plain))
            fail_msg("sample %d: error %g, of the plain quantiser %g", (int)kind, got, plain);
    }
}

/* Rounding to levels a step apart has an error of step / sqrt(12); 15 steps span the range of 2. */
static void test_uniform(void **state)
{
    (void)state;
    for (double size = 1e4; size > 1e-3; size /= 10) {
        sample_fill(SAMPLE_UNIFORM, size, x);
        sample_round_trip(HG_DTYPE_Q4_K, x, y);
        assert_true(sample_rms(x, y) <= size * 2 / 15 / sqrt(12));
    }
}

/* Far from zero on either side the minima carry the mean, to one part in 63 of it: the range grows by half of
 * that at most. */
static void test_far_from_zero(void **state)
{
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        sample_fill(SAMPLE_UNIFORM, 0.5, x);
        for (int i = 0; i < SAMPLES; i++)
            x[i] = (hg_real)sign * (x[i] + 8);
        sample_round_trip(HG_DTYPE_Q4_K, x, y);
        double range = 1 + 0.5 * 8.5 / 63;
        assert_true(sample_rms(x, y) <= range / 15 / sqrt(12));
    }
}

/* One block's scales, from its bytes. */
static void read_scales(const uint8_t *block, int group, double *step, double *offset)
{
    double d = (double)hg_f16_to_f32((uint16_t)(block[0] | block[1] << 8));
    double m = (double)hg_f16_to_f32((uint16_t)(block[2] | block[3] << 8));
    const uint8_t *p = block + 4;
    int scale = group < 4 ? p[group] % 64 : p[group + 4] % 16 + p[group - 4] / 64 * 16;
    int minimum = group < 4 ? p[group + 4] % 64 : p[group + 4] / 16 + p[group] / 64 * 16;
    *step = d * scale;
    *offset = -m * minimum;
}

static void test_nearest_codes(void **state)
{
    (void)state;
    static uint8_t blocks[SAMPLES / 256 * 144];
    for (sample_kind kind = 0; kind < SAMPLE_KINDS; kind++) {
        sample_fill(kind, 1, x);
        hg_dtype_from_real(HG_DTYPE_Q4_K, SAMPLES, x, blocks);
        hg_dtype_to_real(HG_DTYPE_Q4_K, SAMPLES, blocks, y);
        for (int i = 0; i < SAMPLES; i++) {
            double step, offset, want = (double)x[i];
            read_scales(blocks + i / 256 * 144, i % 256 / 32, &step, &offset);
            want = fmin(fmax(want, offset), offset + 15 * step);
            assert_true(fabs((double)y[i] - want) <= 0.50001 * step + 1e-6 * fabs(want));
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
        sample_round_trip(HG_DTYPE_Q4_K, x, y);
        sample_round_trip(HG_DTYPE_Q4_K, y, z);
        assert_true(sample_rms(y, z) <= 0.5 * sample_rms(x, y));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_worse_than_a_plain_quantiser),
        cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_far_from_zero),
        cmocka_unit_test(test_nearest_codes),
        cmocka_unit_test(test_levels_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
