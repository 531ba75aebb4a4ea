/* SPDX-License-Identifier: Apache-2.0
 *
 * test_zip_directory.c: the directory of an archive that PyTorch wrote, compared with libzip, and damaged
 * ones.
 */
#include "base/file.h"
#include "format_deltas.h"
#include "formats/zip_directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zip.h>

static hg_status read_directory(const uint8_t *data, size_t size, hg_error *err)
{
    hg_zip_directory directory;
    hg_arena arena;
    hg_arena_init(&arena, 4096, (size_t)1 << 24);
    hg_status status = hg_zip_directory_read(&directory, &arena, data, size, err);
    hg_arena_deinit(&arena);
    return status;
}

static void check_entry(zip_t *archive, zip_int64_t i, const hg_zip_entry *e)
{
    zip_stat_t info;
    assert_int_equal(zip_stat_index(archive, (zip_uint64_t)i, 0, &info), 0);
    assert_string_equal(e->name, info.name);
    assert_int_equal(e->bytes, info.comp_size);
    assert_int_equal(e->crc32, info.crc);
    assert_true(e->is_stored == (info.comp_method == ZIP_CM_STORE));
    if (!e->is_stored)
        return;
    uint8_t *content = malloc(info.size + 1);
    zip_file_t *file = zip_fopen_index(archive, (zip_uint64_t)i, 0);
    assert_int_equal(zip_fread(file, content, info.size), (zip_int64_t)info.size);
    assert_memory_equal(content, e->data, info.size);
    zip_fclose(file);
    free(content);
}

