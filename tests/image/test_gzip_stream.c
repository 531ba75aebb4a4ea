/* SPDX-License-Identifier: Apache-2.0
 *
 * test_gzip_stream.c: reading and passing over, plain and packed, in steps of any size, over several members,
 * and what is cut short or damaged. The packed bytes are zlib's.
 */
#include "image/gzip_stream.h"

#include "image_golden.h"

#define STREAM_BYTES 100000
#define STREAM_PACKED 200000

static uint8_t stream_plain[STREAM_BYTES];
static uint8_t stream_packed[STREAM_PACKED];

/* Packs plain[from..to) as a member at `out`; its length. */
static size_t stream_pack(uint8_t *out, size_t from, size_t to)
{
    z_stream z = {.next_in = stream_plain + from, .avail_in = (uInt)(to - from), .next_out = out};
    z.avail_out = STREAM_PACKED / 2;
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = z.total_out;
    deflateEnd(&z);
    return n;
}

/* Two members, and some bytes that are no member. */
static size_t stream_make(void)
{
    uint32_t seed = 7;
    for (size_t i = 0; i < STREAM_BYTES; i++) {
        seed = seed * 1664525 + 1013904223;
        stream_plain[i] = (uint8_t)(seed >> 28);
    }
    size_t n = stream_pack(stream_packed, 0, 60000);
    n += stream_pack(stream_packed + n, 60000, STREAM_BYTES);
    memcpy(stream_packed + n, "trailing bytes that are not gzip", 32);
    return n + 32;
}

static void stream_check(const uint8_t *bytes, size_t n)
{
    static const size_t steps[] = {1, 7, 4096, 33333, STREAM_BYTES};
    uint8_t out[STREAM_BYTES];
    for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
        hg_gzip_stream stream;
        hg_error err = {0};
        size_t at = 0, got;
        assert_int_equal(hg_gzip_stream_init(&stream, bytes, n, &err), HG_STATUS_OK);
        for (int i = 0; at < STREAM_BYTES; i++) {
            size_t step = steps[s] < STREAM_BYTES - at ? steps[s] : STREAM_BYTES - at;
            if (i % 3 == 1)
                assert_int_equal(hg_gzip_stream_skip(&stream, step, &err), HG_STATUS_OK);
            else {
                assert_int_equal(hg_gzip_stream_take(&stream, out, step, &err), HG_STATUS_OK);
                assert_memory_equal(out, stream_plain + at, step);
            }
            at += step;
        }
        assert_int_equal(hg_gzip_stream_read(&stream, out, 5, &got, &err), HG_STATUS_OK);
        assert_int_equal(got, 0);
        assert_int_equal(hg_gzip_stream_skip(&stream, 1, &err), HG_STATUS_INPUT);
        hg_gzip_stream_deinit(&stream);
    }
}

static void test_whole(void **state)
{
    (void)state;
    size_t n = stream_make();
    stream_check(stream_packed, n);
    stream_check(stream_plain, STREAM_BYTES);
}

static void test_damaged(void **state)
{
    (void)state;
    size_t n = stream_make();
    uint8_t out[STREAM_BYTES];
    hg_gzip_stream stream;
    hg_error err = {0};
    assert_int_equal(hg_gzip_stream_init(&stream, stream_packed, n / 3, &err), HG_STATUS_OK);
    assert_int_equal(hg_gzip_stream_take(&stream, out, STREAM_BYTES, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "cut short"));
    hg_gzip_stream_deinit(&stream);
    memset(stream_packed + 2000, 0xff, 64);
    assert_int_equal(hg_gzip_stream_init(&stream, stream_packed, n, &err), HG_STATUS_OK);
    assert_int_equal(hg_gzip_stream_take(&stream, out, STREAM_BYTES, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "damaged gzip"));
    hg_gzip_stream_deinit(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole), cmocka_unit_test(test_damaged)};
    return cmocka_run_group_tests_name("gzip_stream", tests, NULL, NULL);
}
