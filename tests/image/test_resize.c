/* SPDX-License-Identifier: Apache-2.0
 *
 * test_resize.c: every case of resize.bin in full against what Pillow gave, and pictures on a canvas against
 * the same canvas drawn out.
 */
#include "image/resize.h"

#include "base/memory.h"
#include "image_golden.h"

typedef struct resize_case {
    int filter;
    int channels;
    int width;
    int height;
    int out_width;
    int out_height;
} resize_case;

/* The generator of reference/make_images.py. */
static void resize_generate(uint8_t *out, size_t n, uint32_t number)
{
    uint32_t state = number * 7919 + 12345;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525U + 1013904223U;
        uint32_t value = state >> 24;
        out[i] = (uint8_t)(value < 42 ? 0 : value > 213 ? 255 : value);
    }
}

static int resize_number(const uint8_t *bytes)
{
    return bytes[0] | bytes[1] << 8;
}

/* Compares case `number` with the bytes at `want` and returns how many those are. */
static size_t resize_check(const resize_case *c, uint32_t number, const uint8_t *want)
{
    hg_error err = {0};
    size_t n_in = (size_t)c->width * (size_t)c->height * (size_t)c->channels;
    size_t n_out = (size_t)c->out_width * (size_t)c->out_height * (size_t)c->channels;
    uint8_t *in = hg_mem_alloc(n_in);
    uint8_t *out = hg_mem_alloc(n_out);
    resize_generate(in, n_in, number);
    assert_int_equal(hg_resize_u8(out, c->out_width, c->out_height, in, c->width, c->height, c->channels,
                                  (hg_resize_filter)c->filter, &err),
                     HG_STATUS_OK);
    for (size_t i = 0; i < n_out; i++) {
        if (out[i] != want[i])
            fail_msg("case %u (filter %d, %d channels, %d x %d to %d x %d): byte %zu is %d, not %d", number,
                     c->filter, c->channels, c->width, c->height, c->out_width, c->out_height, i, out[i],
                     want[i]);
    }
    hg_mem_free(in);
    hg_mem_free(out);
    return n_out;
}

static void test_like_pillow(void **state)
{
    (void)state;
    hg_buffer file;
    golden_load(&file, "resize.bin");
    uint32_t n_cases = 0;
    for (size_t at = 0; at < file.size; n_cases++) {
        int fields[6];
        assert_true(at + 12 <= file.size);
        for (size_t i = 0; i < 6; i++)
            fields[i] = resize_number(file.data + at + 2 * i);
        resize_case c = {fields[0], fields[1], fields[2], fields[3], fields[4], fields[5]};
        at += 12;
        assert_true(at + (size_t)(c.out_width * c.out_height * c.channels) <= file.size);
        at += resize_check(&c, n_cases, file.data + at);
    }
    assert_int_equal(n_cases, 144);
    hg_buffer_deinit(&file);
}

/* A canvas that is not stored gives the bytes of one that is. */
static void test_canvas(void **state)
{
    (void)state;
    static const int places[4][4] = {{0, 0, 11, 20}, {4, 6, 11, 13}, {9, 1, 30, 9}, {0, 13, 11, 20}};
    uint8_t small[11 * 7 * 3];
    uint8_t drawn[30 * 20 * 3];
    uint8_t want[9 * 8 * 3];
    uint8_t got[9 * 8 * 3];
    hg_error err = {0};
    resize_generate(small, sizeof small, 5);
    for (int p = 0; p < 4; p++) {
        int left = places[p][0];
        int top = places[p][1];
        hg_resize_canvas canvas = {.pixels = small,
                                   .width = 11,
                                   .height = 7,
                                   .channels = 3,
                                   .canvas_width = places[p][2] + left,
                                   .canvas_height = places[p][3],
                                   .left = left,
                                   .top = top,
                                   .colour = {9, 250, 99}};
        canvas.canvas_width = canvas.canvas_width > 30 ? 30 : canvas.canvas_width;
        for (int i = 0; i < canvas.canvas_width * canvas.canvas_height; i++)
            memcpy(drawn + 3 * i, canvas.colour, 3);
        for (int y = 0; y < 7; y++)
            memcpy(drawn + ((top + y) * canvas.canvas_width + left) * 3, small + y * 33, 33);
        for (int filter = 0; filter < 3; filter++) {
            assert_int_equal(hg_resize_u8(want, 9, 8, drawn, canvas.canvas_width, canvas.canvas_height, 3,
                                          (hg_resize_filter)filter, &err),
                             HG_STATUS_OK);
            assert_int_equal(hg_resize_canvas_u8(got, 9, 8, &canvas, (hg_resize_filter)filter, &err),
                             HG_STATUS_OK);
            assert_memory_equal(got, want, sizeof want);
        }
    }
}

static void test_bad_sizes(void **state)
{
    (void)state;
    uint8_t in[12] = {0};
    uint8_t out[12];
    hg_error err = {0};
    hg_resize_filter cubic = HG_RESIZE_FILTER_BICUBIC;
    assert_int_equal(hg_resize_u8(out, 0, 1, in, 2, 2, 3, cubic, &err), HG_STATUS_USAGE);
    assert_int_equal(hg_resize_u8(out, 1, 1, in, 0, 2, 3, cubic, &err), HG_STATUS_USAGE);
    assert_int_equal(hg_resize_u8(out, 1, 1, in, 2, 2, 5, cubic, &err), HG_STATUS_USAGE);
    hg_resize_canvas canvas = {.pixels = in,
                               .width = 2,
                               .height = 2,
                               .channels = 3,
                               .canvas_width = 3,
                               .canvas_height = 3,
                               .left = 2};
    assert_int_equal(hg_resize_canvas_u8(out, 1, 1, &canvas, cubic, &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "2 x 2 pixels"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_like_pillow), cmocka_unit_test(test_canvas),
                                       cmocka_unit_test(test_bad_sizes)};
    return cmocka_run_group_tests_name("resize", tests, NULL, NULL);
}