static void check_archive(const char *name)
{
    hg_buffer file = format_read(name);
    hg_zip_directory d;
    hg_arena arena;
    hg_error err;
    hg_arena_init(&arena, 4096, (size_t)1 << 24);
    assert_int_equal(hg_zip_directory_read(&d, &arena, file.data, file.size, &err), HG_STATUS_OK);
    char path[HG_PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", HG_TEST_DATA, name);
    zip_t *archive = zip_open(path, ZIP_RDONLY, NULL);
    assert_non_null(archive);
    assert_int_equal(d.n_entries, zip_get_num_entries(archive, 0));
    for (size_t i = 0; i < d.n_entries; i++) {
        check_entry(archive, (zip_int64_t)i, &d.entries[i]);
        assert_ptr_equal(hg_zip_directory_find(&d, d.entries[i].name), &d.entries[i]);
    }
    assert_null(hg_zip_directory_find(&d, "nobody"));
    zip_close(archive);
    hg_arena_deinit(&arena);
    hg_buffer_deinit(&file);
}

static void test_against_libzip(void **state)
{
    (void)state;
    check_archive("formats/tiny.bin");
    check_archive("formats/lightning.ckpt");
    check_archive("formats/hostile/compressed.bin");
    check_archive("formats/hostile/no_folder.bin");
}

/* Offsets of module.pt's records are found by their signatures. */
static void test_deltas(void **state)
{
    (void)state;
    static const format_delta deltas[] = {
        FORMAT_DELTA("PK\3\4", "PK\3\5", "entry 'module/data.pkl': no header at 0"),
        FORMAT_DELTA("module/data.pkl", "module/data.pkk", "entry 'module/data.pkl' has another name"),
        FORMAT_DELTA("PK\1\2", "PK\1\1", "no directory record at"),
        FORMAT_DELTA("PK\5\6", "PK\5\7", "no end record in"),
        FORMAT_DELTA("PK\6\6", "PK\6\5", "no zip64 end record at"),
        FORMAT_DELTA("PK\6\7\0\0\0\0\xa6\7\0\0\0\0\0\0", "PK\6\7\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
                     "no zip64 end record at 18446744073709551615"),
        FORMAT_DELTA("PK\6\6,\0\0\0\0\0\0\0\x1e\3-\0\0\0\0\0", "PK\6\6,\0\0\0\0\0\0\0\x1e\3-\0\1\0\0\0",
                     "archives in several parts"),
        FORMAT_DELTA("\0\0\0\0\x08\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0",
                     "\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\x0f\xff\xff\xff\xff\xff\xff\xff\x0f",
                     "1152921504606846975 entries"),
        FORMAT_DELTA("module/data/1PK\1\2", "module/data/0PK\1\2", "entry 'module/data/0' has another name"),
    };
    format_check_deltas("formats/module.pt", read_directory, deltas, sizeof deltas / sizeof deltas[0]);
}

static void test_sizes(void **state)
{
    (void)state;
    hg_buffer file = format_read("formats/hostile/no_folder.bin");
    hg_error err;
    uint8_t *central = NULL;
    for (size_t i = 0; i + 4 < file.size; i++) {
        if (memcmp(file.data + i, "PK\1\2", 4) == 0)
            central = file.data + i;
    }
    assert_non_null(central);
    uint8_t saved[46];
    memcpy(saved, central, sizeof saved);
    memset(central + 20, 0xfe, 8); /* both sizes */
    assert_int_equal(read_directory(file.data, file.size, &err), HG_STATUS_INPUT);
    format_check_text(&err, "entry 'data.pkl' with 4278124286 bytes at 0 passes the directory");
    memset(central + 20, 0xff, 8); /* zip64, but without the field */
    assert_int_equal(read_directory(file.data, file.size, &err), HG_STATUS_INPUT);
    format_check_text(&err, "entry 'data.pkl': bad zip64 field");
    memcpy(central, saved, sizeof saved);
    central[24]++; /* only the size of the content */
    assert_int_equal(read_directory(file.data, file.size, &err), HG_STATUS_INPUT);
    format_check_text(&err, "is stored but has");
    memcpy(central, saved, sizeof saved);
    central[28] = 0xff; /* a name longer than the directory */
    assert_int_equal(read_directory(file.data, file.size, &err), HG_STATUS_INPUT);
    format_check_text(&err, "passes its end");
    hg_buffer_deinit(&file);
}

/* Two directory records for the same bytes. */
static void test_overlap(void **state)
{
    (void)state;
    hg_buffer file = format_read("formats/hostile/list.bin");
    hg_error err;
    uint8_t *first = NULL, *second = NULL;
    for (size_t i = 0; i + 4 < file.size; i++) {
        if (memcmp(file.data + i, "PK\1\2", 4) == 0) {
            if (first == NULL)
                first = file.data + i;
            else if (second == NULL)
                second = file.data + i;
        }
    }
    assert_non_null(second);
    size_t record = 46 + strlen("evil/data.pkl");
    /* The second record (evil/data/0) becomes a copy of the first, of the same length but for the name. */
    assert_int_equal((size_t)(second - first), record);
    memcpy(second + 42, first + 42, 4);
    assert_int_equal(read_directory(file.data, file.size, &err), HG_STATUS_INPUT);
    format_check_text(&err, "has another name in its own header");
    hg_buffer_deinit(&file);
    file = format_read("formats/hostile/twice.bin");
    for (size_t i = 0; i + 46 < file.size; i++) {
        /* data.pkl is said to reach over what follows it. */
        if (memcmp(file.data + i, "PK\1\2", 4) == 0 && memcmp(file.data + i + 46, "evil/data.pkl", 13) == 0) {
            file.data[i + 20]++;
            file.data[i + 24]++;
        }
    }
    assert_int_equal(read_directory(file.data, file.size, &err), HG_STATUS_INPUT);
    format_check_text(&err, "entry 'evil/data/0' begins at");
    hg_buffer_deinit(&file);
}

static void test_truncated(void **state)
{
    (void)state;
    format_check_truncated("formats/hostile/list.bin", 0, read_directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_libzip), cmocka_unit_test(test_deltas),
                                       cmocka_unit_test(test_sizes), cmocka_unit_test(test_overlap),
                                       cmocka_unit_test(test_truncated)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
