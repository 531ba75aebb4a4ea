/* SPDX-License-Identifier: Apache-2.0
 *
 * test_kv_cache.c: what is put is seen again at its position, in each type, and in no other layer, also when
 * a layer has moved to a larger place.
 */
#include "model/kv_cache.h"
#include "ops/attention_online.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LAYERS = 2, HEADS = 16, DIM = 32, ROW = HEADS * DIM, POSITIONS = 5 };

/* Small whole numbers, which every type holds exactly. */
static float value_at(int64_t layer, int64_t half, int64_t position, int64_t i)
{
    return (float)(40 * layer + 20 * half + 5 * position + i % 64);
}

/* Puts `n` positions into a layer, from rows that lie in wider ones, as a fused projection gives them. */
static void put(hg_kv_cache *cache, int64_t layer, int64_t n)
{
    float rows[POSITIONS][2 * ROW];
    for (int64_t t = 0; t < n; t++) {
        for (int64_t i = 0; i < 2 * ROW; i++)
            rows[t][i] = value_at(layer, i / ROW, cache->length + t, i % ROW);
    }
    hg_tensor both = hg_tensor_make(HG_DTYPE_F32, 2, (int64_t[]){n, 2 * ROW}, rows);
    hg_tensor keys = hg_tensor_view_columns(&both, 0, ROW), values = hg_tensor_view_columns(&both, ROW, ROW);
    keys = hg_tensor_view_heads(&keys, HEADS);
    values = hg_tensor_view_heads(&values, HEADS);
    hg_ctx ctx;
    hg_ctx_init(&ctx, NULL, hg_kernels_get(hg_cpu_detect()), 2);
    hg_kv_cache_put(&ctx, cache, layer, &keys, &values);
}

static void expect(const hg_tensor *view, hg_dtype type, int64_t layer, int64_t half, int64_t n)
{
    float got[POSITIONS * ROW];
    assert_int_equal(view->dtype, type);
    assert_int_equal(view->n_dims, 4);
    assert_int_equal(view->shape[0], n);
    assert_int_equal(hg_attention_heads(view), HEADS);
    assert_int_equal(hg_attention_dim(view), DIM);
    for (int64_t t = 0; t < n; t++) {
        for (int64_t h = 0; h < HEADS; h++)
            hg_dtype_to_real(type, DIM, hg_attention_head(view, t, h), got + t * ROW + h * DIM);
    }
    for (int64_t t = 0; t < n; t++) {
        for (int64_t i = 0; i < ROW; i++)
            assert_true(fabsf(got[t * ROW + i] - value_at(layer, half, t, i)) <=
                        (type == HG_DTYPE_Q8_0 ? 0.6F : 0));
    }
}

static void check_type(hg_dtype type, int n_threads)
{
    hg_kv_cache cache;
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_kv_cache_init(&cache, type, LAYERS, HEADS, DIM, POSITIONS, &err), HG_STATUS_OK);
    assert_int_equal(cache.length, 0);
    hg_kv_cache_lay(&cache, n_threads);
    static const int64_t counts[] = {3, 1, 1};
    for (int step = 0; step < 3; step++) {
        for (int64_t layer = 0; layer < LAYERS; layer++)
            put(&cache, layer, counts[step]);
        hg_kv_cache_advance(&cache, counts[step]);
    }
    assert_int_equal(cache.length, POSITIONS);
    for (int64_t layer = 0; layer < LAYERS; layer++) {
        for (int64_t n = 1; n <= POSITIONS; n++) {
            hg_tensor keys = hg_kv_cache_view_keys(&cache, layer, n);
            hg_tensor values = hg_kv_cache_view_values(&cache, layer, n);
            expect(&keys, type, layer, 0, n);
            expect(&values, type, layer, 1, n);
        }
    }
    hg_kv_cache_deinit(&cache);
    assert_null(cache.layers);
}

static void test_types(void **state)
{
    (void)state;
    for (int n_threads = 1; n_threads <= 4; n_threads *= 2) {
        check_type(HG_DTYPE_F32, n_threads);
        check_type(HG_DTYPE_F16, n_threads);
        check_type(HG_DTYPE_BF16, n_threads);
        check_type(HG_DTYPE_Q8_0, n_threads);
    }
}

