/* SPDX-License-Identifier: Apache-2.0
 *
 * text_golden.h: reads the files of reference/tokenizer_goldens.py, and makes folders with some of a
 * tokenizer's files.
 */
#ifndef HG_TESTS_TEXT_GOLDEN_H
#define HG_TESTS_TEXT_GOLDEN_H

#include "base/file.h"
#include "text/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define GOLDEN_STRINGS 1000
#define GOLDEN_SAME_IDS 65535
#define GOLDEN_SAME_TEXT 4294967295U

/* A file and how far it is read. */
typedef struct golden_file {
    hg_buffer data;
    size_t at;
} golden_file;

static inline golden_file golden_open(const char *name)
{
    golden_file f = {.at = 0};
    hg_error err = {0};
    char path[HG_PATH_BYTES];
    snprintf(path, sizeof path, HG_TEST_DATA "/text/%s", name);
    hg_buffer_init(&f.data, 1 << 20);
    if (hg_file_read(path, &f.data, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return f;
}

/* Fails unless everything was read. */
static inline void golden_close(golden_file *f)
{
    assert_int_equal(f->at, f->data.size);
    hg_buffer_deinit(&f->data);
}

static inline const uint8_t *golden_bytes(golden_file *f, size_t n)
{
    assert_true(n <= f->data.size - f->at);
    f->at += n;
    return f->data.data + f->at - n;
}

static inline uint32_t golden_number(golden_file *f, unsigned bytes)
{
    const uint8_t *b = golden_bytes(f, bytes);
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint32_t)b[i] << (8 * i);
    return value;
}

/* The strings that all families encode; fills `strings` (GOLDEN_STRINGS). */
static inline golden_file golden_strings(hg_text_segment *strings)
{
    golden_file f = golden_open("strings.bin");
    assert_int_equal(golden_number(&f, 4), GOLDEN_STRINGS);
    for (size_t i = 0; i < GOLDEN_STRINGS; i++) {
        size_t n = golden_number(&f, 4);
        strings[i] = (hg_text_segment){(const char *)golden_bytes(&f, n), n, false};
    }
    return f;
}

/* A folder under /tmp with links to the space-separated files of tests/data/text/FAMILY. */
static inline void golden_folder(char path[64], const char *family, const char *files)
{
    snprintf(path, 64, "/tmp/hg_text_XXXXXX");
    assert_non_null(mkdtemp(path));
    char list[256], from[HG_PATH_BYTES], to[HG_PATH_BYTES];
    snprintf(list, sizeof list, "%s", files);
    for (char *name = strtok(list, " "); name != NULL; name = strtok(NULL, " ")) {
        snprintf(from, sizeof from, HG_TEST_DATA "/text/%s/%s", family, name);
        snprintf(to, sizeof to, "%s/%s", path, name);
        assert_int_equal(symlink(from, to), 0);
    }
}

static inline void golden_folder_file(const char *folder, const char *name, const void *bytes, size_t n)
{
    char path[HG_PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static inline hg_status golden_remove_name(void *folder, const char *name, hg_error *err)
{
    (void)err;
    char path[HG_PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", (const char *)folder, name);
    return unlink(path) == 0 ? HG_STATUS_OK : HG_STATUS_FAILED;
}

static inline void golden_folder_remove(char *folder)
{
    assert_int_equal(hg_folder_list(folder, golden_remove_name, folder, NULL), HG_STATUS_OK);
    assert_int_equal(rmdir(folder), 0);
}

static inline hg_tokenizer *golden_tokenizer(const char *path)
{
    hg_tokenizer *tok = NULL;
    hg_error err = {0};
    if (hg_tokenizer_open(&tok, path, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return tok;
}

/* A family's folder as it is. */
static inline hg_tokenizer *golden_family(const char *family)
{
    char path[HG_PATH_BYTES];
    snprintf(path, sizeof path, HG_TEST_DATA "/text/%s", family);
    return golden_tokenizer(path);
}

#endif
