/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dtype.c: conversions against the definition of the formats, exhaustively: every 16-bit pattern, and
 * every border at which rounding changes its mind, with the float below, on and above it.
 */
#include "tensor/dtype.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* binary16 from its definition: sign, 5 bits of exponent with bias 15, 10 of fraction. */
static double f16_value(uint16_t x)
{
    int exponent = (x >> 10) & 31, fraction = x & 1023;
    double magnitude = exponent == 31  ? (fraction == 0 ? HUGE_VAL : NAN)
                       : exponent == 0 ? ldexp(fraction, -24)
                                       : ldexp(1024 + fraction, exponent - 25);
    return (x & 0x8000) != 0 ? -magnitude : magnitude;
}

/* bfloat16: 8 bits of exponent with bias 127, 7 of fraction. */
static double bf16_value(uint16_t x)
{
    int exponent = (x >> 7) & 255, fraction = x & 127;
    double magnitude = exponent == 255 ? (fraction == 0 ? HUGE_VAL : NAN)
                       : exponent == 0 ? ldexp(fraction, -133)
                                       : ldexp(128 + fraction, exponent - 134);
    return (x & 0x8000) != 0 ? -magnitude : magnitude;
}

typedef struct half_format {
    double (*value)(uint16_t x);
    float (*to_f32)(uint16_t x);
    uint16_t (*from_f32)(float x);
    uint16_t infinity;
} half_format;

static float bf16_to_f32(uint16_t x)
{
    return hg_bf16_to_f32(x);
}

static const half_format formats[2] = {{f16_value, hg_f16_to_f32, hg_f32_to_f16, 0x7c00},
                                       {bf16_value, bf16_to_f32, hg_f32_to_bf16, 0x7f80}};

/* Every pattern to float exactly, and back to itself; NaNs stay NaNs. */
static void test_all_patterns(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        for (int i = 0; i < 65536; i++) {
            uint16_t x = (uint16_t)i;
            double want = formats[f].value(x);
            float got = formats[f].to_f32(x);
            if (isnan(want)) {
                assert_true(isnan(got));
                assert_true(isnan(formats[f].value(formats[f].from_f32(got))));
                continue;
            }
            assert_true((double)got == want && !signbit(got) == !signbit(want));
            assert_int_equal(formats[f].from_f32(got), x);
        }
    }
}

/* Halfway between neighbours goes to the even one, the float below it down and the one above it up. Beyond
 * the largest value the "neighbour" is the next power of two, from halfway to which on the result is
 * infinite. */
static void test_rounding(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        for (uint16_t x = 0; x < formats[f].infinity; x++) {
            uint16_t next = (uint16_t)(x + 1);
            double a = formats[f].value(x);
            double b = next == formats[f].infinity ? 2 * a - formats[f].value((uint16_t)(x - 1))
                                                   : formats[f].value(next);
            float middle = (float)((a + b) / 2);
            uint16_t even = (x & 1) == 0 ? x : next;
            for (int sign = 0; sign < 2; sign++) {
                uint16_t bit = (uint16_t)(sign << 15);
                float factor = sign == 0 ? 1 : -1;
                assert_int_equal(formats[f].from_f32(factor * middle), even | bit);
                assert_int_equal(formats[f].from_f32(factor * nextafterf(middle, 0)), x | bit);
                assert_int_equal(formats[f].from_f32(factor * nextafterf(middle, HUGE_VALF)), next | bit);
            }
        }
        assert_int_equal(formats[f].from_f32(HUGE_VALF), formats[f].infinity);
        assert_int_equal(formats[f].from_f32(-HUGE_VALF), formats[f].infinity | 0x8000);
        assert_int_equal(formats[f].from_f32(-0.0F), 0x8000);
    }
}

static void test_runs(void **state)
{
    (void)state;
    static const hg_dtype types[] = {HG_DTYPE_F32, HG_DTYPE_F64, HG_DTYPE_F16, HG_DTYPE_BF16};
    static const size_t bytes[] = {4, 8, 2, 2};
    static const char *const names[] = {"f32", "f64", "f16", "bf16"};
    const hg_real values[5] = {0, 1, -2.5, (hg_real)0.15625, 96};
    for (int i = 0; i < 4; i++) {
        unsigned char stored[40];
        hg_real back[5] = {0};
        assert_int_equal(hg_dtype_bytes(types[i]), bytes[i]);
        assert_string_equal(hg_dtype_name(types[i]), names[i]);
        hg_dtype_from_real(types[i], 5, values, stored);
        hg_dtype_to_real(types[i], 5, stored, back);
        assert_memory_equal(values, back, sizeof values); /* all of them exact in every type */
    }
    uint16_t one = 0;
    hg_dtype_from_real(HG_DTYPE_F16, 1, &values[1], &one);
    assert_int_equal(one, 0x3c00);
    hg_dtype_from_real(HG_DTYPE_BF16, 1, &values[1], &one);
    assert_int_equal(one, 0x3f80);
}

/* Sizes of blocks as GGUF defines them. */
static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t block;
        size_t bytes, alignment;
    } types[HG_DTYPE_COUNT] = {{"f32", 1, 4, 4},      {"f64", 1, 8, 8},     {"f16", 1, 2, 2},
                               {"bf16", 1, 2, 2},     {"q8_0", 32, 34, 2},  {"q4_0", 32, 18, 2},
                               {"q4_k", 256, 144, 2}, {"q6_k", 256, 210, 2}};
    for (int i = 0; i < HG_DTYPE_COUNT; i++) {
        hg_dtype type = (hg_dtype)i, found = HG_DTYPE_COUNT;
        assert_string_equal(hg_dtype_name(type), types[i].name);
        assert_true(hg_dtype_find(types[i].name, &found) && found == type);
        assert_int_equal(hg_dtype_block(type), types[i].block);
        assert_int_equal(hg_dtype_block_bytes(type), types[i].bytes);
        assert_int_equal(hg_dtype_is_quantised(type), types[i].block > 1);
        assert_int_equal(hg_dtype_span(type, 3 * types[i].block), 3 * types[i].bytes);
        assert_int_equal(hg_dtype_span(type, 0), 0);
        assert_int_equal(hg_dtype_alignment(type), types[i].alignment);
    }
    hg_dtype found = HG_DTYPE_F64;
    assert_false(hg_dtype_find("q4_1", &found));
    assert_false(hg_dtype_find("", &found));
    assert_false(hg_dtype_find("F32", &found));
    assert_int_equal(found, HG_DTYPE_F64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_patterns),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