/* Heads lie abreast as long as there are sets of them for all threads. */
static void test_lay(void **state)
{
    (void)state;
    static const struct {
        hg_dtype type;
        int64_t n_heads;
        int n_threads;
        int64_t want;
    } list[] = {{HG_DTYPE_F16, 32, 1, 4},  {HG_DTYPE_F16, 32, 2, 4},  {HG_DTYPE_F32, 32, 4, 2},
                {HG_DTYPE_BF16, 32, 8, 1}, {HG_DTYPE_F16, 32, 64, 1}, {HG_DTYPE_Q8_0, 32, 1, 1},
                {HG_DTYPE_F16, 10, 1, 2},  {HG_DTYPE_F16, 10, 2, 1},  {HG_DTYPE_F16, 1, 1, 1}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        hg_kv_cache cache;
        hg_error err;
        assert_int_equal(hg_kv_cache_init(&cache, list[i].type, 1, list[i].n_heads, DIM, 8, &err),
                         HG_STATUS_OK);
        assert_int_equal(cache.abreast, 1);
        hg_kv_cache_lay(&cache, list[i].n_threads);
        assert_int_equal(cache.abreast, list[i].want);
        hg_kv_cache_deinit(&cache);
    }
}

/* A put that is not counted in is written over by the next. */
static void test_put_without_advance(void **state)
{
    (void)state;
    hg_kv_cache cache;
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_kv_cache_init(&cache, HG_DTYPE_F32, 1, HEADS, DIM, POSITIONS, &err), HG_STATUS_OK);
    put(&cache, 0, 2);
    hg_kv_cache_advance(&cache, 2);
    put(&cache, 0, 3);
    assert_int_equal(cache.length, 2);
    cache.length = 1;
    put(&cache, 0, 1);
    hg_kv_cache_advance(&cache, 1);
    hg_tensor keys = hg_kv_cache_view_keys(&cache, 0, cache.length);
    expect(&keys, HG_DTYPE_F32, 0, 0, 2);
    hg_kv_cache_deinit(&cache);
}

/* Keys of the first layer at all positions. */
static void expect_keys(const hg_kv_cache *cache)
{
    const hg_tensor keys = hg_kv_cache_view_keys(cache, 0, cache->length);
    for (int64_t t = 0; t < cache->length; t++) {
        for (int64_t i = 0; i < ROW; i++) {
            const float *at = hg_attention_head(&keys, t, i / DIM);
            assert_true(at[i % DIM] == value_at(0, 0, t, i));
        }
    }
}

/* Room for positions of a head, which lie one after the other. */
static int64_t room(const hg_kv_cache *cache)
{
    const hg_tensor keys = hg_kv_cache_view_keys(cache, 0, 1);
    return keys.stride[1] / keys.stride[0];
}

/* Positions stay when a layer moves; the room grows by half each time, but not beyond the capacity. */
static void check_growth(int n_threads)
{
    enum { CAPACITY = 1001 };
    hg_kv_cache cache;
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_kv_cache_init(&cache, HG_DTYPE_F32, 1, HEADS, DIM, CAPACITY, &err), HG_STATUS_OK);
    hg_kv_cache_lay(&cache, n_threads);
    int moves = 0;
    for (int64_t before = 0; cache.length < CAPACITY; before = room(&cache)) {
        const int64_t left = CAPACITY - cache.length, n = left < POSITIONS ? left : POSITIONS;
        put(&cache, 0, n);
        hg_kv_cache_advance(&cache, n);
        assert_true(room(&cache) >= cache.length && room(&cache) <= CAPACITY);
        if (before > 0 && room(&cache) != before) {
            moves++;
            assert_true(2 * room(&cache) >= 3 * before || room(&cache) == CAPACITY);
            expect_keys(&cache);
        }
    }
    assert_true(moves >= 2);
    expect_keys(&cache);
    hg_kv_cache_deinit(&cache);
}

static void test_growth(void **state)
{
    (void)state;
    check_growth(1);
    check_growth(4);
}

