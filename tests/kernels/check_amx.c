/* SPDX-License-Identifier: Apache-2.0
 *
 * check_amx.c: see check_amx.h. The kernels are compiled from src/kernels/x86/kernels_amx.c once more, under
 * names of their own.
 */
#include "check_amx.h"

#include "check_bf16.h"
#include "check_wide.h"

#define HG_AMX_EMULATED
#include "kernels/x86/amx_tiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

void hg_kernels_set_amx_emulated(hg_kernels *table);
void hg_kernels_set_amx_narrow(hg_kernels *table);
void hg_kernels_set_amx_faulty(hg_kernels *table);

/* sum (M, N) += a (M, K) · b (K, N) with b's rows stored four by four, column by column. */
static void check_tile_shape(int m, int n, int k, hg_rng *rng)
{
    amx_config config = {.palette = 1};
    const int shape[3][2] = {{m, 4 * n}, {m, k}, {k / 4, 4 * n}}; /* sum, a, b */
    for (int i = 0; i < 3; i++) {
        config.rows[i] = (uint8_t)shape[i][0];
        config.row_bytes[i] = (uint16_t)shape[i][1];
    }
    int8_t a[16][64], b[16][64];
    int32_t before[16][20], after[16][20];
    for (int i = 0; i < 16; i++) {
        for (int j = 0; j < 64; j++) {
            a[i][j] = (int8_t)hg_rng_next(rng);
            b[i][j] = (int8_t)hg_rng_next(rng);
        }
        for (int j = 0; j < 20; j++)
            before[i][j] = after[i][j] = (int32_t)(hg_rng_next(rng) % 2000) - 1000;
    }
    amx_tiles tiles;
    amx_open(&tiles, &config);
    AMX_LOAD(&tiles, 0, before, sizeof before[0]);
    AMX_LOAD(&tiles, 1, a, sizeof a[0]);
    AMX_LOAD(&tiles, 2, b, sizeof b[0]);
    AMX_DOT(&tiles, 0, 1, 2);
    AMX_STORE(&tiles, 0, after, sizeof after[0]);
    for (int i = 0; i < 16; i++) {
        for (int j = 0; j < 20; j++) {
            int32_t want = before[i][j];
            for (int l = 0; l < k && i < m && j < n; l++)
                want += a[i][l] * b[l / 4][4 * j + l % 4];
            assert_int_equal(after[i][j], want); /* what is not the tile's stays as it is */
        }
    }
    AMX_ZERO(&tiles, 0);
    AMX_STORE(&tiles, 0, after, sizeof after[0]);
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++)
            assert_int_equal(after[i][j], 0);
    }
    amx_close(&tiles);
}

/* By hand: products that floats hold, and a sum that would lose its 1 in another order. */
static void check_bf16_tile(void)
{
    const amx_config config = {.palette = 1, .row_bytes = {8, 8, 8}, .rows = {1, 1, 2}};
    const uint16_t a[4] = {0x3f80, 0x4000, 0xc040, 0x3f00}, /* 1, 2, -3, 1/2 */
        b[2][4] = {{0x4b80, 0x3f80, 0x4080, 0x40a0}, {0x4b80, 0x4000, 0x3f80, 0x0000}};
    /* b: 2^24 1 | 4 5; 2^24 2 | 1 0: a pair for each of two columns in each row. */
    float sum[2] = {0.25F, 100};
    amx_tiles tiles;
    amx_open(&tiles, &config);
    AMX_LOAD(&tiles, 0, sum, 8);
    AMX_LOAD(&tiles, 1, a, 8);
    AMX_LOAD(&tiles, 2, b, 8);
    AMX_DOT_BF16(&tiles, 0, 1, 2);
    AMX_STORE(&tiles, 0, sum, 8);
    amx_close(&tiles);
    /* Even places -2 · 2^24, odd ones 2 + 1; 4 - 3 and 10 + 0. */
    assert_true(sum[0] == 0.25F + (-0x1p25F + 3) && sum[1] == 100 + 1 + 10);
}

void check_amx_tiles(hg_rng *rng)
{
    check_bf16_tile();
    check_tile_shape(16, 16, 64, rng);
    check_tile_shape(3, 5, 8, rng);
    check_tile_shape(1, 16, 4, rng);
    check_tile_shape(16, 1, 60, rng);
    /* By hand: the largest products, one of which has no opposite. */
    const amx_config config = {.palette = 1, .row_bytes = {4, 4, 4}, .rows = {1, 1, 1}};
    const int8_t a[4] = {-128, 127, -1, 0}, b[4] = {-128, -128, 5, 9};
    int32_t sum = 0;
    amx_tiles tiles;
    amx_open(&tiles, &config);
    AMX_ZERO(&tiles, 2);
    AMX_LOAD(&tiles, 0, a, 4);
    AMX_LOAD(&tiles, 1, b, 4);
    AMX_DOT(&tiles, 2, 0, 1);
    AMX_DOT(&tiles, 2, 0, 1);
    AMX_STORE(&tiles, 2, &sum, 4);
    amx_close(&tiles);
    assert_int_equal(sum, 2 * (16384 - 16256 - 5));
}

static hg_kernels reference_copy(void)
{
    return *hg_kernels_get(HG_CPU_TIER_REFERENCE);
}

void check_amx_kernels(hg_rng *rng)
{
    hg_kernels table = reference_copy(), narrow = reference_copy();
    hg_kernels_set_amx_emulated(&table);
    hg_kernels_set_amx_narrow(&narrow);
    assert_true(table.wide);
    assert_true(table.gemm_wide != hg_kernels_get(HG_CPU_TIER_REFERENCE)->gemm_wide);
    check_wide(&table, rng);
    check_wide(&narrow, rng);
    check_wide_same(&table, &narrow, rng);
    assert_true(table.gemm_bf16 != hg_kernels_get(HG_CPU_TIER_REFERENCE)->gemm_bf16);
    check_bf16_products(&table, rng);
    if (hg_cpu_has(HG_CPU_TIER_AVX512_VNNI))
        check_wide_same(&table, hg_kernels_get(HG_CPU_TIER_AVX512_VNNI), rng);
}

void check_amx_trial(void)
{
    const hg_kernels *reference = hg_kernels_get(HG_CPU_TIER_REFERENCE);
    hg_kernels table = reference_copy();
    hg_kernels_set_amx_faulty(&table);
    assert_true(!table.wide);
    assert_true(table.gemm_wide == reference->gemm_wide && table.round_wide == reference->round_wide &&
                table.gemm_bf16 == reference->gemm_bf16);
    assert_string_equal(table.name, hg_cpu_tier_name(HG_CPU_TIER_AVX512_BF16));
}
