/* SPDX-License-Identifier: Apache-2.0
 *
 * test_torch_zip.c: archives that are well formed and must be refused for what they say (hostile/, written by
 * reference/make_formats.py), and one that is cut short anywhere. Good files: test_tensor_file.c.
 */
#include "format_deltas.h"
#include "formats/torch_zip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static hg_status read_list(const uint8_t *data, size_t size, hg_error *err)
{
    hg_tensor_list list;
    hg_tensor_list_init(&list, size);
    hg_status status = hg_torch_zip_read(&list, data, size, err);
    hg_tensor_list_deinit(&list);
    return status;
}

static void test_hostile(void **state)
{
    (void)state;
    static const struct {
        const char *name, *expected;
    } files[] = {
        {"system.bin", "global 'posix.system' is not allowed"},
        {"builtin.bin", "global '__builtin__.eval' is not allowed"},
        {"lightning_call.bin", "global 'ModelCheckpoint' may not be called"},
        {"past_end.bin", "tensor 'weight' passes the end of its storage of 4 elements"},
        {"overflow.bin", "tensor 'weight' passes the end of its storage"},
        {"huge_empty.bin", "tensor 'weight': bad shape"},
        {"expanded.bin", "tensor 'weight': copies of tensors would take"},
        {"negative.bin", "the size has something else than a number >= 0"},
        {"count.bin", "a storage of 5 elements does not fill the 16 bytes of 'evil/data/0'"},
        {"missing.bin", "tensor 'weight': the archive has no entry 'evil/data/9'"},
        {"traversal.bin", "the archive has no entry 'evil/data/../version'"},
        {"compressed.bin", "entry 'evil/data.pkl' is compressed or encrypted"},
        {"byteorder.bin", "the byte order is not 'little'"},
        {"list.bin", "the saved object is not a dictionary of tensors"},
        {"twice.bin", "two tensors are named 'a.b'"},
        {"loop.bin", "dictionaries are nested deeper than 8"},
        {"bomb.bin", "dictionaries share too many entries"},
        {"no_folder.bin", "not an archive of PyTorch: its first entry is 'data.pkl'"},
        {"no_pickle.bin", "the archive has no entry 'evil/data.pkl'"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char name[128];
        snprintf(name, sizeof name, "formats/hostile/%s", files[i].name);
        hg_buffer file = format_read(name);
        hg_error err = {.text = "no error"};
        hg_status status = read_list(file.data, file.size, &err);
        hg_buffer_deinit(&file);
        format_check_text(&err, files[i].expected);
        assert_int_equal(status, HG_STATUS_INPUT);
    }
}

static void test_damaged(void **state)
{
    (void)state;
    static const format_delta deltas[] = {
        FORMAT_DELTA("HalfStorage", "HalfStorag3", "data.pkl is damaged: checksum"),
        FORMAT_DELTA("PK\1\2", "PK\1\3", "no directory record"),
    };
    format_check_deltas("formats/tiny.bin", read_list, deltas, sizeof deltas / sizeof deltas[0]);
    format_check_truncated("formats/module.pt", 0, read_list);
}

static void test_legacy(void **state)
{
    (void)state;
    hg_buffer file = format_read("formats/legacy.bin"), other = format_read("formats/state.pkl");
    assert_true(hg_torch_legacy_detect(file.data, file.size));
    assert_false(hg_torch_legacy_detect(file.data, 13));
    assert_false(hg_torch_legacy_detect(other.data, other.size));
    hg_buffer_deinit(&file);
    hg_buffer_deinit(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hostile), cmocka_unit_test(test_damaged),
                                       cmocka_unit_test(test_legacy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
