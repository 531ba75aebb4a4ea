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

/* ---- views ---- */

#define VIEWED HG_TEST_DATA "/formats/sharded/" FIRST

/* What the user pointer says: a name is kept, or gets the prefix, or all get one name. */
typedef struct renaming {
    const char *only, *prefix, *all;
} renaming;

static bool rename_tensor(const void *user, const char *name, char out[HG_TENSOR_RENAME_BYTES])
{
    const renaming *r = user;
    if (r->only != NULL && strcmp(name, r->only) != 0)
        return false;
    snprintf(out, HG_TENSOR_RENAME_BYTES, "%s%s", r->prefix, r->all != NULL ? r->all : name);
    return true;
}

static void test_view(void **state)
{
    (void)state;
    hg_tensor_file *file;
    hg_tensor_set *set;
    hg_error err = {.text = ""};
    const hg_tensor *tensor;
    const renaming all = {NULL, "x.", NULL}, one = {"a.weight", "", NULL}, none = {"c", "", NULL};
    assert_int_equal(hg_tensor_file_open(&file, VIEWED, NULL), HG_STATUS_OK);
    const size_t n = hg_tensor_file_n_tensors(file);
    assert_in_range(n, 2, 10);
    assert_int_equal(hg_tensor_set_open_view(&set, file, rename_tensor, &all, &err), HG_STATUS_OK);
    assert_int_equal(hg_tensor_set_n_tensors(set), n);
    for (size_t i = 0; i < n; i++) {
        const hg_named_tensor *from = hg_tensor_file_get(file, i), *to = hg_tensor_set_get(set, i);
        assert_string_equal(to->name + 2, from->name);
        assert_ptr_equal(to->tensor.data, from->tensor.data);
        assert_ptr_equal(hg_tensor_set_find(set, to->name), &to->tensor);
    }
    assert_null(hg_tensor_set_get(set, n));
    assert_null(hg_tensor_set_find(set, "a.weight"));
    assert_int_equal(hg_tensor_set_need(set, "a.weight", &tensor, &err), HG_STATUS_INPUT);
    format_check_text(&err, FIRST ": tensor 'a.weight' is missing");
    assert_int_equal(hg_tensor_set_n_files(set), 1);
    assert_ptr_equal(hg_tensor_set_get_file(set, 0), file);
    assert_null(hg_tensor_set_get_file(set, 1));
    hg_tensor_set_close(set);
    assert_int_equal(hg_tensor_set_open_view(&set, file, rename_tensor, &one, NULL), HG_STATUS_OK);
    assert_int_equal(hg_tensor_set_n_tensors(set), 1);
    hg_tensor_set_close(set);
    assert_int_equal(hg_tensor_set_open_view(&set, file, rename_tensor, &none, NULL), HG_STATUS_OK);
    assert_int_equal(hg_tensor_set_n_tensors(set), 0);
    hg_tensor_set_close(set);
    hg_tensor_file_close(file);
}

static void test_view_with_one_name_twice(void **state)
{
    (void)state;
    hg_tensor_file *file;
    hg_tensor_set *set;
    hg_error err = {.text = ""};
    const renaming same = {NULL, "", "same"};
    assert_int_equal(hg_tensor_file_open(&file, VIEWED, NULL), HG_STATUS_OK);
    assert_int_equal(hg_tensor_set_open_view(&set, file, rename_tensor, &same, &err), HG_STATUS_INPUT);
    assert_null(set);
    format_check_text(&err, "'same'");
    hg_tensor_file_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folders),   cmocka_unit_test(test_single_files),
        cmocka_unit_test(test_bad_index), cmocka_unit_test(test_no_weights),
        cmocka_unit_test(test_view),      cmocka_unit_test(test_view_with_one_name_twice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
