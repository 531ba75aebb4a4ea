/* SPDX-License-Identifier: Apache-2.0
 *
 * package_fixture.h: a folder for each test, packages of the tiny models in it, and their goldens. All
 * functions fail the test when something goes wrong that should not.
 */
#ifndef HG_TESTS_PACKAGE_FIXTURE_H
#define HG_TESTS_PACKAGE_FIXTURE_H

#include "base/buffer.h"
#include "base/file.h"

#include <healthgpt/healthgpt.h>
#include <healthgpt/package.h>

/* cmocka's setup and teardown: an empty folder under /tmp, removed with all that is in it. */
int package_folder_setup(void **state);
int package_folder_teardown(void **state);

typedef struct package_path {
    char text[HG_PATH_BYTES];
} package_path;

package_path package_path_of(const char *name);   /* in the test's folder */
package_path package_tiny_path(const char *name); /* of the tiny models' */

/* A request that makes the package `out` of the tiny model; the paths live in the caller's structs. */
hg_convert_request package_request(const package_path *model, const char *type, const package_path *out);
hg_convert_result package_convert(const hg_convert_request *request);

/* The tiny model as a package `name` of `type` in the test's folder. */
package_path package_make(const char *model, const char *type, const char *name);

hg_buffer package_read(const package_path *path);
void package_write(const package_path *path, const void *bytes, size_t n);

/* Files of the test's folder whose name ends so. */
int package_count_files(const char *ending);

/* Opens the model and expects the ids and picture codes that PyTorch gives for the tiny model `tiny`. */
void package_expect_golden(const package_path *path, const char *tiny, bool draws);

/* Opens the model and expects an answer to be made; of what tokens, it does not matter. */
void package_expect_answer(const package_path *path);

/* Opening must be refused with HG_STATUS_INPUT and this in the text. */
void package_expect_refused(const package_path *path, const char *text);

#endif
