/* SPDX-License-Identifier: Apache-2.0
 *
 * test_quant_write.c: q8_0 and q4_0 byte by byte against the Python gguf package (reference/make_quant.py);
 * and for all quantised types what they do with zeros, small, huge and no numbers.
 */
#include "base/file_map.h"
#include "quant_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const hg_dtype types[] = {HG_DTYPE_Q8_0, HG_DTYPE_Q4_0, HG_DTYPE_Q4_K, HG_DTYPE_Q6_K};
#define N_TYPES 4

static hg_file_map open_data(hg_dtype type, const char *what)
{
    char path[512];
    hg_file_map map;
    hg_error err;
    snprintf(path, sizeof path, "%s/tensor/%s.%s", HG_TEST_DATA, hg_dtype_name(type), what);
    if (hg_file_map_open(&map, path, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return map;
}

static void test_same_bytes_as_gguf(void **state)
{
    (void)state;
    static hg_real x[64 * 32];
    static uint8_t got[64 * 34];
    for (int t = 0; t < 2; t++) {
        hg_file_map floats = open_data(types[t], "floats"), written = open_data(types[t], "written");
        int64_t n = (int64_t)(floats.size / sizeof(float));
        assert_true(n >= 30 * 32 && n <= 64 * 32);
        for (int64_t i = 0; i < n; i++) {
            float value;
            memcpy(&value, floats.data + (size_t)i * sizeof value, sizeof value);
            x[i] = (hg_real)value;
        }
        assert_int_equal(hg_dtype_span(types[t], n), written.size);
        hg_dtype_from_real(types[t], n, x, got);
        for (size_t i = 0; i < written.size; i++) {
            if (got[i] != written.data[i])
                fail_msg("%s, byte %zu: %d, expected %d", hg_dtype_name(types[t]), i, got[i],
                         written.data[i]);
        }
        hg_file_map_close(&floats);
        hg_file_map_close(&written);
    }
}

/* Blocks of zeros come back as zeros (without a sign in the types of 256 elements), and so does what binary16
 * has no scale for. */
static void test_zeros(void **state)
{
    (void)state;
    static hg_real x[256], y[256];
    static const double sizes[] = {0, -0.0, 1e-30, 1e-9};
    uint8_t blocks[512];
    for (int t = 0; t < N_TYPES; t++) {
        for (int s = 0; s < 4; s++) {
            for (int i = 0; i < 256; i++)
                x[i] = (hg_real)(sizes[s] * (i % 7 - 3));
            hg_dtype_from_real(types[t], 256, x, blocks);
            hg_dtype_to_real(types[t], 256, blocks, y);
            for (int i = 0; i < 256; i++)
                assert_true(y[i] == 0 && !(types[t] >= HG_DTYPE_Q4_K && signbit(y[i])));
        }
    }
}

/* What is not finite counts as zero. */
static void test_no_numbers(void **state)
{
    (void)state;
    static hg_real x[256], zeroed[256];
    uint8_t got[512], want[512];
    for (int t = 0; t < N_TYPES; t++) {
        for (int i = 0; i < 256; i++) {
            x[i] = zeroed[i] = (hg_real)sin(i);
            if (i % 29 == 3)
                x[i] = i % 3 == 0 ? (hg_real)NAN : i % 3 == 1 ? HG_REAL_MAX : -HG_REAL_MAX;
            if (!isfinite(x[i]))
                zeroed[i] = 0;
        }
        hg_dtype_from_real(types[t], 256, x, got);
        hg_dtype_from_real(types[t], 256, zeroed, want);
        assert_memory_equal(got, want, hg_dtype_span(types[t], 256));
    }
}

/* Beyond the largest scale values are cut off: finite, of the right sign, none smaller than a smaller one. */
static void test_huge(void **state)
{
    (void)state;
    static hg_real x[256], y[256];
    uint8_t blocks[512];
    for (int t = 0; t < N_TYPES; t++) {
        for (int i = 0; i < 256; i++)
            x[i] = (hg_real)(3e38 * (i - 128) / 128);
        hg_dtype_from_real(types[t], 256, x, blocks);
        hg_dtype_to_real(types[t], 256, blocks, y);
        for (int i = 0; i < 256; i++)
            assert_true(isfinite(y[i]) && (double)x[i] * (double)y[i] >= 0);
        assert_true(y[0] <= -65504 * 7 && y[255] >= 65504 * 7);
    }
}

/* Values near the limits of binary16's scales lose precision but stay near: the error is at most that of a
 * scale of 2^-24, plus the type's own. */
static void test_small(void **state)
{
    (void)state;
    static hg_real x[SAMPLES], y[SAMPLES];
    static const double relative[N_TYPES] = {0.01, 0.12, 0.1, 0.025};
    for (double size = 1e-3; size > 1e-8; size /= 10) {
        sample_fill(SAMPLE_NORMAL, size, x);
        for (int t = 0; t < N_TYPES; t++) {
            sample_round_trip(types[t], x, y);
            double error = sample_rms(x, y), limit = relative[t] * size + 0x1p-24;
            if (!(error <= limit))
                fail_msg("%s, values of %g: error %g, at most %g", hg_dtype_name(types[t]), size, error,
                         limit);
        }
    }
}

/* Runs do not depend on each other, and a block that was read is written as it was. */
static void test_same_again(void **state)
{
    (void)state;
    static hg_real x[SAMPLES], y[SAMPLES];
    static uint8_t whole[SAMPLES * 2], part[SAMPLES * 2];
    for (int t = 0; t < N_TYPES; t++) {
        int64_t block = hg_dtype_block(types[t]);
        sample_fill(SAMPLE_HEAVY, 1, x);
        hg_dtype_from_real(types[t], SAMPLES, x, whole);
        for (int64_t i = SAMPLES - block; i >= 0; i -= block)
            hg_dtype_from_real(types[t], block, x + i, part + hg_dtype_span(types[t], i));
        assert_memory_equal(whole, part, hg_dtype_span(types[t], SAMPLES));
        if (t > 1)
            continue;
        hg_dtype_to_real(types[t], SAMPLES, whole, y);
        hg_dtype_from_real(types[t], SAMPLES, y, part);
        assert_memory_equal(whole, part, hg_dtype_span(types[t], SAMPLES));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes_as_gguf),
        cmocka_unit_test(test_zeros),
        cmocka_unit_test(test_no_numbers),
        cmocka_unit_test(test_huge),
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_same_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