/* What is planned has room from the start. */
static void test_planned(void **state)
{
    (void)state;
    hg_kv_cache cache;
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_kv_cache_init(&cache, HG_DTYPE_F32, 1, HEADS, DIM, 1000, &err), HG_STATUS_OK);
    cache.planned = 600;
    put(&cache, 0, 1);
    assert_true(room(&cache) >= 600 && room(&cache) < 1000);
    hg_kv_cache_deinit(&cache);
    assert_int_equal(hg_kv_cache_init(&cache, HG_DTYPE_F32, 1, HEADS, DIM, 500, &err), HG_STATUS_OK);
    cache.planned = 600;
    put(&cache, 0, 1);
    assert_int_equal(room(&cache), 500);
    hg_kv_cache_deinit(&cache);
}

/* Positions of another cache, instead of one's own; the other stays as it is. */
static void test_copy(void **state)
{
    (void)state;
    hg_kv_cache caches[2];
    hg_error err = {HG_STATUS_OK, ""};
    hg_ctx ctx;
    hg_ctx_init(&ctx, NULL, hg_kernels_get(hg_cpu_detect()), 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(hg_kv_cache_init(&caches[i], HG_DTYPE_F16, LAYERS, HEADS, DIM, 500, &err),
                         HG_STATUS_OK);
        hg_kv_cache_lay(&caches[i], 2);
        caches[i].planned = i == 0 ? 300 : 0; /* other distances between heads */
        caches[i].length = 1 - i;             /* other values at the same positions */
        for (int64_t layer = 0; layer < LAYERS; layer++)
            put(&caches[i], layer, POSITIONS - 1);
        caches[i].length = POSITIONS - 1;
    }
    caches[0].length = 2;
    assert_true(hg_kv_cache_copy(&ctx, &caches[0], &caches[1], 3));
    assert_int_equal(caches[0].length, 3);
    assert_int_equal(caches[1].length, POSITIONS - 1);
    for (int64_t layer = 0; layer < LAYERS; layer++) {
        for (int i = 0; i < 2; i++) {
            const hg_tensor keys = hg_kv_cache_view_keys(&caches[i], layer, 3),
                            values = hg_kv_cache_view_values(&caches[i], layer, 3);
            expect(&keys, HG_DTYPE_F16, layer, 0, 3);
            expect(&values, HG_DTYPE_F16, layer, 1, 3);
        }
    }
    for (int i = 0; i < 2; i++)
        hg_kv_cache_deinit(&caches[i]);
}

static void test_sizes(void **state)
{
    (void)state;
    hg_kv_cache cache;
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_kv_cache_bytes(HG_DTYPE_F32, LAYERS, HEADS, DIM, POSITIONS),
                     2 * LAYERS * ROW * POSITIONS * 4);
    assert_int_equal(hg_kv_cache_bytes(HG_DTYPE_F16, LAYERS, HEADS, DIM, POSITIONS),
                     2 * LAYERS * ROW * POSITIONS * 2);
    assert_int_equal(hg_kv_cache_bytes(HG_DTYPE_F32, LAYERS, HEADS, DIM, 0), 0);
    assert_int_equal(hg_kv_cache_bytes(HG_DTYPE_F32, INT64_MAX, 2, DIM, POSITIONS), 0);
    assert_int_equal(hg_kv_cache_bytes(HG_DTYPE_Q8_0, LAYERS, HEADS, DIM, POSITIONS),
                     2 * LAYERS * HEADS * POSITIONS * 34);
    assert_int_equal(hg_kv_cache_bytes(HG_DTYPE_Q8_0, LAYERS, HEADS, 80, POSITIONS), 0); /* no whole blocks */
    assert_int_equal(hg_kv_cache_init(&cache, HG_DTYPE_F32, LAYERS, HEADS, DIM, -1, &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "-1 positions"));
    hg_kv_cache_deinit(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types),
                                       cmocka_unit_test(test_lay),
                                       cmocka_unit_test(test_put_without_advance),
                                       cmocka_unit_test(test_growth),
                                       cmocka_unit_test(test_planned),
                                       cmocka_unit_test(test_copy),
                                       cmocka_unit_test(test_sizes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
