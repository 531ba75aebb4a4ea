/* SPDX-License-Identifier: Apache-2.0
 *
 * test_folder_parts.c: what is found in a folder by its names, what is reported missing, and what is refused.
 */
#include "package/folder_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char folder[64];
static hg_parts parts;

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/hg_parts_XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

static void add_file(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(hg_file_write(path, "x", 1, NULL), HG_STATUS_OK);
}

static void add_folder(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0777), 0);
}

static void find(hg_status expected, const char *text)
{
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_parts_find(&parts, folder, &err), expected);
    if (strstr(err.text, text) == NULL)
        fail_msg("'%s' is not in: %s", text, err.text);
}

static void add_everything(void)
{
    add_folder("base");
    add_folder("clip");
    add_folder("vqgan");
    add_file("com_hlora_weights_phi4.bin");
    add_file("gen_hlora_weights.safetensors");
    add_file("fusion_layer_weights.bin");
    add_file("vqgan/last.ckpt");
}

static void test_complete(void **state)
{
    (void)state;
    char missing[HG_ERROR_TEXT_BYTES];
    add_everything();
    add_file("vqgan/model.yaml");
    add_file("com_hlora_weights.txt"); /* not a weight file: claims nothing */
    add_file("readme.bin");            /* nor does another name */
    find(HG_STATUS_OK, "");
    assert_string_equal(hg_path_name(parts.com), "com_hlora_weights_phi4.bin");
    assert_string_equal(hg_path_name(parts.gen), "gen_hlora_weights.safetensors");
    assert_string_equal(hg_path_name(parts.fusion), "fusion_layer_weights.bin");
    assert_string_equal(hg_path_name(parts.vqgan_file), "last.ckpt");
    assert_string_equal(hg_path_name(parts.base), "base");
    assert_string_equal(hg_path_name(parts.clip), "clip");
    assert_false(hg_parts_missing_for_ask(&parts, missing));
    assert_string_equal(missing, "");
    assert_false(hg_parts_missing_for_draw(&parts, missing));
    assert_string_equal(missing, "");
}

static void test_missing_parts_are_named(void **state)
{
    (void)state;
    char missing[HG_ERROR_TEXT_BYTES];
    add_folder("base");
    add_folder("vqgan"); /* without a checkpoint */
    add_file("clip");    /* a file is no folder */
    find(HG_STATUS_OK, "");
    assert_true(hg_parts_missing_for_ask(&parts, missing));
    assert_null(strstr(missing, "base/"));
    assert_non_null(strstr(missing, "clip/"));
    assert_non_null(strstr(missing, "com_hlora_weights"));
    assert_null(strstr(missing, "vqgan"));
    assert_true(hg_parts_missing_for_draw(&parts, missing));
    assert_non_null(strstr(missing, "gen_hlora_weights"));
    assert_non_null(strstr(missing, "fusion_layer_weights"));
    assert_non_null(strstr(missing, "vqgan/"));
    assert_null(strstr(missing, "com_hlora_weights"));
}

static void test_two_files_for_one_part(void **state)
{
    (void)state;
    add_everything();
    add_file("com_hlora_weights.bin");
    find(HG_STATUS_INPUT, "'com_hlora_weights.bin' and 'com_hlora_weights_phi4.bin' are both there");
}

static void test_two_checkpoints_of_the_picture_decoder(void **state)
{
    (void)state;
    add_everything();
    add_file("vqgan/first.ckpt");
    find(HG_STATUS_INPUT, "'first.ckpt' and 'last.ckpt' are both there");
}

static void test_no_folder(void **state)
{
    (void)state;
    hg_error err = {HG_STATUS_OK, ""};
    char path[256];
    add_file("model.gguf");
    snprintf(path, sizeof path, "%s/model.gguf", folder);
    assert_int_equal(hg_parts_find(&parts, path, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "no such folder or package"));
    snprintf(path, sizeof path, "%s/nothing", folder);
    assert_int_equal(hg_parts_find(&parts, path, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "no such folder"));
}

#define WITH_FOLDER(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {WITH_FOLDER(test_complete), WITH_FOLDER(test_missing_parts_are_named),
                                       WITH_FOLDER(test_two_files_for_one_part),
                                       WITH_FOLDER(test_two_checkpoints_of_the_picture_decoder),
                                       WITH_FOLDER(test_no_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
