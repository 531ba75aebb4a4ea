/* SPDX-License-Identifier: Apache-2.0
 *
 * random_package.c: see random_package.h.
 */
#include "engine/random_package.h"

#include "package/random_files.h"

#include <healthgpt/package.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER_TEMPLATE "/tmp/hg_random_XXXXXX"
static char folder[] = FOLDER_TEMPLATE;

static random_path path_of(const char *name)
{
    random_path path;
    assert_int_equal(hg_path_join(path.text, folder, name, NULL), HG_STATUS_OK);
    return path;
}

/* As wide as "small", so that one row is enough work for several threads, and as shallow as can be. */
int random_package_setup(void **state)
{
    (void)state;
    hg_random_shape shape;
    hg_error err = {HG_STATUS_OK, ""};
    strcpy(folder, FOLDER_TEMPLATE);
    if (mkdtemp(folder) == NULL || !hg_random_shape_find("small", &shape))
        return -1;
    shape.decoder.n_layers = 2;
    shape.clip.n_layers = 2;
    if (hg_random_files_write(&shape, path_of("files").text, 7, NULL, &err) == HG_STATUS_OK)
        return 0;
    print_error("%s\n", err.text);
    return -1;
}

int random_package_teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

random_path random_package_make(const char *type)
{
    char name[32];
    snprintf(name, sizeof name, "%.16s.gguf", type);
    const random_path files = path_of("files"), out = path_of(name);
    const hg_convert_request request = {
        .model = files.text, .out = out.text, .types = {.type = type}, .no_hashes = true, .n_threads = 2};
    hg_convert_result result;
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_model_convert(&request, &result, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return out;
}
