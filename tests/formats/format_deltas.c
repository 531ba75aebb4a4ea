/* SPDX-License-Identifier: Apache-2.0
 *
 * format_deltas.c: applies deltas and checks how readers take the result.
 */
#include "format_deltas.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void format_check_text(const hg_error *err, const char *fragment)
{
    if (strstr(err->text, fragment) == NULL)
        fail_msg("the error is '%s', expected '%s' in it", err->text, fragment);
}

hg_buffer format_read(const char *name)
{
    char path[HG_PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", HG_TEST_DATA, name);
    hg_buffer file;
    hg_error err = {.text = ""};
    hg_buffer_init(&file, (size_t)1 << 24);
    if (hg_file_read(path, &file, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return file;
}

static hg_status read_copy(format_reader read, const uint8_t *data, size_t size, hg_error *err)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    assert_non_null(copy);
    memcpy(copy, data, size);
    hg_status status = read(copy, size, err);
    free(copy);
    return status;
}

static size_t find_bytes(const hg_buffer *file, const format_delta *d)
{
    for (size_t at = 0; at + d->find_bytes <= file->size; at++) {
        if (memcmp(file->data + at, d->find, d->find_bytes) == 0)
            return at;
    }
    fail_msg("the file has nothing to replace for '%s'", d->expected);
    return 0;
}

static void check_delta(const hg_buffer *file, format_reader read, const format_delta *d)
{
    size_t at = find_bytes(file, d), rest = at + d->find_bytes;
    hg_buffer changed;
    hg_buffer_init(&changed, (size_t)1 << 24);
    assert_true(hg_buffer_push(&changed, file->data, at));
    assert_true(hg_buffer_push(&changed, d->replace, d->replace_bytes));
    assert_true(hg_buffer_push(&changed, file->data + rest, file->size - rest));
    hg_error err = {.text = "no error"};
    hg_status status = read_copy(read, changed.data, changed.size, &err);
    hg_buffer_deinit(&changed);
    format_check_text(&err, d->expected);
    assert_int_equal(status, HG_STATUS_INPUT);
}

void format_check_deltas(const char *name, format_reader read, const format_delta *deltas, size_t n)
{
    hg_buffer file = format_read(name);
    hg_error err = {.text = ""};
    if (read_copy(read, file.data, file.size, &err) != HG_STATUS_OK)
        fail_msg("%s itself: %s", name, err.text);
    for (size_t i = 0; i < n; i++)
        check_delta(&file, read, &deltas[i]);
    hg_buffer_deinit(&file);
}

void format_check_truncated(const char *name, size_t tail, format_reader read)
{
    hg_buffer file = format_read(name);
    for (size_t n = 0; n + tail < file.size; n++) {
        hg_error err = {.text = ""};
        if (read_copy(read, file.data, n, &err) != HG_STATUS_INPUT)
            fail_msg("%s cut to %zu of %zu bytes is not refused", name, n, file.size);
        assert_true(err.text[0] != 0);
    }
    hg_buffer_deinit(&file);
}
