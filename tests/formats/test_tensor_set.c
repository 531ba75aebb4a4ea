/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tensor_set.c: folders of shards, and index files that must be refused.
 */
#include "base/file.h"
#include "format_deltas.h"
#include "formats/tensor_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define INDEX "model.safetensors.index.json"
#define FIRST "model-00001-of-00002.safetensors"
#define SECOND "model-00002-of-00002.safetensors"

/* A folder of its own; the path is static. */
static const char *make_folder(void)
{
    static char folder[64];
    snprintf(folder, sizeof folder, "/tmp/hg_tensor_set_XXXXXX");
    assert_non_null(mkdtemp(folder));
    return folder;
}

static void put(const char *folder, const char *name, const void *bytes, size_t n)
{
    char path[HG_PATH_BYTES];
    hg_error err;
    assert_int_equal(hg_path_join(path, folder, name, &err), HG_STATUS_OK);
    assert_int_equal(hg_file_write(path, bytes, n, &err), HG_STATUS_OK);
}

static void put_copy(const char *folder, const char *name, const char *source)
{
    hg_buffer file = format_read(source);
    put(folder, name, file.data, file.size);
    hg_buffer_deinit(&file);
}

static void remove_folder(const char *folder)
{
    static const char *const names[] = {INDEX, FIRST, SECOND, "model.safetensors", "pytorch_model.bin"};
    char path[HG_PATH_BYTES];
    hg_error err;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(hg_path_join(path, folder, names[i], &err), HG_STATUS_OK);
        unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

static void test_folders(void **state)
{
    (void)state;
    static const char *const folders[] = {HG_TEST_DATA "/formats/sharded",
                                          HG_TEST_DATA "/formats/sharded_bin"};
    for (size_t i = 0; i < 2; i++) {
        hg_tensor_set *set;
        hg_error err;
        assert_int_equal(hg_tensor_set_open_folder(&set, folders[i], &err), HG_STATUS_OK);
        assert_int_equal(hg_tensor_set_n_files(set), 2);
        assert_int_equal(hg_tensor_set_n_tensors(set), 3);
        assert_string_equal(hg_tensor_set_get(set, 2)->name, "b.weight");
        assert_ptr_equal(&hg_tensor_set_get(set, 2)->tensor, hg_tensor_set_find(set, "b.weight"));
        assert_null(hg_tensor_set_get(set, 3));
        assert_null(hg_tensor_set_get_file(set, 2));
        assert_null(hg_tensor_set_find(set, "c.weight"));
        hg_tensor_set_close(set);
    }
}

/* model.safetensors wins over everything else, and pytorch_model.bin serves alone. */
static void test_single_files(void **state)
{
    (void)state;
    const char *folder = make_folder();
    hg_tensor_set *set;
    hg_error err;
    put_copy(folder, "pytorch_model.bin", "formats/module.pt");
    assert_int_equal(hg_tensor_set_open_folder(&set, folder, &err), HG_STATUS_OK);
    assert_int_equal(hg_tensor_set_n_tensors(set), 4);
    hg_tensor_set_close(set);
    put_copy(folder, "model.safetensors", "formats/odd.safetensors");
    assert_int_equal(hg_tensor_set_open_folder(&set, folder, &err), HG_STATUS_OK);
    assert_int_equal(hg_tensor_set_n_tensors(set), 2);
    hg_tensor_set_close(set);
    remove_folder(folder);
}

static void check_index(const char *text, const char *expected)
{
    const char *folder = make_folder();
    hg_tensor_set *set;
    hg_error err = {.text = ""};
    put_copy(folder, FIRST, "formats/sharded/" FIRST);
    put_copy(folder, SECOND, "formats/sharded/" FIRST);
    put(folder, INDEX, text, strlen(text));
    assert_int_equal(hg_tensor_set_open_folder(&set, folder, &err), HG_STATUS_INPUT);
    assert_null(set);
    format_check_text(&err, expected);
    remove_folder(folder);
}

static void test_bad_index(void **state)
{
    (void)state;
    check_index("{\"weight_map\":{\"a\":\"../x.safetensors\"}}",
                "shard '../x.safetensors' is not a plain file name");
    check_index("{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "is not a plain file name");
    check_index("{\"weight_map\":{\"a\":\"..\"}}", "is not a plain file name");
    check_index("{\"weight_map\":{\"a\":\"\"}}", "is not a plain file name");
    check_index("{\"weight_map\":{\"a\":\"sub\\\\x\"}}", "is not a plain file name");
    check_index("{\"weight_map\":{\"a\":\"other.safetensors\"}}", "other.safetensors: No such file");
    check_index("{\"weight_map\":{\"a\":7}}", "tensor 'a' has no file name");
    check_index("{\"weight_map\":{\"z\":\"" FIRST "\"}}", "tensor 'z' is not in shard '" FIRST "'");
    check_index("{\"weight_map\":{\"a.bias\":\"" FIRST "\",\"a.weight\":\"" SECOND "\"}}",
                "tensor 'a.bias' is in ");
    check_index("{\"weight_map\":{\"a\":\"x\",\"a\":\"y\"}}", "duplicate");
    check_index("{\"weight_map\":{}}", "no weight_map");
    check_index("{}", "no weight_map");
    check_index("[]", "not a JSON object");
}

static void test_no_weights(void **state)
{
    (void)state;
    hg_tensor_set *set;
    hg_error err;
    assert_int_equal(hg_tensor_set_open_folder(&set, HG_TEST_DATA "/formats/configs/phi3", &err),
                     HG_STATUS_INPUT);
    format_check_text(&err, "phi3: no weights");
    assert_int_equal(hg_tensor_set_open_folder(&set, HG_TEST_DATA "/formats/nowhere", &err), HG_STATUS_INPUT);
    format_check_text(&err, "nowhere: no such folder");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_folders), cmocka_unit_test(test_single_files),
                                       cmocka_unit_test(test_bad_index), cmocka_unit_test(test_no_weights)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
