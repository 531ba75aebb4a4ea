/* SPDX-License-Identifier: Apache-2.0
 *
 * test_key_fields.c: members of every kind come back; what is missing, of another type or out of range is
 * refused with the key's name.
 */
#include "package/key_fields.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct settings {
    int64_t big;
    int32_t id;
    int count;
    float rate;
    double base;
    bool on;
    char text[8];
} settings;

#define S(member) offsetof(settings, member)
static const hg_key_field fields[] = {
    {"big", HG_KEY_I64, S(big), 1, 1 << 30, false}, {"id", HG_KEY_I32, S(id), -1, 100, false},
    {"count", HG_KEY_INT, S(count), 0, 3, true},    {"rate", HG_KEY_F32, S(rate), 0.5, 2, false},
    {"base", HG_KEY_F64, S(base), 1, 1e6, false},   {"on", HG_KEY_BOOL, S(on), 0, 0, false},
    {"text", HG_KEY_TEXT, S(text), 0, 8, true},     {NULL, HG_KEY_BOOL, 0, 0, 0, false},
};

static const settings good = {1 << 30, -1, 3, 0.75F, 10000, true, "seven77"};

static hg_buffer file;

/* What the builder has, as a file in memory. */
static hg_gguf *open_builder(hg_gguf_builder *b)
{
    hg_gguf *g = NULL;
    uint8_t head[24] = {'G', 'G', 'U', 'F', 3, [16] = (uint8_t)b->n_values};
    assert_int_equal(hg_gguf_builder_status(b, NULL), HG_STATUS_OK);
    hg_buffer_init(&file, 4096);
    assert_true(hg_buffer_push(&file, head, sizeof head));
    assert_true(b->bytes.size == 0 || hg_buffer_push(&file, b->bytes.data, b->bytes.size));
    assert_int_equal(hg_gguf_open_memory(&g, file.data, file.size, NULL), HG_STATUS_OK);
    hg_gguf_builder_deinit(b);
    return g;
}

static void close_builder(hg_gguf *g)
{
    hg_gguf_close(g);
    hg_buffer_deinit(&file);
}

static hg_status read_back(const settings *from, settings *to, hg_error *err)
{
    hg_gguf_builder b;
    hg_gguf_builder_init(&b);
    hg_key_fields_put(&b, "x.y", fields, from);
    hg_gguf *g = open_builder(&b);
    hg_status status = hg_key_fields_get(g, "x.y", fields, to, err);
    close_builder(g);
    return status;
}

static void test_there_and_back(void **state)
{
    (void)state;
    settings got = {0};
    assert_int_equal(read_back(&good, &got, NULL), HG_STATUS_OK);
    assert_true(got.big == good.big && got.id == -1 && got.count == 3 && got.on);
    assert_true(got.rate == 0.75F && got.base == 10000.0);
    assert_string_equal(got.text, "seven77");
    settings plain = good;
    plain.text[0] = 0; /* left out, and so left alone */
    strcpy(got.text, "old");
    assert_int_equal(read_back(&plain, &got, NULL), HG_STATUS_OK);
    assert_string_equal(got.text, "old");
}

static void expect_refused(const settings *from, const char *text)
{
    settings got = {0};
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(read_back(from, &got, &err), HG_STATUS_INPUT);
    if (strstr(err.text, text) == NULL)
        fail_msg("'%s' is not in: %s", text, err.text);
}

static void test_ranges(void **state)
{
    (void)state;
    settings s = good;
    s.big = 0;
    expect_refused(&s, "x.y.big is 0, expected 1 to 1073741824");
    s.big = (1 << 30) + 1;
    expect_refused(&s, "x.y.big is 1073741825");
    s = good;
    s.id = -2;
    expect_refused(&s, "x.y.id is -2, expected -1 to 100");
    s = good;
    s.count = 4;
    expect_refused(&s, "x.y.count is 4");
    s = good;
    s.rate = 0.25F;
    expect_refused(&s, "x.y.rate is 0.25, expected 0.5 to 2");
    s.rate = NAN;
    expect_refused(&s, "x.y.rate");
    s = good;
    s.base = INFINITY;
    expect_refused(&s, "x.y.base");
}

static void test_missing(void **state)
{
    (void)state;
    for (size_t i = 0; fields[i].key != NULL; i++) {
        hg_gguf_builder b;
        hg_error err = {HG_STATUS_OK, ""};
        settings got = {.count = 2, .text = "old"};
        hg_gguf_builder_init(&b);
        for (size_t k = 0; fields[k].key != NULL; k++) {
            const hg_key_field one[2] = {fields[k], {NULL, HG_KEY_BOOL, 0, 0, 0, false}};
            if (k != i)
                hg_key_fields_put(&b, "x.y", one, &good);
        }
        hg_gguf *g = open_builder(&b);
        hg_status status = hg_key_fields_get(g, "x.y", fields, &got, &err);
        assert_int_equal(status, fields[i].optional ? HG_STATUS_OK : HG_STATUS_INPUT);
        if (!fields[i].optional)
            assert_non_null(strstr(err.text, fields[i].key));
        close_builder(g);
    }
}

static void expect_text(const char *bytes, size_t n, hg_status status)
{
    hg_gguf_builder b;
    char out[8] = "old";
    hg_gguf_builder_init(&b);
    hg_gguf_put_bytes(&b, "t", bytes, n);
    hg_gguf *g = open_builder(&b);
    assert_int_equal(hg_key_get_text(g, "t", out, sizeof out, NULL), status);
    assert_string_equal(out, status == HG_STATUS_OK ? bytes : "old");
    close_builder(g);
}

static void test_text(void **state)
{
    (void)state;
    expect_text("", 0, HG_STATUS_OK);
    expect_text("1234567", 7, HG_STATUS_OK);
    expect_text("12345678", 8, HG_STATUS_INPUT);
    expect_text("12\0004", 4, HG_STATUS_INPUT);
}

static void expect_list(const int64_t *values, int n, hg_status status)
{
    hg_gguf_builder b;
    int64_t out[4] = {0};
    int count = -1;
    hg_gguf_builder_init(&b);
    hg_key_put_i64s(&b, "l", values, n);
    hg_gguf *g = open_builder(&b);
    assert_int_equal(hg_key_get_i64s(g, "l", -5, 100, 4, out, &count, NULL), status);
    if (status == HG_STATUS_OK) {
        assert_int_equal(count, n);
        assert_memory_equal(out, values, (size_t)n * sizeof *out);
    } else {
        assert_int_equal(count, -1);
    }
    close_builder(g);
}

static void test_lists(void **state)
{
    (void)state;
    const int64_t values[] = {-5, 100, 0, 7, 8}, low[] = {1, -6}, high[] = {101};
    expect_list(values, 0, HG_STATUS_OK);
    expect_list(values, 4, HG_STATUS_OK);
    expect_list(values, 5, HG_STATUS_INPUT);
    expect_list(low, 2, HG_STATUS_INPUT);
    expect_list(high, 1, HG_STATUS_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_ranges),
                                       cmocka_unit_test(test_missing), cmocka_unit_test(test_text),
                                       cmocka_unit_test(test_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
