/* SPDX-License-Identifier: Apache-2.0
 *
 * test_interleave.c: where bytes of interleaved rows lie, and that every row comes back.
 */
#include "tensor/interleave.h"
#include "tensor/quant_blocks.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ROWS = HG_INTERLEAVE_ROWS, MAX_K = 512, MAX_BYTES = ROWS * MAX_K / 32 * 34 };

static const hg_dtype types[] = {HG_DTYPE_Q8_0, HG_DTYPE_Q4_0, HG_DTYPE_Q4_K};

/* Bytes that differ from row to row and along each. */
static void fill(uint8_t *rows, size_t bytes)
{
    uint32_t random = 1;
    for (size_t i = 0; i < bytes; i++) {
        random = random * 1664525 + 1013904223;
        rows[i] = (uint8_t)(random >> 24);
    }
}

static void test_back(void **state)
{
    (void)state;
    static uint8_t rows[MAX_BYTES], laced[MAX_BYTES], row[MAX_BYTES / ROWS];
    fill(rows, sizeof rows);
    for (size_t i = 0; i < 3; i++) {
        const size_t row_bytes = hg_dtype_span(types[i], MAX_K);
        const size_t part = hg_dtype_span(types[i], hg_interleave_columns(types[i]));
        assert_int_equal(ROWS * part % 64, 0);
        hg_interleave_pack(types[i], MAX_K, rows, laced);
        for (int r = 0; r < ROWS; r++) {
            for (size_t at = 0; at < row_bytes; at += part)
                hg_interleave_take(types[i], laced + at * ROWS, r, row + at);
            assert_memory_equal(row, rows + (size_t)r * row_bytes, row_bytes);
        }
    }
}

/* As the header says it. */
static void test_places(void **state)
{
    (void)state;
    static hg_block_q8_0 q8_0[ROWS][2];
    static hg_block_q4_k q4_k[ROWS];
    static uint8_t laced[sizeof q4_k];
    fill((uint8_t *)q8_0, sizeof q8_0);
    fill((uint8_t *)q4_k, sizeof q4_k);
    hg_interleave_pack(HG_DTYPE_Q8_0, 64, q8_0, laced);
    for (int r = 0; r < ROWS; r++) {
        assert_memory_equal(laced + 2 * r, &q8_0[r][0].scale, 2);
        assert_memory_equal(laced + 32 + 2 * r, &q8_0[r][1].scale, 2);
        assert_memory_equal(laced + 64 + 64 * 3 + 4 * r, q8_0[r][0].codes + 12, 4);
        assert_memory_equal(laced + 64 + 64 * 8 + 4 * r, q8_0[r][1].codes, 4);
    }
    hg_interleave_pack(HG_DTYPE_Q4_K, 256, q4_k, laced);
    for (int r = 0; r < ROWS; r++) {
        assert_memory_equal(laced + 2 * r, &q4_k[r].scale, 2);
        assert_memory_equal(laced + 32 + 2 * r, &q4_k[r].minimum, 2);
        assert_memory_equal(laced + 64 + 128 + 4 * r, q4_k[r].packed + 8, 4);
        assert_memory_equal(laced + 64 + 192 + 64 * 31 + 4 * r, q4_k[r].codes + 124, 4);
    }
}

static void test_holds(void **state)
{
    (void)state;
    assert_true(hg_interleave_holds(HG_DTYPE_Q8_0, 32, 64));
    assert_false(hg_interleave_holds(HG_DTYPE_Q8_0, 32, 96));
    assert_false(hg_interleave_holds(HG_DTYPE_Q4_0, 24, 64));
    assert_true(hg_interleave_holds(HG_DTYPE_Q4_K, 16, 256));
    assert_false(hg_interleave_holds(HG_DTYPE_Q6_K, 16, 256));
    assert_false(hg_interleave_holds(HG_DTYPE_F16, 16, 256));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_back), cmocka_unit_test(test_places),
                                       cmocka_unit_test(test_holds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
