/* SPDX-License-Identifier: Apache-2.0
 *
 * random_package.h: packages of a small model of random weights whose rows fit blocks of 256, in a folder
 * that the group's setup makes and its teardown removes.
 */
#ifndef HG_TESTS_ENGINE_RANDOM_PACKAGE_H
#define HG_TESTS_ENGINE_RANDOM_PACKAGE_H

#include "base/file.h"

typedef struct random_path {
    char text[HG_PATH_BYTES];
} random_path;

/* For cmocka_run_group_tests; setup also writes the model's files. */
int random_package_setup(void **state);
int random_package_teardown(void **state);

/* The package of that type, made from the model's files: all linear layers of the decoder have the type. */
random_path random_package_make(const char *type);

#endif
