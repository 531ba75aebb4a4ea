/* SPDX-License-Identifier: Apache-2.0
 *
 * pretrain_data.h: a folder of its own for a test of the stages that begin from nothing, with small pictures
 * of coloured shapes and questions about them, and what is checked of every stage.
 */
#ifndef HG_TESTS_PRETRAIN_DATA_H
#define HG_TESTS_PRETRAIN_DATA_H

#include <healthgpt/pretrain.h>

#define PRETRAIN_PICTURES 12

typedef struct pretrain_data {
    char folder[64]; /* with data.json */
} pretrain_data;

/* Fails the test when it cannot. */
void pretrain_data_make(pretrain_data *d);
void pretrain_data_remove(const pretrain_data *d);

/* folder/name into `path` (256 bytes), which is returned. */
const char *pretrain_data_path(const pretrain_data *d, const char *name, char *path);

/* Settings of a run of `stage` on data.json with results in folder/out; `more` are pairs of key and value up
 * to NULL. */
hg_pretrain_settings *pretrain_data_settings(const pretrain_data *d, hg_pretrain_stage stage, const char *out,
                                             const char *const *more);

/* A run that must succeed. */
void pretrain_data_run(const hg_pretrain_settings *s, hg_pretrain_result *result);

/* A measure of the result; fails the test when it is not there. */
double pretrain_data_measure(const hg_pretrain_result *result, const char *name);

/* One whole run, one with other threads, and one that SIGKILL ends after step `kill_at` of the run and that
 * is then continued: checkpoint and `file` (below out) must be equal in every byte. */
void pretrain_data_check_same(const pretrain_data *d, hg_pretrain_stage stage, const char *const *more,
                              int kill_at, const char *file);

#endif
